#!/usr/bin/env python3
"""Checks that src/ keeps to the law of includes in tools/layers.txt.

usage: check_layers.py SRC_DIR LAYERS_TXT

One line per violation and exit code 1 where a file includes a folder that its
own folder may not, where a folder is missing from layers.txt, where the law
lists a folder before what it stands on, or where a file other than *.cu,
*.cuh and *_cuda.cc includes a header of CUDA or a *.cuh of ours.
"""
import pathlib
import re
import sys

DEVICE_FILE = re.compile(r"(\.cu|\.cuh|_cuda\.cc)$")
CUDA_HEADER = re.compile(r'\s*#\s*include\s*([<"](cuda(?!/)|cublas|nccl)|"[^"]*\.cuh")')
OWN_HEADER = re.compile(r'\s*#\s*include\s*"([^"]+)"')


def read_law(path):
    law = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            folder, _, allowed = line.partition(":")
            law[folder.strip()] = allowed.split()
    return law


def check_law(law):
    order = list(law)
    for folder, allowed in law.items():
        for name in allowed:
            if name not in law or order.index(name) >= order.index(folder):
                yield f"layers.txt: {folder} lists {name}, which does not lie below it"


def check_file(path, name, law):
    folder = name.split("/")[0]
    if folder not in law:
        yield f"{name}: folder {folder} is not in layers.txt"
        return
    for number, text in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if CUDA_HEADER.match(text) and not DEVICE_FILE.search(name):
            yield f"{name}:{number}: CUDA header in a device-neutral file"
        match = OWN_HEADER.match(text)
        if not match:
            continue
        target = match.group(1)
        if "/" not in target or ".." in target:
            yield f'{name}:{number}: include "{target}" from the root of src/'
            continue
        other = target.split("/")[0]
        if other != folder and other in law and other not in law[folder]:
            yield f"{name}:{number}: {folder} may not include {other}"


def main(src, layers):
    src, law = pathlib.Path(src), read_law(pathlib.Path(layers))
    found = list(check_law(law))
    for path in sorted(src.rglob("*")):
        if path.suffix in {".h", ".cc", ".cu", ".cuh"}:
            found += check_file(path, path.relative_to(src).as_posix(), law)
    print("\n".join(found) if found else f"ok: {len(law)} folders keep to the law")
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))

#!/usr/bin/env python3
"""Puts a trained adapter beside its model, where `qed` finds it, after a check.

usage: export.py [--from training/out] --to models/SmolLM2-135M-Instruct.Q4_1.adapter
"""

import argparse
import pathlib
import shutil

import torch
from safetensors.torch import load_file

LARGEST_FILE = 16_000_000  # bytes: what can be kept in the repository
FILES = ("adapter_config.json", "adapter_model.safetensors")


def check(folder: pathlib.Path) -> None:
    tensors = load_file(folder / FILES[1])
    pairs = {name.replace(".lora_A.", ".lora_B.") for name in tensors if ".lora_A." in name}
    assert len(tensors) == 2 * len(pairs) and pairs <= tensors.keys(), "pairs are incomplete"
    assert all(torch.isfinite(t).all() for t in tensors.values()), "not all values are finite"
    size = (folder / FILES[1]).stat().st_size
    assert size < LARGEST_FILE, f"{size} bytes are too many: train with a smaller --rank"
    print(f"{len(pairs)} matrices, {size / 1e6:.1f} MB")


def main() -> None:
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="source", type=pathlib.Path, default=here / "out")
    parser.add_argument("--to", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    check(arguments.source)
    arguments.to.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(arguments.source / name, arguments.to / name)


if __name__ == "__main__":
    main()

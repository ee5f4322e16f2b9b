#!/usr/bin/env python3
"""Engine folders and quantized folders on a GPU.

usage: tests/gpu/engines.py --qed QED [--model GGUF] [--shape qwen2.5-14b] [--folder DIR]

- An engine gives the tokens and log-probabilities that its source gives with the same
  --quantize on the same GPU: the bytes in its memory are the same, so all are equal.
- Folders of `qed quantize` (FP8 static, FP8 a row, int8, some linears in 16 bits) give the CPU's tokens but for near
  ties, and the same files whichever machine made them: their digests are printed.
- `qed quantize --device cuda` writes the same weights as on the CPU, and scales of activations
  that differ by roundings only.
- The large shape in FP8 (with --shape; 15 GB of disk for the 14B one): an engine is ready
  within 3 s from a warm cache, and decodes at least as fast as `--quantize fp8` does.
"""

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import hf_folder  # noqa: E402
from token_parity import NEAR_TIE, PROMPTS, TOKENS, compare, generate  # noqa: E402

GPU = ["--max-seq-len", "512", "--kv-cache-free-gpu-memory-fraction", "0.1"]
READY_S = 3.0
SLOWER = 1.02  # noise of a timed step


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def same_as_source(qed, work, name, source, build_flags, quantize):
    engine = f"{work}/{name}-{quantize}"
    run([qed, "build", *build_flags, "--output", engine, "--device", "cuda", "--quantize",
         quantize])
    wrong = 0
    for prompt in PROMPTS:
        want = generate(qed, "cuda", prompt, [*source, "--quantize", quantize, *GPU])
        got = generate(qed, "cuda", prompt, ["--model", engine, *GPU])
        wrong += got != want
    print(f"engine of {name}, {quantize}: {len(PROMPTS) - wrong} of {len(PROMPTS)} texts equal, "
          f"log-probabilities and all", flush=True)
    return wrong


def engines(qed, work, model):
    sources = [("random", ["--random-weights", "smollm2-135m"],
                ["--random-weights", "smollm2-135m"])]
    if os.path.exists(model):
        sources.append(("model", ["--model", model], ["--checkpoint", model]))
    wrong = 0
    for name, source, build_flags in sources:
        for quantize in ("none", "fp8", "fp8_per_tensor", "int8_wo"):
            wrong += same_as_source(qed, work, name, source, build_flags, quantize)
    return wrong


def quantized_folders(qed, work):
    source, texts = f"{work}/source", f"{work}/texts.jsonl"
    # Heads as the GPU's attention has them, sides that its products of bytes take.
    hf_folder.HIDDEN, hf_folder.HEAD_DIM, hf_folder.INNER = 256, 64, 128
    hf_folder.write_folder(source)
    with open(texts, "w", encoding="utf-8") as file:
        for i in range(20):
            file.write(json.dumps({"text": f"{i} times {i} is {i * i}. " * 3}) + "\n")
    wrong = 0
    for name, flags in (("static", ["--calib-dataset", texts]), ("row", ["--scales", "row"]),
                        ("int8", ["--qformat", "int8_wo"]),
                        ("packed", ["--qformat", "int8_wo", "--export", "compressed-tensors"]),
                        ("layers", ["--scales", "row", "--ignore", "model.layers.0.*"]),
                        ("mixed", ["--scales", "row", "--ignore", "*.o_proj", "--ignore",
                                   "model.layers.1.mlp.*"])):
        folder = f"{work}/{name}"
        run([qed, "quantize", "--model", source, "--output", folder, *flags])
        digest = hashlib.sha256(pathlib.Path(folder, "model.safetensors").read_bytes())
        agree = 0
        for prompt in PROMPTS:
            cpu = generate(qed, "cpu", prompt, ["--model", folder, "--max-seq-len", "512"])
            gpu = generate(qed, "cuda", prompt, ["--model", folder, *GPU])
            # Random weights make more of a rounding than trained ones.
            tokens, _, why = compare(cpu, gpu, 2 * NEAR_TIE["fp8"])
            agree += tokens
            wrong += why is not None
            if why is not None:
                print(f"folder {name}: {why}", flush=True)
        print(f"folder {name}: sha256 {digest.hexdigest()[:16]}, {agree} of "
              f"{TOKENS * len(PROMPTS)} tokens before the first difference", flush=True)
    return wrong


def calibrated_on_both(qed, work):
    """The weights are the same bytes; scales of activations differ by roundings to bfloat16."""
    folders = {}
    for device in ("cpu", "cuda"):
        folder = f"{work}/calibrated-{device}"
        run([qed, "quantize", "--model", f"{work}/source", "--calib-dataset", f"{work}/texts.jsonl",
             "--rounding", "nearest", "--max-kept", "0", "--device", device, "--output", folder])
        folders[device] = hf_folder.read_safetensors(f"{folder}/model.safetensors")
    cpu, gpu = folders["cpu"], folders["cuda"]
    names = set(cpu) | set(gpu)
    others = {name for name in names if cpu.get(name) != gpu.get(name)}
    scales = {name for name in others if name.endswith(("input_scale", "k_scale", "v_scale"))}
    worst = max((abs(hf_folder.numbers(gpu[name])[0] / hf_folder.numbers(cpu[name])[0] - 1)
                 for name in scales), default=0)
    print(f"calibrated on a GPU: {len(names)} tensors, {len(others - scales)} weights and "
          f"{len(scales)} scales of activations differ, these by at most {100 * worst:.2f} %",
          flush=True)
    return len(others - scales) + (worst > 0.02)


def bench(qed, flags):
    report = json.loads(run([qed, "bench", *flags, "--device", "cuda", "--sequences", "1", "12",
                             "32", "--prefill-tokens", "512", "--json"]))
    steps = {row["batch"]: row["step_ms"] for row in report["rows"] if row["case"] == "decode"}
    return report["ready_s"], steps


def large_shape(qed, work, shape):
    engine = f"{work}/large"
    print(run([qed, "build", "--random-weights", shape, "--device", "cuda", "--quantize", "fp8",
               "--output", engine]).splitlines()[-1], flush=True)
    bench(qed, ["--model", engine])  # warms the cache
    ready, steps = bench(qed, ["--model", engine])
    at_load_ready, at_load = bench(qed, ["--random-weights", shape, "--quantize", "fp8"])
    print(f"{shape} in FP8: ready after {ready:.2f} s ({at_load_ready:.2f} s when quantized while "
          f"loading); decode ms a step: {steps} ({at_load})", flush=True)
    slow = [batch for batch, ms in steps.items() if ms > SLOWER * at_load[batch]]
    if ready > READY_S:
        print(f"engines: ready after {ready:.2f} s, above {READY_S} s")
    if slow:
        print(f"engines: slower than quantized while loading at {slow} sequences")
    return (ready > READY_S) + len(slow)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--qed", required=True)
    parser.add_argument("--model", default="models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--shape", help="for the times; without it there are none")
    parser.add_argument("--folder", help="where to work")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as work:
        try:
            wrong = quantized_folders(options.qed, work)
            wrong += calibrated_on_both(options.qed, work)
            if options.shape:
                wrong += large_shape(options.qed, work, options.shape)
            wrong += engines(options.qed, work, options.model)
        except RuntimeError as error:
            sys.exit(f"engines: {error}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

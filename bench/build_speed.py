#!/usr/bin/env python3
"""How fast a checkpoint is quantized and packed, and within how much memory.

usage: bench/build_speed.py --qed build/qed [--layers 28] [--folder DIR] [--threads 2]

Makes a random Qwen2 checkpoint of the 1.5B shape in bfloat16 (fewer layers: a part of it) in
a folder of its own, runs `qed quantize` (FP8, a scale a row) and `qed build` on it, for a CPU
and for a GPU, and prints beside each time what the machine would need for the bytes alone:
reading the source from memory and writing the result to the disk (with fsync), whichever takes
longer. Resident memory is the most that the process had, pages of mapped files included.
"""

import argparse
import json
import os
import resource
import shutil
import struct
import subprocess
import tempfile
import time

HIDDEN, INNER, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 1536, 8960, 12, 2, 128, 151936
BLOCK = 1 << 24


def tensors(layers):
    yield "model.embed_tokens.weight", (VOCAB, HIDDEN)
    for i in range(layers):
        name = f"model.layers.{i}."
        yield name + "input_layernorm.weight", (HIDDEN,)
        yield name + "post_attention_layernorm.weight", (HIDDEN,)
        for part, rows in (("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)):
            yield f"{name}self_attn.{part}_proj.weight", (rows * HEAD_DIM, HIDDEN)
            yield f"{name}self_attn.{part}_proj.bias", (rows * HEAD_DIM,)
        yield name + "self_attn.o_proj.weight", (HIDDEN, HEADS * HEAD_DIM)
        yield name + "mlp.gate_proj.weight", (INNER, HIDDEN)
        yield name + "mlp.up_proj.weight", (INNER, HIDDEN)
        yield name + "mlp.down_proj.weight", (HIDDEN, INNER)
    yield "model.norm.weight", (HIDDEN,)


def write_checkpoint(folder, layers):
    """bfloat16 values of about +-0.02 with random signs and fractions."""
    os.makedirs(folder)
    header, offset = {}, 0
    for name, shape in tensors(layers):
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": list(shape),
                        "data_offsets": [offset, offset + 2 * count]}
        offset += 2 * count
    text = json.dumps(header).encode()
    with open(f"{folder}/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        left = offset
        while left > 0:
            block = bytearray(os.urandom(min(left, BLOCK)))
            # The upper byte: sign and exponent of 2^-7 to 2^-6.
            block[1::2] = block[1::2].translate(bytes(0x3C | (b & 0x80) for b in range(256)))
            file.write(block)
            left -= len(block)
    config = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2",
              "num_hidden_layers": layers, "num_attention_heads": HEADS,
              "num_key_value_heads": KV_HEADS, "hidden_size": HIDDEN,
              "intermediate_size": INNER, "vocab_size": VOCAB,
              "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
              "tie_word_embeddings": True, "torch_dtype": "bfloat16"}
    with open(f"{folder}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    return offset


def run(command):
    """(seconds, processor seconds, resident GB) of a program."""
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - begin, processor, usage.ru_maxrss * 1024 / 1e9


def size_of(folder):
    return sum(os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder))


def read_seconds(path):
    begin = time.monotonic()
    with open(path, "rb", buffering=0) as file:
        block = bytearray(BLOCK)
        while file.readinto(block):
            pass
    return time.monotonic() - begin


def write_seconds(path, count):
    block = os.urandom(BLOCK)
    begin = time.monotonic()
    with open(path, "wb", buffering=0) as file:
        while count > 0:
            count -= file.write(block[:min(count, BLOCK)])
        os.fsync(file.fileno())
    took = time.monotonic() - begin
    os.remove(path)
    return took


def measure(name, command, source, output):
    seconds, processor, resident = run(command)
    read = read_seconds(f"{source}/model.safetensors")
    written = size_of(output)
    write = write_seconds(output + ".bound", written)
    bound, what = max((read, "memory"), (write, "disk"))
    print(f"{name:34} {seconds:6.1f} s ({processor:5.1f} s of processors)  {written / 1e9:5.2f} GB "
          f"written  {resident:4.2f} GB resident  bound by {what}: {bound:5.1f} s, "
          f"{100 * bound / seconds:3.0f} % of it", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--qed", default="build/qed")
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--folder", help="where to work (6 GB are needed)")
    args = parser.parse_args()
    work = tempfile.mkdtemp(dir=args.folder)
    try:
        source = f"{work}/source"
        print(f"{write_checkpoint(source, args.layers) / 1e9:.2f} GB of weights in bfloat16")
        threads = ["--threads", args.threads]
        measure("qed quantize --scales row",
                [args.qed, "quantize", "--model", source, "--output", f"{work}/fp8", "--scales",
                 "row", *threads], source, f"{work}/fp8")
        for what, model, device in (("16 bits, a CPU", source, "cpu"),
                                    ("16 bits, a GPU", source, "cuda"),
                                    ("FP8, a CPU", f"{work}/fp8", "cpu"),
                                    ("FP8, a GPU", f"{work}/fp8", "cuda")):
            measure(f"qed build of {what}",
                    [args.qed, "build", "--checkpoint", model, "--output", f"{work}/engine",
                     "--device", device, *threads], model, f"{work}/engine")
            shutil.rmtree(f"{work}/engine")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Log-probs of small random checkpoints on the GPU beside those of `transformers`.

usage: tests/gpu/transformers_parity.py --logprobs BUILD/tests/parity/model_logprobs

Llama, Qwen2 and Qwen3 with groups of 1, 3, 5, 7 and 8 query heads, in 16 bits, FP8 and int8 (for
which the linear layers of `transformers` are given the same quantization), with linear and YaRN
RoPE scaling, and folders quantized in every layout that QED reads. Rounding between the
operations makes log-probs of such networks differ from exact ones; how much is a matter of the
network. So `transformers` in bfloat16 is the measure: root mean squares of the differences from
`transformers` in float32 may be half as much again as its own (roundings fall elsewhere).
"""

import argparse
import concurrent.futures
import pathlib
import sys
import tempfile

import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "parity"))

import quantized_folders  # noqa: E402
from random_models import (DTYPES, LINEAR, LLAMA3, YARN, YARN_EXACT, llama,  # noqa: E402
                           log_probs, ours, qwen2, qwen3, random_ids, randomize, save)

ROOM = 1.5
FAMILIES = {"llama": (llama, LLAMA3), "qwen2": (qwen2, {}), "qwen3": (qwen3, {})}
SCALED_ROPE = {"llama, linear RoPE": (llama, LINEAR), "qwen2, YaRN": (qwen2, YARN),
               "qwen3, YaRN without truncation": (qwen3, YARN_EXACT)}
GROUPS = {1: (2, 2), 3: (6, 2), 5: (10, 2), 7: (14, 2), 8: (8, 1)}  # query and key-value heads
LARGEST_CODE = {"fp8": 448, "int8_wo": 127}


def rounded_to_codes(x, quantize):
    """What the codes of a row's 8-bit numbers stand for, by the scale of its largest."""
    largest = x.abs().amax(dim=-1, keepdim=True).clamp(min=1e-30)
    scaled = x * (LARGEST_CODE[quantize] / largest)
    codes = scaled.to(torch.float8_e4m3fn).float() if quantize == "fp8" else scaled.round()
    return codes * (largest / LARGEST_CODE[quantize])


class EightBitLinear(torch.nn.Module):
    """A linear layer of 8-bit weights; in FP8 of 8-bit activations too."""

    def __init__(self, linear, quantize):
        super().__init__()
        self.quantize, self.bias = quantize, linear.bias
        self.codes = rounded_to_codes(linear.weight.detach().float(), quantize)

    def forward(self, x):
        y = rounded_to_codes(x.float(), "fp8") if self.quantize == "fp8" else x.float()
        y = torch.nn.functional.linear(y, self.codes)
        return (y if self.bias is None else y + self.bias.float()).to(x.dtype)


def load(kind, folder, dtype, quantize, device):
    model = kind.from_pretrained(folder, dtype=dtype).to(device).eval()
    if quantize != "none":
        for layer in model.model.layers:
            for block in (layer.self_attn, layer.mlp):
                for name, child in list(block.named_children()):
                    if isinstance(child, torch.nn.Linear):
                        setattr(block, name, EightBitLinear(child, quantize))
    return model


def torch_device():
    return "cuda" if torch.cuda.is_available() else "cpu"


def distance(got, want):
    """The root mean square over [T][V], the largest of several; NaN where one is."""
    return (got - want).square().mean(dim=(-2, -1)).sqrt().max().item()


def start(pool, program, device, folder, case):
    """What a run needs to be judged; `transformers` works on one model at a time."""
    name, model, quantize, dtype_name, seed = case
    ids = random_ids(seed)
    save(model, folder, sharded=False)
    exact, rounded = (log_probs(load(type(model), folder, dtype, quantize, torch_device()), ids)
                      for dtype in (torch.float32, torch.bfloat16))
    run = pool.submit(ours, program, folder, ids, device, quantize)
    return f"{name}, {dtype_name}, {quantize}", run, exact, distance(rounded, exact)


def start_quantized(pool, program, device, folder, name, seed):
    """The same of a folder quantized in a layout."""
    torch.manual_seed(seed)
    model = qwen2(num_attention_heads=10, num_key_value_heads=2, head_dim=64, hidden_size=640,
                  intermediate_size=448, tie_word_embeddings=False)
    randomize(model, seed)
    layout = quantized_folders.LAYOUTS[name]
    quantized_folders.write(folder, model.float(), layout)
    # Codes in blocks are bfloat16 on a GPU, whose products leave their inputs as they are.
    how = None if layout[2] == "group" else layout[2]
    ids = random_ids(seed)
    exact, rounded = (
        log_probs(quantized_folders.with_rounded_inputs(model.to(torch_device(), dtype), how), ids)
        for dtype in (torch.float32, torch.bfloat16))
    run = pool.submit(ours, program, folder, ids, device)
    return f"qwen2, a folder of {name}", run, exact, distance(rounded, exact)


def is_near(name, run, exact, of_rounding):
    of_ours = distance(run.result(), exact)
    near = of_ours <= ROOM * of_rounding
    print(f"{'ok' if near else 'FAILED':6} {name}: {of_ours:.4f}, transformers in bfloat16 "
          f"{of_rounding:.4f}", flush=True)
    return near


def cases():
    """(name, model, quantization, type of the file's numbers, seed)"""
    seed = 0
    for family, (make, options) in FAMILIES.items():
        for group, (heads, kv_heads) in GROUPS.items():
            for quantize in ("none", *LARGEST_CODE):
                seed += 1
                head_dim, dtype_name = (64, 128)[seed % 2], list(DTYPES)[seed // 3 % len(DTYPES)]
                torch.manual_seed(seed)
                model = make(num_attention_heads=heads, num_key_value_heads=kv_heads,
                             head_dim=head_dim, hidden_size=64 * heads, intermediate_size=448,
                             tie_word_embeddings=seed % 2 == 0, **options)
                randomize(model, seed)
                yield (f"{family}, group {group}, heads of {head_dim}",
                       model.to(DTYPES[dtype_name]), quantize, dtype_name, seed)


    for name, (make, options) in SCALED_ROPE.items():
        seed += 1
        torch.manual_seed(seed)
        model = make(num_attention_heads=6, num_key_value_heads=2, head_dim=64, hidden_size=384,
                     tie_word_embeddings=False, **options)
        randomize(model, seed)
        yield name, model, "none", "F32", seed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--logprobs", required=True, help="the program model_logprobs")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    with (tempfile.TemporaryDirectory() as temporary,
          concurrent.futures.ThreadPoolExecutor(options.at_once) as pool):
        runs = []
        for number, case in enumerate(cases()):
            folder = pathlib.Path(temporary) / str(number)
            folder.mkdir()
            runs.append(start(pool, options.logprobs, options.device, folder, case))
        for seed, name in enumerate(quantized_folders.LAYOUTS):
            folder = pathlib.Path(temporary) / f"quantized-{seed}"
            folder.mkdir()
            runs.append(start_quantized(pool, options.logprobs, options.device, folder, name, seed))
        near = [is_near(*run) for run in runs]
    print(f"{sum(near)} of {len(near)} near enough")
    sys.exit(0 if all(near) else 1)


if __name__ == "__main__":
    main()

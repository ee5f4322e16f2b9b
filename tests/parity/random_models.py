#!/usr/bin/env python3
"""Compares QED with Hugging Face `transformers` on small random checkpoints.

Llama (plain, with Llama-3's and linear RoPE scaling, with biases), Qwen2 (GQA group 5,
tied and untied head, YaRN) and Qwen3 (QK-norm, heads wider than hidden size / heads),
in F32, F16 and BF16, as one safetensors file and sharded. Log-probs after each
of 40 given tokens must agree to 1e-3 with --compute f32, whole and in chunks.

usage: random_models.py --logprobs build/tests/parity/model_logprobs
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM)

TOKENS = 40
TOLERANCE = 1e-3
COMMON = dict(vocab_size=320, hidden_size=160, intermediate_size=288, num_hidden_layers=3,
              max_position_embeddings=4096, bos_token_id=1, eos_token_id=2, pad_token_id=0,
              initializer_range=0.08)
LLAMA3 = dict(rope_theta=500000.0,
              rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0,
                                high_freq_factor=4.0, original_max_position_embeddings=32))


LINEAR = dict(rope_scaling=dict(rope_type="linear", factor=4.0))
# 40 tokens are far beyond the original context.
YARN = dict(rope_scaling=dict(rope_type="yarn", factor=4.0,
                              original_max_position_embeddings=16))
YARN_EXACT = dict(rope_scaling=dict(rope_type="yarn", factor=8.0, beta_fast=24.0, beta_slow=2.0,
                                    attention_factor=1.3, truncate=False,
                                    original_max_position_embeddings=8))


def llama(**options):
    sizes = dict(num_attention_heads=5, num_key_value_heads=5)
    return LlamaForCausalLM(LlamaConfig(**{**COMMON, **sizes, **options}))


def qwen2(**options):
    sizes = dict(num_attention_heads=10, num_key_value_heads=2)
    return Qwen2ForCausalLM(Qwen2Config(**{**COMMON, **sizes, **options}))


def qwen3(**options):
    sizes = dict(num_attention_heads=6, num_key_value_heads=2, head_dim=48)
    return Qwen3ForCausalLM(Qwen3Config(**{**COMMON, **sizes, **options}))


MODELS = {
    "llama, untied": lambda: llama(tie_word_embeddings=False),
    "llama, llama-3 rope, group 5": lambda: llama(num_key_value_heads=1, tie_word_embeddings=True,
                                                  **LLAMA3),
    "llama, biases": lambda: llama(attention_bias=True, tie_word_embeddings=False),
    "qwen2, group 5, tied": lambda: qwen2(tie_word_embeddings=True),
    "qwen2, group 5, untied": lambda: qwen2(tie_word_embeddings=False),
    "llama, linear rope": lambda: llama(tie_word_embeddings=False, **LINEAR),
    "qwen2, yarn": lambda: qwen2(tie_word_embeddings=False, **YARN),
    "qwen3, yarn without truncation": lambda: qwen3(tie_word_embeddings=True, **YARN_EXACT),
    "qwen3, tied": lambda: qwen3(tie_word_embeddings=True),
    "qwen3, untied, biases": lambda: qwen3(tie_word_embeddings=False, attention_bias=True),
}
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def randomize(model, seed):
    """Norms and biases start as ones and zeros, which would hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                noise = torch.randn(parameter.shape, generator=generator) * 0.3
                parameter.copy_(noise + (1.0 if "norm" in name else 0.0))


def save(model, folder, sharded):
    model.save_pretrained(folder, safe_serialization=True,
                          max_shard_size="300KB" if sharded else "5GB")
    is_sharded = (folder / "model.safetensors.index.json").exists()
    assert is_sharded == sharded, f"{folder}: sharded is {is_sharded}"
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<pad>", "<s>", "</s>"] + alphabet
    tokens += [f"<unused{i}>" for i in range(COMMON["vocab_size"] - len(tokens))]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))


def random_ids(seed):
    generator = random.Random(seed)
    return [generator.randrange(COMMON["vocab_size"]) for _ in range(TOKENS)]


def log_probs(model, ids):
    """[T][V], by `transformers`."""
    with torch.no_grad():
        logits = model(torch.tensor([ids], device=model.device)).logits[0]
    return torch.log_softmax(logits.double(), dim=-1).cpu()


def ours(program, folder, ids, device="cpu", quantize="none"):
    """[chunks][T][V]: all tokens at once, some at a time, one at a time."""
    chunks = f"{len(ids)},7,1"
    command = [program, str(folder), device, quantize, chunks, *map(str, ids)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"status {done.returncode}: {done.stderr.strip()}")
    got = torch.tensor(json.loads(done.stdout), dtype=torch.float64)
    assert got.shape == (3, len(ids), COMMON["vocab_size"]), got.shape
    return got


def compare(program, name, make, dtype_name, sharded, seed):
    torch.manual_seed(seed)
    model = make()
    randomize(model, seed)
    model = model.to(DTYPES[dtype_name])
    ids = random_ids(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        save(model, folder, sharded)
        # From the files, since .to() has rounded the RoPE frequencies as well.
        exact = type(model).from_pretrained(folder, dtype=torch.float32).eval()
        want = log_probs(exact, ids)
        got = ours(program, folder, ids)
        worst = (got - want).abs().max().item()
    verdict = "ok" if worst <= TOLERANCE else "FAILED"
    shards = "sharded" if sharded else "one file"
    print(f"{verdict:6} {name}, {dtype_name}, {shards}: {worst:.1e}", flush=True)
    return worst <= TOLERANCE


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--logprobs", required=True, help="the program model_logprobs")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(2)
    transformers.utils.logging.disable_progress_bar()
    passed = True
    for m, (name, make) in enumerate(MODELS.items()):
        for d, dtype_name in enumerate(DTYPES):
            passed &= compare(args.logprobs, name, make, dtype_name, (m + d) % 2 == 1,
                              args.seed + 10 * m + d)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

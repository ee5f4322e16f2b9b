#!/usr/bin/env python3
"""Compares the adapter as QED merges it with PEFT on the dequantised weights.

Fresh prompts are continued greedily by `qed generate` with the adapter; PEFT's
forward pass over the same tokens must give the same log-probabilities: to rounding
for the five likeliest tokens with --compute f32, and nearly so for the chosen ones
on the fast path, where merged weights and activations are int8.

usage: adapter_parity.py --qed build/qed --model MODEL.gguf --adapter FOLDER
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys

import torch
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "training"))
from qed_training.example import DEFAULT_SYSTEM, GENERIC_MATH, chat  # noqa: E402
from qed_training.weights import Base  # noqa: E402

TOKENS = 16
LARGEST = {"f32": 2e-3, "auto": 0.5}  # difference of two log-probabilities


def reference(base, adapter):
    """Hugging Face's Llama with the file's weights, PEFT's adapter on top."""
    embedding = base.tensors["model.embed_tokens.weight"]
    feed_forward = base.tensors["model.layers.0.mlp.gate_proj.weight"].shape[0]
    config = LlamaConfig(
        vocab_size=embedding.shape[0], hidden_size=embedding.shape[1],
        intermediate_size=feed_forward, num_hidden_layers=base.layers,
        num_attention_heads=base.heads, num_key_value_heads=base.kv_heads,
        rms_norm_eps=base.epsilon, tie_word_embeddings=True, max_position_embeddings=8192,
        rope_parameters={"rope_type": "default", "rope_theta": base.rope_base})
    model = LlamaForCausalLM(config)
    missing, unexpected = model.load_state_dict(base.tensors, strict=False)
    assert not unexpected and missing in ([], ["lm_head.weight"]), (missing, unexpected)
    model.tie_weights()
    return PeftModel.from_pretrained(model, adapter).eval()


def prompts(seed):
    rng = random.Random(seed)
    for question in [f"What is {rng.randint(100, 999)} * {rng.randint(100, 999)}?",
                     f"Ida has {rng.randint(20, 90)} plums and gives {rng.randint(2, 19)} of them "
                     "to Bo. How many plums does she have left?",
                     f"How many divisors does {rng.randint(100, 9999)} have?"]:
        yield chat(GENERIC_MATH.format(problem=question), DEFAULT_SYSTEM)


def continue_with_qed(arguments, prompt, compute):
    run = subprocess.run(
        [arguments.qed, "generate", "--model", arguments.model, "--adapter", arguments.adapter,
         "--prompt", prompt, "--max-tokens", str(TOKENS), "--temperature", "0", "--logprobs", "5",
         "--json", "--compute", compute, "--kv-cache-bytes", str(64 << 20)],
        capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def largest_difference(model, tokenizer, prompt, continued, chosen_only):
    """Over the chosen tokens, or over the five likeliest at each place."""
    ids = tokenizer.encode(prompt, add_special_tokens=False).ids
    assert len(ids) == continued["usage"]["prompt_tokens"], "the prompts' tokens differ"
    with torch.no_grad():
        logits = model(torch.tensor([ids + continued["token_ids"]])).logits[0]
    expected = torch.log_softmax(logits.double(), -1)[len(ids) - 1:]
    worst = 0.0
    for place, entry in enumerate(continued["logprobs"]):
        for token in [entry] if chosen_only else entry["top"]:
            worst = max(worst, abs(token["logprob"] - expected[place, token["token_id"]].item()))
    return worst


def main():
    parser = argparse.ArgumentParser()
    for flag in ("--qed", "--model", "--adapter"):
        parser.add_argument(flag, required=True)
    parser.add_argument("--seed", type=int, default=random.randrange(10 ** 9))
    arguments = parser.parse_args()
    base = Base(pathlib.Path(arguments.model))
    model, tokenizer = reference(base, arguments.adapter), base.tokenizer()
    failed = False
    for compute, bound in LARGEST.items():
        worst = max(largest_difference(model, tokenizer, prompt,
                                       continue_with_qed(arguments, prompt, compute),
                                       chosen_only=compute == "auto")
                    for prompt in prompts(arguments.seed))
        failed |= worst > bound
        print(f"--compute {compute}: largest difference of log-probabilities {worst:.2g} "
              f"(bound {bound}), seed {arguments.seed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Compares QED's ReDrafter head with its formulas in PyTorch, on random weights.

The reference is written here from the paper (arXiv:2403.09919) and shares nothing with
training/drafter. With and without recurrence, 0 to 3 residual blocks, with an input
projection, with a cut vocabulary, in f32 and bf16 files, under Apple's names, those of its
first release and TensorRT-LLM's: logits must agree to 1e-4 of the largest.

usage: redrafter_parity.py --logits build/tests/parity/redrafter_logits
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
from random_models import save
from safetensors.torch import save_file
from torch.nn.functional import embedding, silu
from transformers import LlamaConfig, LlamaForCausalLM

HIDDEN, VOCAB, ROWS, STEPS = 96, 320, 5, 4
TOLERANCE = 1e-4

# blocks, exit_dim, recurrence, rows of a cut head, names, dtype
CASES = [
    (blocks, exit_dim, rnn, cut, names, dtype)
    for blocks, names in zip(range(4), ["apple", "trt", "first", "trt"])
    for exit_dim, cut, dtype in [(2 * HIDDEN, 0, torch.float32), (64, 70, torch.bfloat16)]
    for rnn in [True, False]
]


def random_weights(blocks, exit_dim, rnn, rows, dtype):
    """Under Apple's names."""
    shapes = {f"lm_head.{blocks}.weight": (rows, exit_dim)}
    for i in range(blocks):
        shapes[f"lm_head.{i}.linear.weight"] = (exit_dim, exit_dim)
        shapes[f"lm_head.{i}.linear.bias"] = (exit_dim,)
    if rnn:
        shapes |= {"rnn_w.weight": (HIDDEN, HIDDEN), "rnn_u.weight": (HIDDEN, HIDDEN)}
        shapes["rnn_u.bias"] = (HIDDEN,)
    if exit_dim != 2 * HIDDEN:
        shapes["input_proj.weight"] = (exit_dim, 2 * HIDDEN)
        shapes["input_proj.bias"] = (exit_dim,)
    return {n: (torch.randn(s) / s[-1] ** 0.5).to(dtype) for n, s in shapes.items()}


def renamed(weights, blocks, names):
    if names == "apple":
        return weights
    if names == "first":
        return {n.replace("lm_head.", "lm_heads.").replace("input_proj.", "input_projs."): t
                for n, t in weights.items()}
    out = {}
    for name, tensor in weights.items():
        if name == f"lm_head.{blocks}.weight":
            # A whole vocabulary is padded, as an engine's builder does.
            rows = 64 if tensor.shape[0] == VOCAB else 0
            padding = torch.zeros(rows, tensor.shape[1], dtype=tensor.dtype)
            out["drafter.lm_head.weight"] = torch.cat([tensor, padding])
        else:
            out["drafter." + name.replace("lm_head.", "layers.")] = tensor
    return out


def write_drafter(folder, weights, case, vocabulary):
    blocks, exit_dim, rnn, _, names, _ = case
    folder.mkdir()
    if names == "trt":
        config = {"redrafter_num_layers": blocks, "redrafter_exit_dim": exit_dim,
                  "redrafter_is_rnn": rnn, "architecture": "ReDrafterForLLaMALM"}
    else:
        config = {"num_draft_layers": blocks, "exit_dim": exit_dim, "rnn": rnn,
                  "model_type": "recurrent_drafting_drafter"}
    config |= {"hidden_size": HIDDEN, "vocab_size": VOCAB}
    (folder / "config.json").write_text(json.dumps(config))
    file = "rank0.safetensors" if names == "trt" else "model.safetensors"
    if vocabulary:
        (folder / "vocabulary.json").write_text(json.dumps(vocabulary))
    save_file(renamed(weights, blocks, names), folder / file)


def reference(weights, table, case, hidden, tokens):
    """Logits [T][R][rows] after each of the tokens [T][R]."""
    blocks, exit_dim, rnn = case[:3]
    weights = {n: t.float() for n, t in weights.items()}

    def linear(name, x):
        y = x @ weights[f"{name}.weight"].T
        return y + weights[f"{name}.bias"] if f"{name}.bias" in weights else y

    state = torch.zeros(len(hidden), HIDDEN)
    logits = []
    for step in tokens:
        embedded = embedding(torch.tensor(step), table)
        state = silu(linear("rnn_w", embedded) + linear("rnn_u", state)) if rnn else state + embedded
        z = torch.cat([hidden, state], -1)
        if exit_dim != 2 * HIDDEN:
            z = linear("input_proj", z)
        for i in range(blocks):
            z = z + silu(linear(f"lm_head.{i}.linear", z))
        logits.append(linear(f"lm_head.{blocks}", z))
    return torch.stack(logits)


def compare(arguments, folder, model, table, case):
    """The largest difference of logits, beside the largest logit."""
    blocks, exit_dim, rnn, cut, names, dtype = case
    weights = random_weights(blocks, exit_dim, rnn, cut or VOCAB, dtype)
    vocabulary = random.sample(range(VOCAB), cut)
    write_drafter(folder, weights, case, vocabulary)
    hidden = torch.randn(ROWS, HIDDEN)
    tokens = [[random.randrange(VOCAB) for _ in range(ROWS)] for _ in range(STEPS)]
    run = subprocess.run([arguments.logits, model, folder], capture_output=True, text=True,
                         input=json.dumps({"hidden": hidden.tolist(), "tokens": tokens}))
    assert run.returncode == 0, run.stderr
    got = torch.tensor(json.loads(run.stdout))
    want = reference(weights, table, case, hidden, tokens)
    assert got.shape == want.shape, (got.shape, want.shape)
    return ((got - want).abs().max() / want.abs().max()).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--logits", required=True)
    parser.add_argument("--seed", type=int, default=random.randrange(10 ** 9))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=128, num_hidden_layers=1,
        num_attention_heads=3, num_key_value_heads=3, bos_token_id=1, eos_token_id=2))
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        save(model, folder / "model", sharded=False)
        table = model.model.embed_tokens.weight.detach()
        for i, case in enumerate(CASES):
            worst = compare(arguments, folder / f"drafter{i}", folder / "model", table, case)
            failed |= not worst < TOLERANCE
            print(f"{case}: largest difference {worst:.2g}")
    print(f"seed {arguments.seed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

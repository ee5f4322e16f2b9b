#!/usr/bin/env python3
"""Greedy tokens of a network on the GPUs of several ranks beside those of one GPU.

usage: tests/gpu/rank_parity.py --qed QED [--ranks 2] [--quick]

Compared as in tests/gpu/token_parity.py: where a token differs, the one GPU's log-probabilities
of the two must be a near tie. And an engine built for the ranks must give what its source gives.
"""

import argparse
import subprocess
import sys
import tempfile

import token_parity

NETWORKS = ("tiny", "qwen2.5-1.5b")
LONG = "If the sum of two numbers is 10 and their product is 21, what are they? " * 40
PROMPTS = (*token_parity.PROMPTS[:2], LONG)


def log_probs(qed, prompt, flags, ranks):
    more = ["--tp-size", str(ranks)] if ranks > 1 else []
    return token_parity.generate(qed, "cuda", prompt, [*flags, *more])


def check(options, network, quantize, prompt):
    """(what to print, whether it is wrong)"""
    flags = ["--random-weights", network, "--quantize", quantize, "--max-seq-len", "4096",
             "--kv-cache-free-gpu-memory-fraction", "0.1"]
    one = log_probs(options.qed, prompt, flags, 1)
    several = log_probs(options.qed, prompt, flags, options.ranks)
    # Of random weights, twice; of 28 layers with heads of 128 more: there one GPU is up to 0.36 (none)
    # and 0.39 (int8_wo) from the CPU's f32, and several are up to 0.35 from one.
    near_tie = (2 if network == "tiny" else 3) * token_parity.NEAR_TIE[quantize]
    agree, worst, wrong = token_parity.compare(one, several, near_tie)
    return (f"{network:<14} {quantize:<8} {prompt[:20]!r:<24} {agree:>3} of {token_parity.TOKENS} "
            f"agree, log-probabilities within {worst:.3f} {wrong or ''}"), wrong is not None


def check_engine(options, work, quantize):
    """As check, of an engine for the ranks beside what it was built from."""
    engine = f"{work}/{quantize}"
    subprocess.run([options.qed, "build", "--random-weights", "tiny", "--device", "cuda",
                    "--quantize", quantize, "--tp-size", str(options.ranks), "--output", engine],
                   check=True, capture_output=True)
    limits = ["--max-seq-len", "512", "--kv-cache-free-gpu-memory-fraction", "0.1"]
    source = ["--random-weights", "tiny", "--quantize", quantize]
    want = log_probs(options.qed, PROMPTS[0], [*source, *limits], options.ranks)
    got = log_probs(options.qed, PROMPTS[0], ["--model", engine, *limits], options.ranks)
    return f"engine of tiny, {quantize}: {'equal' if got == want else 'NOT equal'}", got != want


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qed", required=True)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="16-bit weights alone")
    options = parser.parse_args()
    failures = 0
    for network in NETWORKS:
        # One code of FP8 that tips over makes another text of random weights.
        for quantize in ("none",) if options.quick else ("none", "int8_wo"):
            for prompt in PROMPTS[1:] if options.quick else PROMPTS:
                line, wrong = check(options, network, quantize, prompt)
                print(line, flush=True)
                failures += wrong
    with tempfile.TemporaryDirectory() as work:
        for quantize in ("fp8",) if options.quick else ("none", "fp8", "fp8_per_tensor", "int8_wo"):
            line, wrong = check_engine(options, work, quantize)
            print(line, flush=True)
            failures += wrong
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

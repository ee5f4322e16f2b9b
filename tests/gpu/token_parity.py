#!/usr/bin/env python3
"""Greedy tokens of the GPU beside the CPU's, from `qed generate` on either device.

usage: tests/gpu/token_parity.py --qed QED [--model GGUF] [--oracle JSON] [--at-once 4]

Each prompt is gone on with on both devices. At the first token that differs, the CPU's
log-probabilities of the two must be a near tie (another choice makes another text, so the
comparison ends there), and until then the log-probabilities of the tokens as near as that too.
Networks of random weights make more of a rounding than trained ones: they are given twice the
room, and are left out in FP8, where one code that tips over makes another text of theirs
(model/cuda_decoder_test.cc compares those). Random weights need no file; a model is compared
where it is there, with the prompts of the oracle too.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys

NEAR_TIE = {"none": 0.15, "int8_wo": 0.15, "fp8": 0.6}
TOKENS = 32
PROMPTS = ("1 + 2 + 3 + 4 =", "The sum of the angles of a triangle is", "Once upon a time",
           "def fibonacci(n):\n", "Let p be a prime number and")


def generate(qed, device, prompt, flags):
    run = subprocess.run(
        [qed, "generate", "--device", device, "--prompt", prompt, "--temperature", "0",
         "--max-tokens", str(TOKENS), "--ignore-eos", "--logprobs", "20", "--json", *flags],
        capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"token_parity: on {device}: {run.stderr.strip()}")
    return json.loads(run.stdout)["logprobs"]


def compare(cpu, gpu, tolerance):
    """(tokens that agree, largest difference of a log-probability, what is wrong or None)"""
    worst = 0.0
    for i, (ours, theirs) in enumerate(zip(cpu, gpu, strict=True)):
        if ours["token_id"] == theirs["token_id"]:
            worst = max(worst, abs(ours["logprob"] - theirs["logprob"]))
            if worst > tolerance:
                return i, worst, f"log-probability off by {worst:.3f} at token {i}"
            continue
        of_theirs = {top["token_id"]: top["logprob"] for top in ours["top"]}
        gap = ours["logprob"] - of_theirs.get(theirs["token_id"], float("-inf"))
        wrong = None if gap < tolerance else f"token {i} differs by {gap:.3f} in log-probability"
        return i, worst, wrong
    return len(cpu), worst, None


def oracle_prompts(path):
    if not os.path.exists(path):
        print(f"without {path}, which is not here")
        return ()
    with open(path, encoding="utf-8") as file:
        return tuple(entry["prompt"] for entry in json.load(file)["prompts"])


def cases(options):
    """(network's flags, quantization, prompt, most that a near tie may differ by)"""
    networks = [(["--random-weights", "tiny"], PROMPTS),
                (["--random-weights", "smollm2-135m"], PROMPTS)]
    if os.path.exists(options.model):
        networks.append((["--model", options.model, "--adapter", "none"],
                         PROMPTS + oracle_prompts(options.oracle)))
    else:
        print(f"without {options.model}, which is not here")
    for network, prompts in networks:
        random = network[0] == "--random-weights"
        for quantize, near_tie in NEAR_TIE.items():
            if random and quantize == "fp8":
                continue
            for prompt in prompts if quantize == "none" else prompts[:4]:
                yield network, quantize, prompt, near_tie * (2 if random else 1)


def run_case(qed, network, quantize, prompt, near_tie):
    """(what to print, whether it is wrong)"""
    flags = [*network, "--quantize", quantize, "--max-seq-len", "2048"]
    cpu = generate(qed, "cpu", prompt, [*flags, "--compute", "f32"])
    gpu = generate(qed, "cuda", prompt, [*flags, "--kv-cache-free-gpu-memory-fraction", "0.1"])
    agree, worst, wrong = compare(cpu, gpu, near_tie)
    return (f"{network[1]:<40} {quantize:<8} {prompt[:24]!r:<28} {agree:>3} of {TOKENS} agree, "
            f"log-probabilities within {worst:.3f} {wrong or ''}"), wrong is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qed", required=True)
    parser.add_argument("--model", default="models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--oracle", default="../shared/data/oracle_smollm2.json")
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        runs = [pool.submit(run_case, options.qed, *case) for case in cases(options)]
        try:
            for run in runs:
                line, wrong = run.result()
                print(line, flush=True)
                failures += wrong
        except RuntimeError as error:
            pool.shutdown(wait=False, cancel_futures=True)
            sys.exit(str(error))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

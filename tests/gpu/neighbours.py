#!/usr/bin/env python3
"""How often a sample's tokens depend on what else is in the batch.

usage: QED_BINARY=QED tests/gpu/neighbours.py [--samples 64] [--tokens 256] [FLAGS OF QED SERVE...]

Each sample is generated alone, alone once more, and together with all the others; prints how many
came out differently, and at which token they parted. On a CPU none does (docs/decisions/0001).
"""

import argparse
import concurrent.futures
import json
import statistics

from gpu_server import GpuServer

NUMBERS = ("What is {} + {}?", "List the multiples of {} up to {}.", "Is {} larger than {}? Why?",
           "A farmer has {} cows and {} hens. Describe the farm.")


def generate(server, options, i):
    prompt = NUMBERS[i % len(NUMBERS)].format(7 + i, 90 - i)
    reply = server.complete(prompt=prompt, max_tokens=options.tokens, seed=i, temperature=0.7,
                            ignore_eos=True, return_token_ids=True)
    return reply["choices"][0]["token_ids"]


def compare(ours, theirs):
    """Of the samples that differ: at which token."""
    return [next(i for i, (a, b) in enumerate(zip(x, y, strict=True)) if a != b)
            for x, y in zip(ours, theirs, strict=True) if x != y]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=256)
    options, flags = parser.parse_known_args()
    with GpuServer("--max-batch-size", str(options.samples), "--max-seq-len", "2048",
                   *flags) as server:
        alone, again = ([generate(server, options, i) for i in range(options.samples)]
                        for _ in range(2))
        with concurrent.futures.ThreadPoolExecutor(options.samples) as pool:
            together = list(pool.map(lambda i: generate(server, options, i),
                                     range(options.samples)))
        steps = server.metrics()["qed_engine_steps_total"]
    report = {"samples": options.samples, "tokens": options.tokens, "steps": steps}
    for name, other in (("alone once more", again), ("with neighbours", together)):
        parted = compare(alone, other)
        report[name] = {"different": len(parted),
                        "first different token, median": statistics.median(parted or [0])}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

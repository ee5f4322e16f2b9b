#!/usr/bin/env python3
"""How often a sample's tokens depend on what else is in the batch.

usage: QED_BINARY=QED tests/gpu/neighbours.py [--samples 64] [--tokens 256] [FLAGS OF QED SERVE...]

Each sample is generated alone, alone once more (the first pages of its prompt now come from the
prefix cache), and together with all the others. Prints how many came out differently, at which
token they parted, and how far apart log-probabilities of tokens were until then. On a CPU none
differs (docs/decisions/0001). Fails if log-probabilities are further apart than rounding makes them.
"""

import argparse
import concurrent.futures
import json
import statistics
import sys

from gpu_server import GpuServer

NUMBERS = ("What is {} + {}?", "List the multiples of {} up to {}.", "Is {} larger than {}? Why?",
           "A farmer has {} cows and {} hens. Describe the farm.")

MOST_OF_ROUNDING = 1.0  # four times what networks of random weights show


def generate(server, options, i):
    """Its token ids, their log-probabilities, and how many of its prompt's tokens were cached."""
    prompt = NUMBERS[i % len(NUMBERS)].format(7 + i, 90 - i)
    reply = server.complete(prompt=prompt, max_tokens=options.tokens, seed=i, temperature=0.7,
                            ignore_eos=True, return_token_ids=True, logprobs=0)
    choice = reply["choices"][0]
    return (choice["token_ids"], choice["logprobs"]["token_logprobs"],
            reply["usage"]["prompt_tokens_details"]["cached_tokens"])


def compare(ours, theirs):
    parted, apart = [], 0.0
    for (x, x_logprobs, _), (y, y_logprobs, _) in zip(ours, theirs, strict=True):
        same = next((i for i, (a, b) in enumerate(zip(x, y, strict=True)) if a != b), None)
        if same is not None:
            parted.append(same)
        apart = max([apart, *(abs(a - b) for a, b in
                              zip(x_logprobs[:same], y_logprobs[:same], strict=True))])
    return {"different": len(parted),
            "first different token, median": statistics.median(parted) if parted else None,
            "cached tokens of prompts": sum(cached for _, _, cached in theirs),
            "log-probabilities apart, most": apart}


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
        report[name] = compare(alone, other)
    print(json.dumps(report, indent=1))
    apart = max(report[name]["log-probabilities apart, most"] for name in
                ("alone once more", "with neighbours"))
    sys.exit(1 if apart > MOST_OF_ROUNDING else 0)


if __name__ == "__main__":
    main()

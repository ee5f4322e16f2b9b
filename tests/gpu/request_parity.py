#!/usr/bin/env python3
"""The same greedy requests to two servers: their tokens must be the same but for near ties.

usage: QED_BINARY=QED tests/gpu/request_parity.py [--model MODEL] [--tokens 96] [--near-tie 0.3]

With fields that change the choice (logit_bias, min_tokens, penalties) a GPU is compared with the
CPU; with drafts it is compared with itself without them. At the first token that differs the two
must be a near tie, and until then the log-probabilities of the tokens as near. Fails too if no draft was accepted, or none was wrong: then nothing was
tried.
"""

import argparse
import concurrent.futures
import os
import sys

from gpu_server import GpuServer

REPEATING = "one two three four five six seven, " * 6
PROMPTS = ("1 + 2 + 3 + 4 =", "Once upon a time", "def fibonacci(n):\n", REPEATING,
           "1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2,")
GPU = ("--device", "cuda", "--kv-cache-free-gpu-memory-fraction", "0.1")
CPU = ("--device", "cpu", "--compute", "f32")


def generate(server, request):
    """(ids of tokens, their log-probabilities)"""
    reply = server.complete(**{"temperature": 0, "ignore_eos": True, "logprobs": 0,
                               "return_token_ids": True, **request})
    choice = reply["choices"][0]
    return choice["token_ids"], choice["logprobs"]["token_logprobs"]


def generate_all(flags, requests, at_once):
    """What a server gives for them and its metrics."""
    with (GpuServer("--max-seq-len", "2048", *flags) as server,
          concurrent.futures.ThreadPoolExecutor(at_once) as pool):
        results = list(pool.map(lambda request: generate(server, request), requests))
        return results, server.metrics()


def choice_value(request, made, i, logprob):
    """What the choice of token i went by: the log-probability is the model's own."""
    bias = request.get("logit_bias", {}).get(str(made[i]), 0)
    return logprob + bias - request.get("frequency_penalty", 0) * made[:i].count(made[i])


def compare(request, ours, theirs, near_tie):
    """(tokens that agree, largest difference of a log-probability, what is wrong or None)"""
    worst = 0.0
    for i, (token, logprob, other, other_logprob) in enumerate(zip(*ours, *theirs)):
        if token == other:
            off = abs(logprob - other_logprob)
            worst = max(worst, off)
            if off > near_tie * max(1, abs(logprob) / 10):  # that of an unlikely token is large
                return i, worst, f"log-probability off by {off:.3f} at token {i}"
            continue
        # As large for either: each is its server's largest.
        apart = abs(choice_value(request, ours[0], i, logprob)
                    - choice_value(request, theirs[0], i, other_logprob))
        return i, worst, None if apart < near_tie else f"token {i} differs by {apart:.3f}"
    same_length = len(ours[0]) == len(theirs[0])
    return len(ours[0]), worst, None if same_length else "one ended sooner"


def fields(tokens):
    """Requests whose fields change what is chosen, apart from the model."""
    biases = ({"65": 3.5, "66": 3.5, "300": -100}, {str(i): -100 for i in range(40, 200)},
              {str(i): 2.0 + i % 7 for i in range(400)})
    for prompt in PROMPTS:
        yield {"prompt": prompt, "max_tokens": tokens}
        for bias in biases:
            yield {"prompt": prompt, "max_tokens": tokens, "logit_bias": bias}
    # A stop id that is sure to come: barred at first, it ends the text when it may.
    yield {"prompt": PROMPTS[0], "max_tokens": tokens, "min_tokens": 20,
           "stop_token_ids": [65], "logit_bias": {"65": 100}}
    yield {"prompt": PROMPTS[1], "max_tokens": tokens, "min_tokens": 30, "ignore_eos": False}


def plain(tokens):
    for prompt in PROMPTS:
        yield {"prompt": prompt, "max_tokens": tokens}
        yield {"prompt": prompt, "max_tokens": tokens, "frequency_penalty": 0.02}


def check(name, first, second, requests, at_once, near_tie):
    """Whether the servers agree; and the second's metrics."""
    ours, theirs = (generate_all(flags, requests, at_once) for flags in (first, second))
    good = True
    for request, a, b in zip(requests, ours[0], theirs[0], strict=True):
        agree, worst, wrong = compare(request, a, b, near_tie)
        told = sorted(set(request) - {"prompt", "max_tokens"})
        print(f"{name}: {request['prompt'][:20]!r} {','.join(told)}: {agree} of {len(a[0])} "
              f"agree, log-probabilities within {worst:.3f} {wrong or ''}", flush=True)
        good &= wrong is None
    return good, theirs[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--near-tie", type=float, default=0.3)
    options = parser.parse_args()
    if os.path.exists(options.model):
        network = ("--model", options.model, "--adapter", "none", "--quantize", "none")
    else:
        print(f"without {options.model}, which is not here: a network of random weights")
        network = ("--random-weights", "smollm2-135m")
    good, _ = check("CPU and GPU", (*network, *CPU), (*network, *GPU),
                    list(fields(options.tokens)), 8, options.near_tie)
    same, metrics = check("drafts", (*network, *GPU, "--draft", "none"),
                          (*network, *GPU, "--draft", "suffix"),
                          list(plain(4 * options.tokens)), 2, options.near_tie)
    drafted, accepted = (metrics[f"qed_spec_decode_num_{name}_tokens_total"]
                         for name in ("draft", "accepted"))
    print(f"{drafted:.0f} drafts, {accepted:.0f} of them accepted")
    sys.exit(0 if good and same and 0 < accepted < drafted else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes recipe-12.jsonl: the demonstration of the recipe that won AIMO-2, as a trace.

usage: bench/traces/make_recipe_trace.py [--check]

Published (NeMo-Skills' AIMO-2 inference tutorial and its notebook's output): 12 samples of one
problem at a time, over once 10 have ended; at most 2 programs a sample. The FP8 engine took
64.7 s and its 10 samples gave 75.2 tokens/s each, deviation 11.0, where each sample's tokens are
divided by the time of all: 4,865 tokens a sample, deviation 712. (In bf16: 4,989 and 880.)

Assumed, since it is not published: lengths spread as a normal distribution's quantiles; the two
samples that are not waited for are longer than all others; a prompt of 320 tokens; programs after 45 and
75 % of the text, 3 samples of 12 with none, 4 with one, 5 with two; outputs of 20 to 60 tokens
(the recipe shows 200 characters); 0.15 to 0.9 s in the sandbox, one program at its limit of 2 s.
"""

import json
import pathlib
import statistics
import sys

MEAN, DEVIATION = 64.7 * 75.2, 64.7 * 11.0
KEPT, SAMPLES = 10, 12
PROMPT = 320
BEYOND = (1.06, 1.22)  # the lengths of those not waited for, in those of the longest that is
PROGRAMS = (2, 1, 0, 2, 1, 2, 0, 1, 2, 2, 1, 0)
AT = (0.45, 0.75)  # of the text before each program
WAITS = (0.21, 0.34, 0.15, 0.62, 0.28, 2.0, 0.18, 0.47, 0.9, 0.25, 0.31, 0.4, 0.22, 0.55)
OUTPUTS = (24, 41, 20, 58, 33, 60, 27, 46, 22, 37, 52, 29, 31, 44)


def kept_lengths():
    """Quantiles of a normal distribution, stretched so that their own deviation is right."""
    quantiles = [statistics.NormalDist().inv_cdf((i + 0.5) / KEPT) for i in range(KEPT)]
    scale = DEVIATION / statistics.pstdev(quantiles)
    return [round(MEAN + scale * q) for q in quantiles]


def lengths():
    """In an order in which long and short ones mix."""
    kept = kept_lengths()
    every = kept + [round(kept[-1] * times) for times in BEYOND]
    return [every[(5 * i) % SAMPLES] for i in range(SAMPLES)]


def stretches(length, programs, calls):
    cuts = [0] + [round(length * AT[i]) for i in range(programs)] + [length]
    made = [{"generate": end - begin} for begin, end in zip(cuts, cuts[1:])]
    for stretch in made[:-1]:
        call = next(calls)
        stretch["append"] = OUTPUTS[call % len(OUTPUTS)]
        stretch["wait_s"] = WAITS[call % len(WAITS)]
    return made


def main():
    calls = iter(range(1000))
    lines = [{"trace": 1, "name": "recipe-12", "at_a_time": SAMPLES, "enough": KEPT}]
    for length, programs in zip(lengths(), PROGRAMS):
        lines.append({"problem": "p1", "prompt": PROMPT,
                      "stretches": stretches(length, programs, calls)})
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
    path = pathlib.Path(__file__).with_name("recipe-12.jsonl")
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if path.read_text() == text else f"{path} is not what this program makes")
    path.write_text(text)


if __name__ == "__main__":
    main()

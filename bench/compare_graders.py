#!/usr/bin/env python3
"""Scores graders side by side on pairs of answers: QED's, Math-Verify, NeMo-Skills'.

usage: bench/compare_graders.py PAIRS.jsonl... [--show] [--nemo-skills FOLDER]

A line of PAIRS.jsonl is {"a": expected answer, "b": given answer, "equal": whether they mean
the same}, "kind" as well if wanted. QED's is src/solve/equality, here in this process; what
qed does before it (forms) and around it (the jail) is not in the times. Math-Verify is the
package math-verify; NeMo-Skills' grader is taken from its package or from FOLDER, a clone of
its repository. A grader that is not installed is named and left out:

    python3 -m venv /tmp/graders && /tmp/graders/bin/pip install math-verify mpmath
    /tmp/graders/bin/python bench/compare_graders.py pairs.jsonl

The table counts false equals (different answers called equal), false unequals, and what was
right, with the median and the 99th percentile of the wall time of a pair.
"""
import argparse
import json
import logging
import pathlib
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def qed():
    sys.path.insert(0, str(REPOSITORY / "src" / "solve"))
    from equality.comparison import compare
    return lambda expected, given: compare(expected, given, True) == "equal"


def math_verify():
    from math_verify import parse, verify

    def as_math(text):
        return text if "$" in text or "\\boxed" in text or "\\(" in text else f"${text}$"

    return lambda expected, given: verify(parse(as_math(expected)), parse(as_math(given)))


def nemo_skills(folder):
    if folder:
        sys.path.insert(0, folder)
    from nemo_skills.evaluation.math_grader import math_equal
    return math_equal


def load(name, make):
    """The grader, or None with a line that says why."""
    try:
        return make()
    except ImportError as error:
        print(f"{name} is not installed ({error}): left out", file=sys.stderr)
        return None


class Score:
    def __init__(self):
        self.false_equals, self.false_unequals, self.errors = [], [], 0
        self.seconds = []

    def add(self, grader, pair):
        start = time.perf_counter()
        try:
            verdict = bool(grader(pair["a"], pair["b"]))
        except Exception:  # a grader of others may raise anything: no answer is not "equal"
            verdict = False
            self.errors += 1
        self.seconds.append(time.perf_counter() - start)
        if verdict and not pair["equal"]:
            self.false_equals.append(pair)
        if pair["equal"] and not verdict:
            self.false_unequals.append(pair)

    def row(self, name):
        count = len(self.seconds)
        times = sorted(self.seconds)
        right = count - len(self.false_equals) - len(self.false_unequals)
        return (f"| {name} | {right} of {count} | {len(self.false_equals)} | "
                f"{len(self.false_unequals)} | {1e3 * times[count // 2]:.2f} | "
                f"{1e3 * times[min(count - 1, count * 99 // 100)]:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pairs", nargs="+")
    parser.add_argument("--show", action="store_true", help="the pairs that were judged wrongly")
    parser.add_argument("--nemo-skills", metavar="FOLDER", help="a clone of its repository")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    pairs = [json.loads(line) for path in options.pairs
             for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    graders = {"QED": qed, "Math-Verify": math_verify,
               "NeMo-Skills": lambda: nemo_skills(options.nemo_skills)}
    print("| grader | right | false equals | false unequals | median ms | p99 ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, make in graders.items():
        grader = load(name, make)
        if grader is None:
            continue
        score = Score()
        for pair in pairs:
            score.add(grader, pair)
        print(score.row(name), flush=True)
        if options.show:
            for title, wrong in (("false equal", score.false_equals),
                                 ("false unequal", score.false_unequals)):
                for pair in wrong:
                    print(f"    {title}: {pair['a']!r} and {pair['b']!r}")


if __name__ == "__main__":
    main()

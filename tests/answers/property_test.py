#!/usr/bin/env python3
"""Random answers against their values: no two that differ may be called equal.

usage: property_test.py [--pairs N] [--seed S] [--processes P] [--forms PROGRAM]

Pairs are trees (random_trees.py) in two styles of writing, the second one rearranged or
with one node changed, alone or in a list, a tuple, an interval, a matrix or under names.
What they are worth is computed from the trees, in floating point; what that does not decide is
left out. PROGRAM prints the form (NormalizeAnswer) of each line that it reads.
"""
import argparse
import multiprocessing
import pathlib
import random as random_module
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "src" / "solve")]

try:
    import mpmath  # noqa: F401
except ImportError:
    print("skipped: this Python has no mpmath (python3-mpmath)")
    sys.exit(77)

import random_trees as trees  # noqa: E402
from equality.comparison import compare  # noqa: E402

CHUNK = 1000
MAX_MISSED_SHARE = 0.01  # of equal pairs that are not found equal


def expression_pair(random):
    """(first, second, whether they are equal or None)"""
    first = trees.make(random, random.choice((1, 2, 2, 3)))
    second = (trees.rearranged(first, random) if random.random() < 0.2
              else trees.mutated(first, random))
    return first, second, opposite(trees.differ(first, second, random))


def opposite(differ):
    return None if differ is None else not differ


def written(tree, random):
    return trees.text(tree, trees.Style(random))


def plain(random):
    first, second, equal = expression_pair(random)
    return written(first, random), written(second, random), equal


def pairs_of_two(random):
    """Two values each; the second answer's are changed, swapped or the same."""
    a, changed, equal = expression_pair(random)
    b = trees.make(random, 1)
    swapped = random.random() < 0.4
    second = (b, a) if swapped else (changed, b)
    same = opposite(trees.differ(a, b, random)) if swapped else equal
    return (a, b), second, swapped, same


def tuple_pair(random):
    first, second, _, equal = pairs_of_two(random)
    return tuple("(" + ", ".join(written(part, random) for part in parts) + ")"
                 for parts in (first, second)) + (equal,)


def named_pair(random):
    first, second, _, equal = pairs_of_two(random)
    return tuple(f"p={written(parts[0], random)}, q={written(parts[1], random)}"
                 for parts in (first, second)) + (equal,)


def set_pair(random):
    first, second, swapped, equal = pairs_of_two(random)
    opening, closing = random.choice((("", ""), ("\\{", "\\}")))
    texts = tuple(opening + ",\\ ".join(written(part, random) for part in parts) + closing
                  for parts in (first, second))
    if swapped:
        return texts + (True,)
    # A changed element may be the other one by accident.
    return texts + (equal if equal else None if trees.differ(
        second[0], first[1], random) is not True else equal,)


def matrix_pair(random):
    first, second, _, equal = pairs_of_two(random)
    first_shape = random.choice(("\\\\", " & "))
    shapes = (first_shape, first_shape if random.random() < 0.7 else
              ("\\\\" if first_shape == " & " else " & "))
    kinds = [random.choice("pb") + "matrix" for _ in range(2)]
    texts = tuple(f"\\begin{{{kind}}}" + shape.join(written(part, random) for part in parts) +
                  f"\\end{{{kind}}}" for kind, shape, parts in zip(kinds, shapes, (first, second)))
    return texts + (equal if shapes[0] == shapes[1] else False,)


def interval_pair(random):
    low = random.randint(-9, 9)
    width = random.randint(1, 9)
    ends = [random.choice("(["), random.choice(")]")]
    other = [random.choice("(["), random.choice(")]")]
    moved = low + random.choice((0, 0, 0, 1))
    return (f"{ends[0]}{low},{low + width}{ends[1]}", f"{other[0]}{moved},{low + width}{other[1]}",
            ends == other and moved == low)


KINDS = ((plain, 70), (tuple_pair, 7), (named_pair, 7), (set_pair, 6), (matrix_pair, 6),
         (interval_pair, 4))


def random_pair(random):
    while True:
        kind = random.choices([kind for kind, _ in KINDS], [share for _, share in KINDS])[0]
        first, second, equal = kind(random)
        if equal is not None and len(first) < 900 and len(second) < 900:
            return first, second, equal


def run_chunk(seed):
    """(pairs, different, false equals, equal, missed, unreadable, seconds of comparing)"""
    random = random_module.Random(seed)
    pairs = [random_pair(random) for _ in range(CHUNK)]
    wrong, missed, unreadable = [], [], 0
    start = time.process_time()
    for first, second, equal in pairs:
        verdict = compare(first, second)
        unreadable += verdict == "unreadable"
        if verdict == "equal" and not equal:
            wrong.append((first, second))
        if verdict != "equal" and equal:
            missed.append((first, second, verdict))
    return pairs, wrong, missed, unreadable, time.process_time() - start


def check_forms(program, pairs):
    """Pairs of one form that differ in value."""
    lines = [text for first, second, _ in pairs for text in (first, second)]
    result = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True,
                            check=True)
    forms = result.stdout.split("\n")
    return [pair[:2] for index, pair in enumerate(pairs)
            if not pair[2] and forms[2 * index] == forms[2 * index + 1]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--forms")
    options = parser.parse_args()
    chunks = -(-options.pairs // CHUNK)
    totals = {"pairs": 0, "equal": 0, "unreadable": 0}
    wrong, missed, seconds = [], [], 0.0
    with multiprocessing.Pool(options.processes) as pool:
        seeds = range(options.seed * 1_000_000, options.seed * 1_000_000 + chunks)
        for pairs, chunk_wrong, chunk_missed, unreadable, spent in pool.imap_unordered(
                run_chunk, seeds):
            totals["pairs"] += len(pairs)
            totals["equal"] += sum(equal for _, _, equal in pairs)
            totals["unreadable"] += unreadable
            wrong += chunk_wrong
            missed += chunk_missed
            seconds += spent
            if options.forms:
                wrong += check_forms(options.forms, pairs)
    print(f"{totals['pairs']} pairs, {totals['equal']} of them equal: {len(wrong)} false equals, "
          f"{len(missed)} false unequals, {totals['unreadable']} unreadable; "
          f"{1e3 * seconds / totals['pairs']:.2f} ms of processor time a comparison")
    for pair in wrong[:20]:
        print("FALSE EQUAL", *pair, sep="\n    ")
    for pair in missed[:10]:
        print("missed", *pair, sep="\n    ")
    sys.exit(bool(wrong) or len(missed) > MAX_MISSED_SHARE * totals["equal"])


if __name__ == "__main__":
    main()

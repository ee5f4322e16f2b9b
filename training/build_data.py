#!/usr/bin/env python3
"""Builds the training data and the evaluation problems of the generated families.

Every program is run, and its output must be the known answer where there is one.
Problems that repeat a test problem are dropped and counted. GSM8K's problems whose
solutions do not become programs are kept apart, to choose between adapters by.

usage: build_data.py --gsm8k-train FILE --tests FILE... [--output training/data] [--workers 2] [--seed 1] [--scale 1]
"""

import argparse
import collections
import json
import lzma
import multiprocessing
import pathlib
import random
import resource
import sys
from collections.abc import Iterator

from qed_training import (
    catalogue,
    gsm8k,
    lexicon,
    naming,
    overlap,
    recovery,
    stories_change,
    subquestions,
    surface,
)
from qed_training.example import Example

EVAL_SEED, EVAL_SIZE = 20261123, 150  # problems with seen wordings, and as many with held-out ones
RECOVERY_SHARE = 0.07
VARIANTS = {"gsm8k": 24, "gsm8k step": 9}  # of a problem, of a question about a step
PER_FAMILY = {"number": 600, "story": 1200}
GENERATED = {"change": 30000, "table": 70000, "plot": 70000}
CHUNK = 250

Task = tuple[str, int, int]  # source, item, number of examples
_worked: dict[str, list[gsm8k.Worked]] = {}
_GENERATORS = {
    "change": stories_change.change_story,
    "table": catalogue.table,
    "plot": catalogue.plot,
}


def reworded(rng: random.Random, worked: gsm8k.Worked) -> Example:
    """The problem with other names, things and phrases, most of the time."""
    question, program = worked.question, worked.program()
    if rng.random() < 0.8:
        mapping = surface.name_map(rng, question)
        if rng.random() < 0.5:
            mapping |= surface.thing_map(rng, question)
        question, program = (surface.apply_words(t, mapping) for t in (question, program))
    if rng.random() < 0.6:
        question = surface.rephrase(rng, question)
    if rng.random() < 0.15:
        question = surface.spell(rng, question)
    return Example("gsm8k", question, [naming.shorten(program)])


def _from_worked(
    rng: random.Random, worked: gsm8k.Worked, kind: str, count: int
) -> Iterator[Example]:
    unvaried = 2 if gsm8k.variable_numbers(worked) else 3
    for i in range(count):
        version = worked if i < unvaried else gsm8k.vary(rng, worked)
        if version is None:
            continue
        example = (
            Example(kind, version.question, [naming.shorten(version.program())])
            if i == 0
            else reworded(rng, version)
        )
        example.kind = kind
        if catalogue.finish(example) and abs(float(example.answer) - version.answer) < 1e-4:
            yield example


def _drafts(rng: random.Random, task: Task) -> Iterator[Example]:
    source, item, count = task
    if source in _worked:
        for worked in _worked[source][item * CHUNK : (item + 1) * CHUNK]:
            yield from _from_worked(rng, worked, source, count)
        return
    for _ in range(count):
        if source == "family":
            yield catalogue.generate(rng, catalogue.FAMILIES[item])
        else:
            example = _GENERATORS[source](rng)
            if catalogue.finish(example):
                yield example


def make(task: Task) -> list[Example]:
    """Examples of one task, a function of the task alone; some get a failing program first."""
    rng = random.Random(f"{task} {_seed}")
    made = []
    for example in _drafts(rng, task):
        if (
            rng.random() < RECOVERY_SHARE
            and (broken := recovery.break_first(rng, example)) is not None
        ):
            answer = example.answer
            if (
                catalogue.finish(broken)
                and broken.answer == answer
                and "Traceback" in broken.outputs[0]
            ):
                example = broken
        made.append(example)
    return made


_seed = 1
_SOURCES = {*VARIANTS, *_GENERATORS}


def tasks(scale: float) -> list[Task]:
    chunks = {name: -(-len(items) // CHUNK) for name, items in _worked.items()}
    listed: list[Task] = [
        (name, i, int(VARIANTS[name] * scale) + 2) for name, n in chunks.items() for i in range(n)
    ]
    for i, family in enumerate(catalogue.FAMILIES):
        kind = "story" if family in catalogue.STORIES else "number"
        listed.append(("family", i, int(PER_FAMILY[kind] * scale)))
    for name, count in GENERATED.items():
        listed += [(name, i, 1000) for i in range(int(count * scale) // 1000)]
    return listed


def evaluation_problems() -> dict[str, list[dict[str, str]]]:
    """Fresh problems of the families, with wordings like those trained on and with held-out ones."""
    rng = random.Random(EVAL_SEED)
    sets: dict[str, list[dict[str, str]]] = {}
    for wording in ("seen", "held-out"):
        rows = sets.setdefault(wording, [])
        for i, family in enumerate(rng.choices(catalogue.FAMILIES, k=EVAL_SIZE)):
            example = catalogue.generate(rng, family, wording == "held-out")
            rows.append(
                {
                    "id": f"{i}-{family.name}",
                    "problem": example.question,
                    "expected_answer": example.answer,
                }
            )
    return sets


def write(examples: list[Example], path: pathlib.Path) -> None:
    with lzma.open(path, "wt", preset=2) as out:
        for e in examples:
            out.write(
                json.dumps(
                    {
                        "kind": e.kind,
                        "question": e.question,
                        "programs": e.programs,
                        "outputs": e.outputs,
                        "answer": e.answer,
                    }
                )
                + "\n"
            )


def write_problems(rows: list[dict[str, str]], path: pathlib.Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _limit_memory() -> None:
    """A program that asks for too much must fail, not the machine."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gsm8k-train", type=pathlib.Path, required=True)
    parser.add_argument(
        "--tests",
        type=pathlib.Path,
        nargs="+",
        required=True,
        help="problem files that must not be trained on",
    )
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "data"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the full number of examples"
    )
    return parser.parse_args()


def load_worked(path: pathlib.Path) -> list[dict[str, str]]:
    """Fills _worked; the problems that are not trained on, since they do not convert."""
    _worked["gsm8k"], others = gsm8k.load(path)
    worked = _worked["gsm8k"]
    lexicon.BORROWED_THINGS[:] = gsm8k.counted_things(worked)
    lexicon.BORROWED_SENTENCES[:] = gsm8k.side_sentences(worked)
    steps = _worked["gsm8k step"] = [s for w in worked for s in subquestions.subquestions(w)]
    unexplained = sum(map(gsm8k.has_unexplained_number, worked))
    print(
        f"GSM8K: {len(worked)} solutions convert, {unexplained} of them with numbers from nowhere;"
        f" {len(steps)} questions about steps"
    )
    return others


def main() -> None:
    global _seed
    arguments = parse_arguments()
    _seed = arguments.seed
    evaluation = evaluation_problems()  # before GSM8K lends its words: these need no other file
    validation = load_worked(arguments.gsm8k_train)
    tests = overlap.TestSet.load(arguments.tests)
    asked_in_evaluation = {row["problem"] for rows in evaluation.values() for row in rows}
    counts: collections.Counter[str] = collections.Counter()
    kept: list[Example] = []
    seen: set[str] = set()
    with multiprocessing.Pool(arguments.workers, _limit_memory) as pool:
        for examples in pool.imap(make, tasks(arguments.scale)):
            for example in examples:
                generated = not example.kind.startswith("gsm8k")
                if example.question in asked_in_evaluation or (
                    example.question in seen and generated
                ):
                    counts["repeats"] += 1
                elif tests.repeats(example.question):
                    counts["overlap with tests"] += 1
                else:
                    seen.add(example.question)
                    kept.append(example)
                    counts[example.kind if example.kind in _SOURCES else "families"] += 1
                    counts["with a failing program"] += len(example.programs) > 1
    random.Random(arguments.seed).shuffle(kept)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write(kept, arguments.output / "train.jsonl.xz")
    write_problems(validation, arguments.output / "gsm8k-validation.jsonl")
    for wording, rows in evaluation.items():
        write_problems(rows, arguments.output / f"families-{wording}.jsonl")
    print(f"{len(kept)} examples: {dict(counts)}")


if __name__ == "__main__":
    sys.exit(main())

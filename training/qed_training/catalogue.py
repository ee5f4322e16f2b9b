"""All families in one list, and the problems of them that evaluation uses."""

import random

from . import families_algebra, families_measure, families_number, runner, stories, stories_two_step
from .example import Example
from .family import Family

STORIES: list[Family] = [*stories.FAMILIES, *stories_two_step.FAMILIES]
FAMILIES: list[Family] = [
    *families_number.FAMILIES,
    *families_algebra.FAMILIES,
    *families_measure.FAMILIES,
    *STORIES,
]


def finish(example: Example) -> bool:
    """Runs the programs; fills outputs and answer. False where the result is no use."""
    try:
        example.outputs, ok = runner.run_session(example.programs)
    except runner.TooSlow:
        return False
    printed = example.outputs[-1].strip()
    example.answer = printed[:-2] if printed.endswith(".0") else printed
    decimals = (
        len(printed.partition(".")[2]) if printed.replace(".", "").replace("-", "").isdigit() else 0
    )
    return ok and 0 < len(printed) <= 60 and "\n" not in printed and decimals <= 4


def generate(rng: random.Random, family: Family, held_out: bool = False) -> Example:
    """A finished example of the family."""
    while True:
        example = family.example(rng, held_out)
        if finish(example):
            return example

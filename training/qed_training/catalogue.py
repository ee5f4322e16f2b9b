"""All families in one list, and how an example of them is finished."""

import random

from . import (
    families_counting,
    families_digits,
    families_equations,
    families_geometry,
    families_number,
    families_percent,
    families_rates,
    families_sequences,
    families_time,
    plots,
    plots_amounts,
    plots_money,
    runner,
    stories_chains,
    stories_compare,
    stories_groups,
    tables,
    tables_cells,
    tables_sizes,
)
from .example import Example
from .family import Family

STORIES: list[Family] = [
    *stories_compare.FAMILIES,
    *stories_groups.FAMILIES,
    *stories_chains.FAMILIES,
]
FAMILIES: list[Family] = [
    *families_number.FAMILIES,
    *families_digits.FAMILIES,
    *families_sequences.FAMILIES,
    *families_equations.FAMILIES,
    *families_counting.FAMILIES,
    *families_percent.FAMILIES,
    *families_rates.FAMILIES,
    *families_geometry.FAMILIES,
    *families_time.FAMILIES,
    *STORIES,
]
_TABLES: list[tables.Kind] = [*tables_cells.KINDS, *tables_sizes.KINDS]
_PLOTS: list[plots.Kind] = [*plots_amounts.KINDS, *plots_money.KINDS]


def table(rng: random.Random) -> Example:
    """A short problem about a small table."""
    return tables.problem(rng, _TABLES)


def plot(rng: random.Random) -> Example:
    """A problem of several steps."""
    return plots.problem(rng, _PLOTS)


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

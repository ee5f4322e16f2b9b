"""Short problems about a small table: who (or when, or where) and what.

Some cells are told, one by one or by comparison with another cell, and a question is
asked that needs one or two of them; what else is told is beside the point. Sentences
are put together from a verb, a subject and things, so that the same relation comes in
very many shapes. tables_cells.py and tables_sizes.py have the kinds of problems.
"""

import dataclasses
import random
from collections.abc import Callable

from . import grammar, lexicon
from .example import Example
from .family import Slots, as_condition, word_slots


@dataclasses.dataclass(frozen=True)
class Verb:
    past: str
    base: str
    things: list[str]  # entries of lexicon.noun; empty: any


_VERBS = [
    Verb("had", "have", []),
    Verb("sold", "sell", []),
    Verb("bought", "buy", []),
    Verb("collected", "collect", lexicon.COLLECTED),
    Verb("found", "find", lexicon.COLLECTED),
    Verb("counted", "count", []),
    Verb("made", "make", "card necklace mask lantern kite candle pillow poster crown".split()),
    Verb("baked", "bake", "cookie muffin pie bun roll cupcake brownie cake tart".split()),
    Verb("ate", "eat", lexicon.FOOD),
    Verb("picked", "pick", lexicon.FOOD),
    Verb("planted", "plant", "tulip rose bush|bushes tree daisy|daisies seed pine oak".split()),
    Verb("read", "read", "page chapter book story|stories poem comic article".split()),
    Verb("wrote", "write", "page poem card story|stories email note report".split()),
    Verb("saw", "see", lexicon.ANIMALS),
    Verb("washed", "wash", "car window plate shirt towel van bowl".split()),
    Verb("packed", "pack", lexicon.GOODS),
    Verb("painted", "paint", "fence wall picture door chair egg".split()),
    Verb("scored", "score", "point goal basket".split()),
    Verb("solved", "solve", "puzzle riddle exercise problem".split()),
]
_TIMES = [
    ("on Monday", "on Tuesday", "on Wednesday"),
    ("in the morning", "in the afternoon", "in the evening"),
    ("yesterday", "today", "the day before"),
    ("last week", "this week", "the week before"),
    ("in March", "in April", "in May"),
    ("on the first day", "on the second day", "on the third day"),
    ("before lunch", "after lunch", "after dinner"),
]
TOGETHER = "[together|in all|altogether|in total|all together|]"


def number(rng: random.Random) -> int:
    return rng.randint(2, rng.choice([12, 30, 60, 100, 100, 600, 5000]))


def pair(rng: random.Random) -> tuple[int, int]:
    """A larger and a smaller number."""
    a, b = number(rng), number(rng)
    return (max(a, b) + (a == b), min(a, b))


@dataclasses.dataclass
class Table:
    """Words of one problem; `tell` and `ask` speak of single cells."""

    slots: Slots
    verb: Verb

    def tell(self, who: str, n: object, what: str, when: str = "") -> str:
        """One cell as a statement."""
        at_end = f"{{{who}}} {self.verb.past} {n} {what} {when}"
        if not when:
            return at_end + "."
        return f"[{at_end}|{when}, {{{who}}} {self.verb.past} {n} {what}]."

    def row(self, who: str, cells: list[tuple[object, str]], when: str = "") -> str:
        """Some cells of one person as one statement or two."""
        listed = ", ".join(f"{n} {what}" for n, what in cells[:-1])
        n, what = cells[-1]
        joined = f"{listed} and {n} {what}"
        if len(cells) != 2:
            return self.tell(who, joined, "", when)
        return (
            f"[{self.tell(who, joined, '', when)[:-1]}"
            f"|{self.tell(who, *cells[0], when)[:-1]}. [{{{who}_he}}|{{{who}}}] also"
            f" {self.verb.past} {n} {what}]."
        )


def _new_table(rng: random.Random) -> Table:
    slots = word_slots(rng)
    verb = rng.choice(_VERBS)
    if verb.things:
        chosen = rng.sample(verb.things, 3)
        for letter, entry in zip("xyz", chosen):
            slots[letter + "1"], slots[letter] = lexicon.noun(entry)
    elif rng.random() < 0.35:  # one thing in three kinds
        for letter, adjective in zip("yzx", ("adj2", "adj3", "adj")):
            slots[letter] = f"{slots[adjective]} {slots['x']}"
            slots[letter + "1"] = f"{slots[adjective]} {slots['x1']}"
    slots["t"], slots["t2"], slots["t3"] = rng.choice(_TIMES)
    return Table(slots, verb)


Draft = tuple[list[str], str, str]  # statements, question, program
Kind = tuple[Callable[[random.Random, Table], Draft], int]  # how one is made, and its weight


def problem(rng: random.Random, kinds: list[Kind]) -> Example:
    """A problem of one of the kinds, half of the time with a sentence that does not matter."""
    make = rng.choices([k for k, _ in kinds], weights=[w for _, w in kinds])[0]
    table = _new_table(rng)
    texts, ask, program = make(rng, table)
    if rng.random() < 0.5:
        texts.insert(rng.randint(0, len(texts)), str(table.slots["noise"]))
    written = [grammar.write(rng, text, table.slots) for text in [*texts, ask] if text]
    question = grammar.articles(as_condition(rng, " ".join(w for w in written if w)))
    return Example("table", question, [program])

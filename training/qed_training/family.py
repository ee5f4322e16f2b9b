"""Families of generated problems: numbers, a program, and many wordings."""

import dataclasses
import random
import re
from collections.abc import Callable

from . import grammar, held_out as held_out_module, lexicon
from .example import Example

Slots = dict[str, object]


def held_out_wordings(name: str) -> list[str]:
    return held_out_module.WORDINGS[name]


@dataclasses.dataclass(frozen=True)
class Family:
    """Problems that one program solves.

    Every wording is a text with choices (grammar.py): `common` ones and `rare` ones,
    which are farther from a textbook. Those of held_out.py are never trained on.
    """

    name: str
    make: Callable[[random.Random], Slots]
    code: str
    common: list[str]
    rare: list[str]
    about_numbers: bool = True  # else a word problem, which frames would disturb

    def example(self, rng: random.Random, held_out: bool = False) -> Example:
        slots = word_slots(rng)
        slots.update(self.make(rng))
        template = rng.choice(held_out_wordings(self.name) if held_out else self.common + self.rare)
        question = grammar.write(rng, template, slots)
        if not held_out:
            question = frame(rng, question) if self.about_numbers else as_condition(rng, question)
        program = grammar.fill(str(slots.get("code", self.code)), slots)
        return Example(self.name, question, [program], wording="held-out" if held_out else "seen")


def word_slots(rng: random.Random) -> Slots:
    """People {A} {B} {C}, things {x} {y} {z} ({x1}: one of them) and the like."""
    slots: Slots = {}
    for letter, person in zip("ABC", lexicon.people(rng, 3)):
        slots.update(person.slots(letter))
    for letter, (one, many) in zip("xyz", lexicon.things(rng, 3)):
        slots[letter], slots[letter + "1"] = many, one
    for letter, source in (
        ("c", lexicon.CONTAINERS),
        ("g", lexicon.GROUPS),
        ("m", lexicon.MEMBERS),
        ("v", lexicon.VEHICLES),
        ("f", lexicon.FOOD),
    ):
        slots[letter + "1"], slots[letter] = lexicon.noun(rng.choice(source))
    slots["adj"], slots["adj2"], slots["adj3"] = rng.sample(lexicon.ADJECTIVES, 3)
    slots["day"], slots["day2"], slots["day3"] = rng.sample(lexicon.WEEKDAYS, 3)
    slots["month"], slots["month2"] = rng.sample(lexicon.MONTHS, 2)
    slots["place"] = rng.choice(lexicon.PLACES)
    slots["noise"] = noise(rng)
    return slots


_NAMES = set(lexicon.FEMALE + lexicon.MALE)
_STARTS = {"There", "He", "She", "They", "Each", "One", "The", "A", "It"}
_NOISE = [
    "{B} has {r} {y}.",
    "{A} also has {r} {y}.",
    "The {place} is {r} [kilometers|miles] away.",
    "There were [also |]{r} {y} [nearby|there|on the table].",
    "It was [a sunny|a rainy|a cold] day and {r} {m} [came|were there].",
    "{A} is {r} years old.",
    "{B} is {r} years old.",
    "[Each|One] {y1} [costs|weighs] {r} [dollars|grams].",
    "{C} [bought|found|sold|counted] {r} {y} [on {day}|last week|].",
    "{A} [spent|waited] {r} minutes [at the {place}|there|].",
    "The {place} has {r} {m}.",
    "[Yesterday|Last year|In {month}] {A} had {r} {y}.",
]


def noise(rng: random.Random) -> str:
    """Often nothing, else a sentence whose number does not matter."""
    if rng.random() < 0.65:
        return ""
    if lexicon.BORROWED_SENTENCES and rng.random() < 0.6:
        return rng.choice(lexicon.BORROWED_SENTENCES)
    number = rng.choice([rng.randint(2, 20), rng.randint(2, 99), rng.randint(100, 900)])
    return grammar.choose(rng, rng.choice(_NOISE)).replace("{r}", str(number))


_OPENINGS = [
    "[Please |][answer|solve] [this|the following]: {q}",
    "{A} asks: {q}",
    "Here is a question. {q}",
    "[Question|Problem|Task|Exercise]: {q}",
    "{A} [is stuck on|needs help with] this [question|exercise]: {q}",
    "In a [math|maths] [test|quiz|lesson], {A} reads: {q}",
    "A [puzzle|homework problem]: {q}",
    "{A} and {B} [wonder|disagree about this]: {q}",
    "[Help {A} with this.|A warm-up.|Quick question.] {q}",
]
_CLOSINGS = [
    "[Give|Write|State] [only |]the [answer|result][ as a number|].",
    "[Use|You may use] Python[ if it helps|].",
    "Show your work.",
    "Explain.",
    "[Be careful.|Think carefully.|Work it out.]",
    "Compute it exactly.",
]


def as_condition(rng: random.Random, question: str) -> str:
    """Sometimes makes the last statement a condition: "If ..., how many ...?" or, as some books do,
    "If ... . How many ...?"."""
    if rng.random() > 0.22:
        return question
    match = re.fullmatch(r"(.*[.] |)([^.?!]+)[.] ((?:How|What)[^.?!]*[?])", question)
    if match is None:
        return question
    statement, first = match[2], match[2].split()[0].removesuffix("'s")
    if first not in _NAMES:
        if first not in _STARTS and not first.isdigit():
            return question
        statement = statement[:1].lower() + statement[1:]
    if rng.random() < 0.5:
        return f"{match[1]}If {statement}. {match[3]}"
    return f"{match[1]}If {statement}, {match[3][:1].lower()}{match[3][1:]}"


def frame(rng: random.Random, question: str) -> str:
    """Sometimes puts words around a question that change nothing."""
    if rng.random() < 0.2:
        a, b = lexicon.people(rng, 2)
        text = grammar.choose(rng, rng.choice(_OPENINGS))
        question = text.replace("{q}", question).replace("{A}", a.name).replace("{B}", b.name)
    if rng.random() < 0.12:
        question += " " + grammar.choose(rng, rng.choice(_CLOSINGS))
    return question

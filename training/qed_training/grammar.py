"""Texts with choices: "[How many|What number of] {things} are [left|there now]?".

Brackets hold alternatives, split by |, and may be nested; an empty alternative
is allowed. Braces are slots that are filled after the choices are made. One
template stands for thousands of wordings.
"""

import random
import re

_INNERMOST = re.compile(r"\[([^\[\]]*)\]")


def choose(rng: random.Random, text: str) -> str:
    """Replaces every bracket by one of its alternatives."""
    while match := _INNERMOST.search(text):
        text = text[: match.start()] + rng.choice(match.group(1).split("|")) + text[match.end() :]
    return text


def fill(text: str, slots: dict[str, object]) -> str:
    """Fills {slot}; a slot's value may have slots itself."""
    for _ in range(4):
        if "{" not in text:
            break
        text = re.sub(r"\{(\w+)\}", lambda m: str(slots[m.group(1)]), text)
    return text


def tidy(text: str) -> str:
    """One space between words, capital letters at sentence starts."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" ([.,?!;:])", r"\1", text)
    text = re.sub(r"([.?!] )([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)
    return text[:1].upper() + text[1:]


def articles(text: str) -> str:
    """ "an" before a vowel."""
    return re.sub(r"\b([Aa]) (?=[aeio]|u[mn][bcdn])", r"\1n ", text)


def write(rng: random.Random, text: str, slots: dict[str, object]) -> str:
    """Choices made, slots filled, tidied."""
    return tidy(fill(choose(rng, text), slots))

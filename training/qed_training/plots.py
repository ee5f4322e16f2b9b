"""Problems of two to six steps, put together from parts.

A plot is told sentence by sentence, and every sentence that needs arithmetic adds a
step to the solution. What is told, in which order, how it relates to what came before
and what is asked at the end are drawn anew each time, so no two problems share more
than a few of their sentences. plots_amounts.py and plots_money.py have the kinds of plots.
"""

import random
from collections.abc import Callable

from . import grammar, surface
from .example import Example
from .family import Slots, word_slots
from .gsm8k import Step, Worked


class Unfit(Exception):
    """The numbers drawn lead to a step that is not whole or not positive."""


class Plot:
    """A question and its solution while they are made."""

    def __init__(self, rng: random.Random, **slots: object) -> None:
        self.rng = rng
        self.slots: Slots = word_slots(rng) | slots
        self._texts: list[str] = []
        self._steps: list[Step] = []
        self._values: dict[str, float] = {}

    def draw(self, low: int, high: int, step: int = 1) -> int:
        return step * self.rng.randint(-(-low // step), high // step)

    def pick(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def phrase(self, text: str) -> str:
        """Choices made and slots filled, for use within a sentence."""
        return grammar.fill(grammar.choose(self.rng, text), self.slots)

    def write(self, text: str) -> str:
        return grammar.articles(grammar.write(self.rng, text, self.slots))

    def say(self, text: str) -> None:
        self._texts.append(self.write(text))

    @property
    def last(self) -> str:
        """The last sentence told, as it was written."""
        return self._texts[-1]

    def step(self, comment: str, name: str, expression: str, whole: bool = True) -> float:
        """One line of the program under its comment; the value, which must make sense."""
        value = eval(expression, {"__builtins__": {}}, dict(self._values))
        digits = 0 if whole else 2
        if value <= 0 or abs(value - round(value, digits)) > 1e-9 or name in self._values:
            raise Unfit
        self._values[name] = round(value, digits) if digits else int(round(value))
        self._steps.append(Step(self.write(comment), name, expression, value))
        return self._values[name]

    def value(self, name: str) -> float:
        """Of a step, or of a number as it is told."""
        return self._values[name] if name in self._values else float(name)

    def finish(self, ask: str) -> Worked:
        """With the noise that is in the slots, after the first sentence or later."""
        if self.slots["noise"] and self.chance(0.6):
            place = self.rng.randint(1, len(self._texts))
            self._texts.insert(place, self.write("{noise}"))
        self.say(ask)
        return Worked(" ".join(self._texts), self._steps, self._steps[-1].value)


Kind = tuple[Callable[[Plot], Worked], int]  # how one is made, and its weight


def problem(rng: random.Random, kinds: list[Kind]) -> Example:
    """A problem of one of the kinds."""
    while True:
        make = rng.choices([k for k, _ in kinds], weights=[w for _, w in kinds])[0]
        try:
            worked = make(Plot(rng))
        except Unfit:
            continue
        question = worked.question
        if rng.random() < 0.4:
            question = surface.rephrase(rng, question)
        if rng.random() < 0.15:
            question = surface.spell(rng, question)
        return Example("plot", question, [worked.program()])


_WORDS = {2: ["twice", "two times", "double"], 3: ["three times", "3 times", "triple"]}


def times_word(plot: Plot, k: int) -> str:
    """ "twice" for "twice as many as"; "double" and "triple" are for "double the number of"."""
    return plot.pick(*_WORDS.get(k, [f"{k} times", f"{k} times", f"{k} times"])[:2])

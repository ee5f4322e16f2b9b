"""Whether training problems repeat test problems.

Texts are compared as words in lower case, with numbers left out, so that a test
problem with other numbers counts as repeated. Two texts overlap where they are the
same, or where more than half of the shorter one's runs of six words occur in the
other.
"""

import collections
import json
import pathlib
import re
from collections.abc import Iterable

RUN = 6


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def runs(text: str) -> set[tuple[str, ...]]:
    """Runs of six words; the whole text where it is shorter."""
    w = words(text)
    return {tuple(w[i : i + RUN]) for i in range(max(1, len(w) - RUN + 1))}


class TestSet:
    """Problems that must not be trained on."""

    def __init__(self, problems: Iterable[str]) -> None:
        self._runs = [runs(p) for p in problems]
        self._holders: dict[tuple[str, ...], list[int]] = collections.defaultdict(list)
        for i, each in enumerate(self._runs):
            for run in each:
                self._holders[run].append(i)

    @classmethod
    def load(cls, paths: Iterable[pathlib.Path]) -> "TestSet":
        return cls(
            json.loads(line)["problem"]
            for path in paths
            for line in path.read_text().split("\n")
            if line
        )

    def repeats(self, problem: str) -> bool:
        own = runs(problem)
        shared = collections.Counter(i for run in own for i in self._holders.get(run, ()))
        return any(2 * count > min(len(own), len(self._runs[i])) for i, count in shared.items())

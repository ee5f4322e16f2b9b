"""Sessions whose first program fails and whose second one mends it."""

import random
import re

from .example import Example


def _drop_import(rng: random.Random, program: str) -> str | None:
    lines = program.split("\n")
    imports = [i for i, line in enumerate(lines) if line.startswith(("from ", "import "))]
    if not imports:
        return None
    del lines[rng.choice(imports)]
    return "\n".join(lines)


def _misspell(rng: random.Random, program: str) -> str | None:
    names = re.findall(r"^([a-z]\w{3,}) =", program, re.M)
    if not names:
        return None
    name = rng.choice(names)
    head, _, tail = program.rpartition(name)
    i = rng.randrange(1, len(name))
    wrong = rng.choice(
        [name[:i] + name[i + 1 :], name + "s", name[:i] + "_" + name[i:], "total_" + name]
    )
    return head + wrong + tail


def _drop_line(rng: random.Random, program: str) -> str | None:
    lines = program.split("\n")
    assignments = [i for i, line in enumerate(lines[:-1]) if re.match(r"[a-z]\w* = ", line)]
    if not assignments:
        return None
    del lines[rng.choice(assignments)]
    return "\n".join(lines)


def _drop_bracket(rng: random.Random, program: str) -> str | None:
    places = [i for i, ch in enumerate(program) if ch == ")"]
    if not places:
        return None
    i = rng.choice(places)
    return program[:i] + program[i + 1 :]


def _text_number(rng: random.Random, program: str) -> str | None:
    matches = list(re.finditer(r"(?<=[ (])\d+(?= [+-] )", program))
    if not matches:
        return None
    match = rng.choice(matches)
    return program[: match.start()] + f'"{match.group()}"' + program[match.end() :]


_FAULTS = [_drop_import, _misspell, _drop_line, _drop_bracket, _text_number]


def break_first(rng: random.Random, example: Example) -> Example | None:
    """The example with a faulty version of its program before it."""
    faulty = rng.choice(_FAULTS)(rng, example.programs[-1])
    if faulty is None or faulty == example.programs[-1]:
        return None
    return Example(
        example.kind, example.question, [faulty, example.programs[-1]], wording=example.wording
    )

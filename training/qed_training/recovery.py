"""Sessions whose first program fails and whose second one mends it.

The faults are those the model makes: names that were never set, or are set by
themselves, a line that is indented or is no code, a bracket too few, an import
forgotten. Where a program is plain arithmetic, the mending one has no names at all.
"""

import ast
import random
import re

from .example import Example

_ASSIGNMENT = re.compile(r"[a-z]\w* = ")


def _drop_import(rng: random.Random, lines: list[str]) -> list[str] | None:
    imports = [i for i, line in enumerate(lines) if line.startswith(("from ", "import "))]
    if not imports:
        return None
    del lines[rng.choice(imports)]
    return lines


def _assignments(lines: list[str]) -> list[int]:
    return [i for i, line in enumerate(lines) if _ASSIGNMENT.match(line)]


def _unknown_name(rng: random.Random, lines: list[str]) -> list[str] | None:
    """A number or name of an expression becomes a name of words that occur in the program."""
    places = [i for i, line in enumerate(lines) if not line.startswith(("#", "from ", "import "))]
    words = [w for w in re.findall(r"[a-z]{4,}", " ".join(lines)) if w != "print"]
    if not places or not words:
        return None
    i = rng.choice(places)
    head, equals, tail = lines[i].rpartition(" = ")
    terms = list(re.finditer(r"(?<![\w.])(?!print)[a-z0-9]\w*(?![\w.(])", tail))
    if not terms:
        return None
    term = rng.choice(terms)
    name = "_".join(rng.sample(words, min(len(words), rng.choice([1, 2]))))
    lines[i] = head + equals + tail[: term.start()] + name + tail[term.end() :]
    return lines


def _own_name(rng: random.Random, lines: list[str]) -> list[str] | None:
    """A sum that has itself as a term."""
    places = _assignments(lines)
    if not places:
        return None
    i = rng.choice(places)
    lines[i] += f" + {lines[i].split(' = ')[0]}"
    return lines


def _misspell(rng: random.Random, lines: list[str]) -> list[str] | None:
    places = [i for i in _assignments(lines) if len(lines[i].split(" = ")[0]) > 3]
    if not places:
        return None
    i = rng.choice(places)
    name, rest = lines[i].split(" = ", 1)
    cut = rng.randrange(2, len(name))
    wrong = rng.choice([name[:cut], name + "s", f"{name}_2", f"{name[:cut]} {name[cut:]}"])
    lines[i] = f"{wrong} = {rest}"
    return lines


def _indent(rng: random.Random, lines: list[str]) -> list[str] | None:
    i = rng.randrange(len(lines))
    if lines[i].startswith((" ", "#")):
        return None
    lines[i] = f" {lines[i]}"
    return lines


def _no_code(rng: random.Random, lines: list[str]) -> list[str] | None:
    comments = [i for i, line in enumerate(lines) if line.startswith("# ")]
    if not comments:
        return None
    i = rng.choice(comments)
    lines[i] = lines[i].removeprefix("# ")
    return lines


def _drop_bracket(rng: random.Random, lines: list[str]) -> list[str] | None:
    places = [i for i, line in enumerate(lines) if ")" in line and not line.startswith("#")]
    if not places:
        return None
    i = rng.choice(places)
    lines[i] = rng.choice([lines[i].replace(")", "", 1), lines[i] + ")"])
    return lines


_FAULTS = [
    _unknown_name,
    _unknown_name,
    _own_name,
    _misspell,
    _indent,
    _no_code,
    _drop_bracket,
    _drop_import,
]


class _Values(ast.NodeTransformer):
    """Names become the expressions they stand for."""

    def __init__(self, known: dict[str, ast.expr]) -> None:
        self._known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._known.get(node.id, node)


def in_one_line(program: str) -> str | None:
    """The program as one print without variables; None where it is more than arithmetic."""
    known: dict[str, ast.expr] = {}
    body = ast.parse(program).body
    for statement in body[:-1]:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                known[name] = _Values(dict(known)).visit(value)
            case _:
                return None
    last = body[-1]
    if not isinstance(last, ast.Expr) or not known:
        return None
    line = ast.unparse(_Values(known).visit(last))
    plain = re.fullmatch(r"print\([\d\s.+\-*/()]+\)", line)
    return line if plain and len(line) <= 90 else None


def break_first(rng: random.Random, example: Example) -> Example | None:
    """The example with a faulty version of its program before one that mends it."""
    program = example.programs[-1]
    lines = rng.choice(_FAULTS)(rng, program.split("\n"))
    if lines is None or "\n".join(lines) == program:
        return None
    mended = in_one_line(program) or program
    programs = ["\n".join(lines), mended]
    return Example(example.kind, example.question, programs, wording=example.wording)

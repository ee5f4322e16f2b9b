"""GSM8K's worked solutions as programs, and their numbers varied.

A solution marks every calculation: "Ida sold 24/2 = <<24/2=12>>12 hats in
May." Each mark becomes a line of the program, under a comment that says what it is
for; numbers that an earlier line computed become its variable.
"""

import dataclasses
import json
import pathlib
import random
import re

_MARK = re.compile(r"<<([^<>=]*)=([^<>]*)>>\s*\$?\s*(-?[\d,]*\.?\d*)")
# A calculation that somebody forgot to mark: "60 + 20 = 80".
_UNMARKED = re.compile(
    r"(?<![\w.,<=*/+\-()$])\$?(\d[\d,]*(?:\.\d+)?(?: ?[-+*/x] ?\$?\d[\d,]*(?:\.\d+)?)+) ?= ?(\$?)"
    r"(\d[\d,]*(?:\.\d+)?)(?![\d%/])"
)
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?|(?<![\w.\d])\.\d+")
_ARITHMETIC_TAIL = re.compile(r"[\s$\d.,+\-*/x×÷=()%]+$")
_SMALL_WORDS = set(
    """a an the of in on at for to and or is are was were has have had he she it they his her their its so then that this
there with per each by from as be will would can more than left total if all one up out off did does do him them which since because
every both also only just who what when where into after before not but you we i your our my""".split()
)
_NUMBER_WORDS = {
    2: r"two|twice|double|pair|both|half|couple",
    3: "three|triple|thrice|third|thirds",
    4: "four|quarter|quarters|fourth",
    5: "five|fifth|fifths",
    6: "six|sixth",
    7: "seven|week|weeks",
    8: "eight|eighth",
    9: "nine",
    10: "ten|tenth",
    12: "twelve|dozen|dozens|year|years",
    24: "day|days",
    30: "month",
    52: "year|years",
    60: "hour|hours|minute|minutes",
    100: "percent|hundred|%",
    365: "year|years",
    20: "twenty",
}

_UNITS = {1.0, 2.0, 4.0, 7.0, 12.0, 24.0, 30.0, 52.0, 60.0, 100.0, 365.0, 1000.0}


@dataclasses.dataclass
class Step:
    comment: str
    name: str
    expression: str  # of literals and earlier names
    value: float
    head: str = ""  # the solution's sentence before the number,
    tail: str = ""  # and after it
    money: bool = False


@dataclasses.dataclass
class Worked:
    """A problem with its solution as steps; the last one is the answer."""

    question: str
    steps: list[Step]
    answer: float

    def program(self) -> str:
        """A line for each step under a comment, or one print where one step is all."""
        last = self.steps[-1]
        if len(self.steps) == 1:
            return f"print({last.expression})"
        lines = []
        for step in self.steps:
            lines += ([f"# {step.comment}"] if step.comment else []) + [
                f"{step.name} = {step.expression}"
            ]
        return "\n".join([*lines, f"print({last.name})"])


def numbers_in(text: str) -> list[float]:
    """Every number that is written with digits."""
    return [float(m.replace(",", "")) for m in _NUMBER.findall(text)]


def show(value: float) -> str:
    """As Python writes it, without .0."""
    rounded = round(value, 6)
    return str(int(rounded)) if rounded == int(rounded) else repr(rounded)


def evaluate(steps: list[Step]) -> list[float] | None:
    """The value of each step as the expressions say; None where they cannot be computed."""
    known: dict[str, float] = {}
    for step in steps:
        try:
            known[step.name] = eval(step.expression, {"__builtins__": {}}, known)
        except (ArithmeticError, NameError, SyntaxError, TypeError):
            return None
    return [known[s.name] for s in steps]


def _clean_expression(text: str) -> str | None:
    text = (
        text.replace(",", "").replace("$", "").replace(" ", "").replace("×", "*").replace("÷", "/")
    )
    text = re.sub(r"(\d+(?:\.\d+)?)%", r"(\1/100)", text)
    if not re.fullmatch(r"[\d.+\-*/()]+", text) or not re.search(r"\d[+\-*/)]", text):
        return None
    text = re.sub(r"(?<![\d.])0+(\d)", r"\1", text)
    return re.sub(r"(?<=[\d)])([+\-*/])", r" \1 ", text)


def _words(text: str) -> list[str]:
    return [w.lower() for w in re.findall(r"[A-Za-z][a-z]+", text)]


def _name_step(after: str, before: str, taken: set[str]) -> str:
    """A variable's name: the words after the result, else those of the sentence."""
    phrase = re.split(r"[.,;:!?(\n]", after)[0]
    chosen = [w for w in _words(phrase) if w not in _SMALL_WORDS][:2]
    if not chosen:
        chosen = [w for w in _words(before) if w not in _SMALL_WORDS][-2:]
    base = "_".join(chosen) or "value"
    base = (
        base
        if base not in (
            "print",
            "sum",
            "round",
            "max",
            "min",
            "lambda",
            "class",
            "pass",
            "return",
            "import",
            "global",
        )
        else base + "_count"
    )
    name, i = base, 2
    while name in taken:
        name, i = f"{base}_{i}", i + 1
    return name


def _comment(before: str, after: str, computed: set[str]) -> str:
    """The sentence around a mark without its arithmetic and without computed values."""
    head = _ARITHMETIC_TAIL.sub("", before)
    text = f"{head} {re.split(r'(?<=[a-z])[.;!?]', after)[0]}"
    text = _NUMBER.sub(
        lambda m: "" if show(float(m.group().replace(",", ""))) in computed else m.group(), text
    )
    text = re.sub(r"[$=]\s*(?=\s|$|[a-z])", " ", text)
    text = re.sub(r"\s+", " ", text).strip(" .,;:-*+/=$#")
    garbled = re.search(r" [*+/=x×-] |[*+=]", text)
    return text if 3 <= len(text) <= 160 and not garbled else ""


def _link(expression: str, steps: list[Step], asked: set[float], percents: set[float]) -> str:
    """Literals that earlier steps computed become names; 0.2 becomes 20 / 100 where the text has 20%."""

    def replace(match: re.Match[str]) -> str:
        value = float(match.group())
        for step in reversed(steps):
            if abs(step.value - value) < 1e-6 and (value not in asked or step is steps[-1]):
                return step.name
        if value < 1 and round(value * 100, 6) in percents:
            return f"{show(value * 100)} / 100"
        return show(value)

    return re.sub(r"\d+(?:\.\d*)?|\.\d+", replace, expression)


def _mark(line: str) -> str:
    """The line with marks at the calculations that have none."""

    def marked(match: re.Match[str]) -> str:
        expression = re.sub(r"[ $,]", "", match[1]).replace("x", "*")
        return f"{match[1]} = {match[2]}<<{expression}={match[3].replace(',', '')}>>{match[3]}"

    return _UNMARKED.sub(marked, line)


def convert(question: str, solution: str, answer: str) -> Worked | None:
    """None where the marks do not lead to the answer."""
    body = solution.split("####")[0]
    target = float(answer.replace(",", ""))
    asked = set(numbers_in(question))
    percents = {float(p) for p in re.findall(r"(\d+(?:\.\d+)?)\s*(?:%|percent)", question)}
    steps: list[Step] = []
    for line in map(_mark, body.split("\n")):
        marks = list(_MARK.finditer(line))
        for i, mark in enumerate(marks):
            before = line[marks[i - 1].end() if i else 0 : mark.start()]
            after = line[mark.end() : marks[i + 1].start() if i + 1 < len(marks) else len(line)]
            expression = _clean_expression(mark.group(1))
            try:
                value = float(mark.group(2).replace(",", "").replace("$", ""))
                actual = eval(expression or "None")
            except (ValueError, SyntaxError, ArithmeticError, TypeError):
                return None
            if actual is None or abs(actual - value) > 1e-6 * max(1, abs(value)):
                return None
            computed = {show(s.value) for s in steps} - {show(a) for a in asked} | {show(value)}
            name = _name_step(after, before, {s.name for s in steps})
            linked = _link(expression or "", steps, asked, percents)
            money = "$" in before[-3:] or "$" in mark.group(0)[-12:].split(">>")[-1]
            steps.append(
                Step(
                    _comment(before, after, computed),
                    name,
                    linked,
                    value,
                    _ARITHMETIC_TAIL.sub("", before).strip(),
                    re.split(r"[.;!?]", after)[0].strip(),
                    money,
                )
            )
    return _up_to_answer(question, steps, target)


def _up_to_answer(question: str, steps: list[Step], target: float) -> Worked | None:
    while steps and abs(steps[-1].value - target) > 1e-6:
        steps.pop()
    if not steps:
        return None
    values = evaluate(steps)
    if values is None or abs(values[-1] - target) > 1e-9:
        return None
    return Worked(question, needed(steps), target)


def needed(steps: list[Step]) -> list[Step]:
    """Only the steps that the last one depends on."""
    wanted, kept = {steps[-1].name}, []
    for step in reversed(steps):
        if step.name in wanted:
            kept.append(step)
            wanted.update(re.findall(r"[A-Za-z_]\w*", step.expression))
    return kept[::-1]


def load(path: pathlib.Path) -> tuple[list[Worked], list[dict[str, str]]]:
    """The problems of a GSM8K file that convert, and the rows of those that do not."""
    worked, others = [], []
    for line in filter(None, path.read_text().split("\n")):
        row = json.loads(line)
        made = convert(row["problem"], row["solution"], row["expected_answer"])
        if made is not None:
            worked.append(made)
        else:
            others.append(row)
    return worked, others


def _literals(worked: Worked) -> set[float]:
    return {
        float(x) for s in worked.steps for x in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", s.expression)
    }


def has_unexplained_number(worked: Worked) -> bool:
    """Whether the program has a number that somebody worked out in the head."""
    text = worked.question.lower()
    explained = set(numbers_in(worked.question)) | _UNITS
    explained |= {
        float(v) for v, words in _NUMBER_WORDS.items() if re.search(rf"\b({words})\b", text)
    }
    return bool(_literals(worked) - explained)


UNIT_WORDS = set(
    """hours minutes seconds days weeks months years dollars cents percent times miles feet inches meters kilometers pounds ounces
grams degrees points more other of less as his pairs is was was less has gas his this its yards acres gallons liters quarts
fewer doing additional extra different""".split()
)


def counted_things(problems: list[Worked]) -> list[str]:
    """Plural phrases that follow a number: "red marbles", "bags of flour"."""
    found = set()
    for worked in problems:
        for phrase in re.findall(
            r"\b\d+ ((?:[a-z]+ ){0,2}[a-z]{3,}s)\b(?= (?:and|in|on|at|from|to|for)\b|[.,])",
            worked.question,
        ):
            words = phrase.split()
            if (
                not UNIT_WORDS & set(words)
                and not _SMALL_WORDS & set(words)
                and not phrase.endswith(("ss", "us"))
            ):
                one = (
                    re.sub(r"(?<=[a-z])ies$", "y", phrase)
                    if phrase.endswith("ies")
                    else re.sub(r"(?<=ch|sh|ss)es$|s$", "", phrase)
                )
                found.add(f"{one.replace(' ', '_')}|{phrase.replace(' ', '_')}")
    return sorted(found)


def side_sentences(problems: list[Worked]) -> list[str]:
    """Statements that open a problem, short enough to stand beside another story."""
    found = set()
    for worked in problems:
        first = re.split(r"(?<=[.!?])\s+", worked.question)[0]
        if (
            first.endswith(".")
            and 4 <= len(first.split()) <= 14
            and not re.search(r"[{}\[\]|$]|Mr|Mrs|Dr", first)
        ):
            found.add(first)
    return sorted(found)


def variable_numbers(worked: Worked) -> list[float]:
    """Numbers that may be changed: written once in the question, used in the program, and neither a
    result, nor spelled out, nor a unit's constant. None where values cannot be told apart."""
    in_question = numbers_in(worked.question)
    literals = _literals(worked)
    results = {round(s.value, 6) for s in worked.steps}
    mixed = {round(s.value, 6) for s in worked.steps[:-1]} & set(in_question)
    if mixed or len(results) < len(worked.steps) or has_unexplained_number(worked):
        return []
    percent = re.search(r"%|percent", worked.question) is not None
    free = []
    for value in sorted(set(in_question)):
        words = _NUMBER_WORDS.get(int(value)) if value == int(value) else None
        spelled = words is not None and re.search(rf"\b({words})\b", worked.question.lower())
        if (
            value in literals
            and value > 1
            and in_question.count(value) == 1
            and value not in results
            and not spelled
            and not (percent and 100 - value in in_question)  # "60%" may be what 40% leave
        ):
            free.append(value)
    return free


def _new_value(rng: random.Random, value: float) -> float:
    if value != int(value):
        digits = len(repr(value).split(".")[1])
        return round(value * rng.uniform(0.5, 2), digits)
    step = next(s for s in (1000, 100, 50, 10, 5, 1) if value % s == 0 and value >= 2 * s or s == 1)
    if rng.random() < 0.3:
        step = 1
    return float(
        max(2, round(value * rng.uniform(0.5, 2) / step + rng.choice([-1, 0, 0, 1])) * step)
    )


def _replace_numbers(text: str, mapping: dict[float, float]) -> str:
    def replace(match: re.Match[str]) -> str:
        old = float(match.group().replace(",", ""))
        if old not in mapping:
            return match.group()
        new = mapping[old]
        if "." in match.group():
            return f"{new:.{len(match.group().split('.')[1])}f}"
        return f"{int(new):,}" if "," in match.group() else show(new)

    return _NUMBER.sub(replace, text)


def vary(rng: random.Random, worked: Worked, tries: int = 12) -> Worked | None:
    """The same problem with other numbers: results stay whole where they were, positive, of like size."""
    free = variable_numbers(worked)
    if not free:
        return None
    old = [s.value for s in worked.steps]
    for _ in range(tries):
        chosen = [v for v in free if rng.random() < 0.75] or [rng.choice(free)]
        mapping = {v: _new_value(rng, v) for v in chosen}
        kept = {v for v in numbers_in(worked.question) if v not in mapping}
        if len(set(mapping.values()) | kept) < len(mapping) + len(kept) or all(
            k == v for k, v in mapping.items()
        ):
            continue
        steps = [
            Step(
                _replace_numbers(s.comment, mapping),
                s.name,
                _replace_numbers(s.expression, mapping),
                0,
            )
            for s in worked.steps
        ]
        values = evaluate(steps)
        if values is None or not all(_alike(a, b) for a, b in zip(old, values, strict=True)):
            continue
        for step, value in zip(steps, values, strict=True):
            step.value = value
        return Worked(_replace_numbers(worked.question, mapping), steps, values[-1])
    return None


def _alike(old: float, new: float) -> bool:
    if (old > 0) != (new > 0) or not 0.1 <= abs(new / old if old else 1) <= 10:
        return False
    if old == int(old):
        return new == int(new)
    return round(new, 4) == new

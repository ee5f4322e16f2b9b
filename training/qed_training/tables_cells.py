"""Comparisons, sums and changes of the cells of a table (see tables.py)."""

import random

from .tables import TOGETHER, Draft, Kind, Table, number, pair


def _two_kinds(rng: random.Random, t: Table) -> Draft:
    """One person, two or three kinds: compare or add two of them."""
    (n, k), r = pair(rng), number(rng)
    cells: list[tuple[object, str]] = [(n, "{x}"), (k, "{y}")]
    if rng.random() < 0.4:
        cells.append((r, "{z}"))
    rng.shuffle(cells)
    past, base = t.verb.past, t.verb.base
    if rng.random() < 0.6:
        ask = (
            f"[How many more {{x}} than {{y}} did {{A}} {base}|How many fewer {{y}} than {{x}} did"
            f" {{A_he}} {base}|By how many do the {{x}} outnumber the {{y}}|What is the difference"
            f" between the number of {{x}} and {{y}} {{A}} {past}]?"
        )
        return [t.row("A", cells)], ask, f"print({n} - {k})"
    if len(cells) == 3 and rng.random() < 0.5:
        ask = (
            f"How many [things|{{x}}, {{y}} and {{z}}] did {{A}} {base} [in all|in"
            " total|altogether]?"
        )
        return [t.row("A", cells)], ask, f"print({n} + {k} + {r})"
    ask = f"How many {{x}} and {{y}} did {{A}} {base} {TOGETHER}?"
    return [t.row("A", cells)], ask, f"print({n} + {k})"


def _two_people(rng: random.Random, t: Table) -> Draft:
    """Two people, one or two kinds: compare or add in one kind."""
    (n, k), r, s = pair(rng), number(rng), number(rng)
    base = t.verb.base
    if rng.random() < 0.6:
        texts = [
            t.row("A", rng.sample([(n, "{x}"), (r, "{y}")], 2)),
            t.row("B", rng.sample([(k, "{x}"), (s, "{y}")], 2)),
        ]
    else:
        texts = [t.tell("A", n, "{x}"), t.tell("B", k, "{x}")]
    if rng.random() < 0.5:
        rng.shuffle(texts)
    if rng.random() < 0.6:
        ask = (
            f"[How many more {{x}} did {{A}} {base} than {{B}}|How many fewer {{x}} did {{B}}"
            f" {base} than {{A}}|By how many {{x}} is {{A}} ahead of {{B}}|How many more {{x}} does"
            f" {{B}} have to {base} to [catch up with|be level with] {{A}}]?"
        )
        return texts, ask, f"print({n} - {k})"
    ask = f"How many {{x}} did [{{A}} and {{B}}|they|the two of them] {base} {TOGETHER}?"
    return texts, ask, f"print({n} + {k})"


def _two_times(rng: random.Random, t: Table) -> Draft:
    """One person at two or three times."""
    (n, k), r = pair(rng), number(rng)
    base = t.verb.base
    first, second = ("{t}", "{t2}") if rng.random() < 0.5 else ("{t2}", "{t}")
    texts = [t.tell("A", n, "{x}", first), t.tell("A", k, "{x}", second)]
    if rng.random() < 0.4:
        texts.append(t.tell("A", r, rng.choice(["{x}", "{y}"]), "{t3}"))
    if rng.random() < 0.4:
        texts[0] = t.row("A", [(n, "{x}"), (number(rng), "{y}")], first)
    rng.shuffle(texts)
    if rng.random() < 0.55:
        ask = (
            f"[How many more {{x}} did {{A}} {base} {first} than {second}|How many fewer {{x}} did"
            f" {{A}} {base} {second} than {first}]?"
        )
        return texts, ask, f"print({n} - {k})"
    ask = f"How many {{x}} did {{A_he}} {base} {first} and {second} {TOGETHER}?"
    return texts, ask, f"print({n} + {k})"


def _compared(rng: random.Random, t: Table) -> Draft:
    """A cell is told by comparison with another; either may be unknown."""
    n, past, base = number(rng), t.verb.past, t.verb.base
    d, e = rng.randint(2, n), number(rng)
    more = rng.random() < 0.5
    word = "more" if more else "[fewer|less]"
    relation = f"{{A}} {past} {d} {word} {{x}} than {{B}}"
    if rng.random() < 0.4:
        relation += f" [and|but] {e} [more|fewer] {{y}} than {{[B|C]}}"
    known, asked = ("B", "A") if rng.random() < 0.5 else ("A", "B")
    anchor = t.row(known, [(n, "{x}"), (number(rng), "{y}")])
    if rng.random() < 0.5:
        anchor = t.tell(known, n, "{x}")
    texts = [f"{relation}.", anchor]
    if rng.random() < 0.4:
        texts.reverse()
    sign = "+" if more == (asked == "A") else "-"
    ask = f"[How many {{x}} did {{{asked}}} {base}|What is the number of {{x}} {{{asked}}} {past}]?"
    if rng.random() < 0.2:
        verb = f"did they {base} {TOGETHER}"
        return texts, f"How many {{x}} {verb}?", f"other = {n} {sign} {d}\nprint({n} + other)"
    return texts, ask, f"print({n} {sign} {d})"


def _inserted(rng: random.Random, t: Table) -> Draft:
    """The relation is a clause: "..., which is 5 more than ..."."""
    n, past, base = number(rng), t.verb.past, t.verb.base
    d, more = rng.randint(2, n), rng.random() < 0.5
    word = "more" if more else "[fewer|less]"
    if rng.random() < 0.5:
        than, ask = "{B}[ did|]", f"How many {{x}} did {{B}} {base}?"
    else:
        when = rng.choice(["last time", "the day before", "a year ago"])
        than, ask = f"{{A_he}} {past} {when}", f"How many {{x}} did {{A_he}} {base} {when}?"
    text = f"{{A}} {past} {n} {{x}}[, which is|, that is|,] {d} {word} than {than}."
    return [text], ask, f"print({n} {'-' if more else '+'} {d})"


_GO = [
    ("gave away", "give away"),
    ("lost", "lose"),
    ("sold", "sell"),
    ("used", "use"),
    ("threw away", "throw away"),
    ("lent {C}", "lend {C}"),
    ("gave {B}", "give {B}"),
]
_COME = [
    ("got", "get"),
    ("found", "find"),
    ("bought", "buy"),
    ("received", "receive"),
    ("won", "win"),
    ("borrowed", "borrow"),
]


def _changed(rng: random.Random, t: Table) -> Draft:
    """Two kinds of one person; both change, one is asked about before, after or between."""
    (n, k), (m, j) = pair(rng), pair(rng)
    lost = rng.random() < 0.6
    past, base = rng.choice(_GO if lost else _COME)
    before, after = (n, n - k) if lost else (n, n + k)
    other = m - j if lost else m + j
    had = (
        f"[{{A}} had {before} {{x}} and {m} {{y}}|{{A}} had {m} {{y}} and {before} {{x}}]"
        "[ at first| to begin with| in the beginning|]."
    )
    event = f"{{A_he}} {past} {k} {{x}}[ and {j} {{y}}|]."
    has = f"[Now|After that|In the end] {{A_he}} [has|had] {after} {{x}} and {other} {{y}}[ left|]."
    if not lost:
        has = has.replace("[ left|]", "")
    some = f"{{A_he}} {past} some[ of them| {{x}} and some {{y}}|]."
    kind = rng.choice(["after", "after", "before", "between"])
    if kind == "after":
        ask = "How many {x} [does {A} have now|are there now|did {A} have then|are left]?"
        if not lost:
            ask = ask.replace("|are left", "")
        return [had, event], ask, f"print({before} {'-' if lost else '+'} {k})"
    if kind == "before":
        ask = "How many {x} did {A} have [at first|in the beginning|before that|to start with]?"
        event = f"{{A}} {past} {k} {{x}} and {j} {{y}}."
        return [event, has], ask, f"print({after} {'+' if lost else '-'} {k})"
    ask = f"How many {{x}} did {{A_he}} {base}?"
    high, low = (before, after) if lost else (after, before)
    return [had, some, has], ask, f"print({high} - {low})"


def _gone_compared(rng: random.Random, t: Table) -> Draft:
    """What went of one kind against the other kind, or what is left of both."""
    (n, k), (m, j) = pair(rng), pair(rng)
    past, base = rng.choice(_GO)
    had = f"{{A}} had {n} {{x}} and {m} {{y}}."
    event = f"{{A_he}} {past} {k} {{x}} and {j} {{y}}."
    if k > j and rng.random() < 0.5:
        ask = f"How many more {{x}} than {{y}} did {{A_he}} {base}?"
        return [had, event], ask, f"print({k} - {j})"
    if rng.random() < 0.5:
        ask = f"How many {{x}} and {{y}} did {{A_he}} {base} {TOGETHER}?"
        return [had, event], ask, f"print({k} + {j})"
    if n - k > m - j and rng.random() < 0.6:
        ask = "How many more {x} than {y} does {A} have [now|left|in the end]?"
        return [had, event], ask, f"x = {n} - {k}\ny = {m} - {j}\nprint(x - y)"
    ask = "How many [things|{x} and {y}] does {A} have [left|now] in all?"
    return [had, event], ask, f"x = {n} - {k}\ny = {m} - {j}\nprint(x + y)"


def _passed_on(rng: random.Random, t: Table) -> Draft:
    """Something goes from one person to the other; each one's count may be asked."""
    (n, k), m = pair(rng), number(rng)
    had = rng.sample([f"{{A}} had {n} {{x}}.", f"{{B}} had {m} {{x}}."], 2)
    event = (
        f"[{{A}} gave {{B}} {k} {{x}}|{{A}} gave {k} [of {{A_his}} |]{{x}} to {{B}}|{{B}} got {k}"
        " {x} from {A}]."
    )
    who, sign, start = rng.choice([("A", "-", n), ("B", "+", m)])
    ask = f"How many {{x}} does {{{who}}} have [now|then|after that]?"
    return [*had, event], ask, f"print({start} {sign} {k})"


KINDS: list[Kind] = [
    (_two_kinds, 3),
    (_two_people, 3),
    (_two_times, 3),
    (_compared, 4),
    (_inserted, 2),
    (_changed, 5),
    (_gone_compared, 3),
    (_passed_on, 2),
]

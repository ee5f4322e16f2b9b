"""Parts, equal groups, prices, sizes and rates, beside other numbers (see tables.py)."""

import random

from . import lexicon
from .tables import Draft, Kind, Table, number, pair


def _parts(rng: random.Random, t: Table) -> Draft:
    """A whole of two parts told, one part asked, among other numbers."""
    (n, k), r = pair(rng), number(rng)
    texts = [
        (
            f"[There are {n} {{m}} in the {{place}}|The {{place}} has {n} {{m}}|{n} {{m}}"
            " [came|went] to the {place}]."
        ),
        (
            f"[{k} of them|{k} {{m}}|{k} of the {{m}}] [are|were] {{p}}[ and the [rest|others]"
            " {q}|]."
        ),
    ]
    p, q = rng.choice(
        [
            ("girls", "boys"),
            ("men", "women"),
            ("new", "old"),
            ("beginners", "advanced"),
            ("wearing hats", "bareheaded"),
            ("tall", "short"),
        ]
    )
    texts[1] = texts[1].replace("{p}", p).replace("{q}", q)
    if rng.random() < 0.5:
        texts.insert(rng.randint(1, 2), f"There are [also |]{r} [{{y}}|{{v}}|{{z}}] there.")
    ask = f"How many [of them |{{m}} |]are [not {p}|{q}]?"
    return texts, ask, f"print({n} - {k})"


def _grouped(rng: random.Random, t: Table) -> Draft:
    """Equal groups of one thing among other numbers; total, size or count asked."""
    per, groups, r = rng.randint(2, 40), rng.randint(2, 40), number(rng)
    total = per * groups
    put = "[puts|packs|sorts|arranges|places]"
    other = [
        f"{{A_he}} also has {r} {{y}}.",
        f"{{B}} has {r} {{y}}.",
        f"There are {r} {{y}} [in another {{c1}}|too].",
        f"[One|Each] {{c1}} [costs|weighs] {r} [dollars|grams].",
        f"[Each|Every] {{x1}} has {_few(rng)} [parts|spots|layers|sides].",
        "",
        "",
    ]
    kind = rng.choice(["total", "size", "count"])
    if kind == "total":
        text = (
            f"[{{A}} {put} {per} {{x}} in each of {groups} {{c}}|{{A}} has {groups} {{c}} with"
            f" {per} {{x}} in each|There are {per} {{x}} in every {{c1}}. {{A}} has {groups}"
            " {c}]."
        )
        ask = "How many {x} [are there|is that|does {A} have] [in all|altogether|]?"
        if rng.random() < 0.35:
            more, sign = rng.choice([("also has", "+"), ("then sells", "-"), ("gets", "+")])
            n = rng.randint(1, total - 1)
            text += f" {{A_he}} {more} {n} [single|other|] {{x}}."
            return [text], ask, f"total = {per} * {groups}\nprint(total {sign} {n})"
        return [text, rng.choice(other)], ask, f"print({per} * {groups})"
    whole = f"{{A}} has {total} {{x}}[ and {r} {{y}}|]."
    if kind == "size":
        text = (
            f"[{{A_he}} {put} the {{x}} in {groups} {{c}}, the same number in each|The {{x}} are"
            f" shared equally [among|between] {groups} {{m}}|The {{x}} fill {groups} equal {{c}}]."
        )
        ask = "How many {x} [are in each|does each get|are there in each one]?"
        return [whole, text, rng.choice(other)], ask, f"print({total} / {groups})"
    text = f"{{A_he}} {put} the {{x}} in {{c}} of {per}."
    ask = "How many {c} [of {x} |][does {A_he} get|are there|are filled]?"
    return [whole, text, rng.choice(other)], ask, f"print({total} / {per})"


def _priced(rng: random.Random, t: Table) -> Draft:
    """Prices and money of one or two things."""
    (p, q), n, r = pair(rng), rng.randint(2, 30), number(rng)
    told = rng.sample([f"A {{x1}} costs ${p}.", f"A {{y1}} costs ${q}."], 2)
    kind = rng.choice(["more", "some", "left", "many", "short"])
    if kind == "more":
        return (
            [*told, f"[{{A}} has ${r}.|]"],
            "How much more does a {x1} cost than a {y1}?",
            f"print({p} - {q})",
        )
    if kind == "some":
        return (
            [*told, f"{{A}} buys {n} {{x}}."],
            "How much does {A_he} [pay|spend]?",
            f"print({n} * {p})",
        )
    if kind == "many":
        have = f"{{A}} has ${n * p}."
        return (
            [*told, have],
            "How many {x} can {A_he} buy [with that|for that money|]?",
            f"print({n * p} / {p})",
        )
    if kind == "short":
        text = [f"{{A}} wants [to buy|] a {{x1}} that costs ${p}.", f"{{A_he}} has ${q}."]
        extra = f"A {{y1}} would cost ${r}."
        return (
            [*text, rng.choice(["", extra])],
            "How [much more money|many more dollars] does {A_he} need?",
            f"print({p} - {q})",
        )
    text = f"{{A}} had ${p} and [bought|paid for] {{x}} for ${q}[ and {r} {{y}} were free|]."
    return (
        [text],
        "How much [money |]does {A_he} have [left|now]?",
        f"print({p} - {q})",
    )


_MEASURES = [
    ("The water in the {r}", "was {n} cm deep", "rose by", "fell by", "How deep is it"),
    ("The temperature in the {place}", "was {n} degrees", "rose by", "fell by", "What is it"),
    ("{A}'s {a1}", "weighed {n} pounds", "gained", "lost", "How much does it weigh"),
    ("The rent of the {place}", "was ${n}", "went up by", "went down by", "What is it"),
    ("The height of the tower", "was {n} blocks", "grew by", "shrank by", "How high is it"),
    ("A tank", "held {n} liters", "was filled with another", "lost", "How much does it hold"),
    ("The line at the {place}", "was {n} people long", "grew by", "shrank by", "How long is it"),
    ("{A}'s score", "was {n}", "went up by", "went down by", "What is it"),
]  # fmt: skip


def _measured(rng: random.Random, t: Table) -> Draft:
    """A size that rises or falls; it is asked for before, after or by how much."""
    (n, k), up = pair(rng), rng.random() < 0.5
    subject, was, rises, falls, ask = rng.choice(_MEASURES)
    t.slots["r"] = rng.choice("river lake well canal pond".split())
    t.slots["a1"] = lexicon.noun(rng.choice(lexicon.ANIMALS))[0]
    end = n + k if up else n - k
    when = "[On {day}|Last week|In the afternoon|Later]"
    change = f"{when} it {rises if up else falls} {k}."
    before, after = (f"{subject} {was.replace('{n}', str(v))}" for v in (n, end))
    kind = rng.choice(["now", "now", "before", "change"])
    if kind == "now":
        return [f"{before}.", change], f"{ask} now?", f"print({n} {'+' if up else '-'} {k})"
    if kind == "before":
        asked = ask.replace("does", "did").replace(" is ", " was ")
        change = f"[That was|That is|It was] after it {rises if up else falls} {k}."
        return [f"{after}.", change], f"{asked} before?", f"print({end} {'-' if up else '+'} {k})"
    later = f"[Now|Today|A week later] it {was.replace('{n}', str(end))}."
    high, low = max(n, end), min(n, end)
    return [f"{before}.", later], "By how much did it change?", f"print({high} - {low})"


_RATES = [
    ("{A} [reads|reads, when there is time,] {per} pages [a|per|each] day", "pages", "days"),
    ("{A} [walks|runs|rides] {per} miles [a|per|each] day", "miles", "days"),
    ("{A} [earns|makes|is paid] {per} dollars [an|per|each] hour", "dollars", "hours"),
    ("A machine [makes|fills|packs] {per} {x} [a|per|each] minute", "{x}", "minutes"),
    ("{A} [saves|puts aside] {per} dollars [a|per|each] week", "dollars", "weeks"),
    ("A {x1} [weighs|has a weight of] {per} grams", "grams", "{x}"),
    ("A {x1} [costs|is sold for] {per} dollars", "dollars", "{x}"),
    ("{A} needs {per} minutes for [a|one|each] {x1}", "minutes", "{x}"),
    ("{A} gets {per} dollars for [every|each] {x1} {A_he} sells", "dollars", "{x}"),
    ("The {place} [charges|takes] {per} dollars for each {v1}", "dollars", "{v}"),
]


def _rates(rng: random.Random, t: Table) -> Draft:
    """So much for each; total, rate or count, beside a number of something else."""
    per, count = rng.randint(2, 60), rng.randint(2, 30)
    text, unit, each = rng.choice(_RATES)
    rate = f"{text.replace('{per}', str(per))}."
    beside = f"[{{B}} has {number(rng)} {{y}}.|{{A}} is {rng.randint(6, 70)} years old.||]"
    if rng.random() < 0.5:
        ask = f"How many {unit} [is that for|are that for|does that make for] {count} {each}?"
        return [rate, beside], ask, f"print({per} * {count})"
    ask = (
        f"[For how many {each} is that {per * count} {unit}|How many {each} does it take for"
        f" {per * count} {unit}]?"
    )
    if each == "{x}":
        ask = (
            f"[For how many {each} is that {per * count} {unit}|How many {each} make {per * count}"
            f" {unit}]?"
        )
    return [rate, beside], ask, f"print({per * count} / {per})"


_SPREAD = [
    ("{A} paid {total} dollars for {count} {x}", "dollars", "a {x1}", "cost"),
    ("{count} {c} [weigh|have a weight of] {total} pounds", "pounds", "a {c1}", "weigh"),
    ("{total} {m} [sat|were] in {count} {g}", "{m}", "a {g1}", "have"),
    ("{total} {x} were in {count} {c}", "{x}", "a {c1}", "hold"),
]
_DONE = (
    "read|read|pages walked|walk|miles earned|earn|dollars picked|pick|{f} made|make|{x}".split()
)
_SPANS = "day hour week month".split()


def _per_one(rng: random.Random, t: Table) -> Draft:
    """A total spread evenly; how much falls to one is asked, beside other numbers."""
    per, count = rng.randint(2, 60), rng.randint(2, 30)
    if rng.random() < 0.5:
        (past, base, unit), span = rng.choice(_DONE).split("|"), rng.choice(_SPANS)
        told = (
            f"{{A}} {past} {per * count} {unit} in {count} {span}s"
            f"[, the same number [each|every] {span}|, at the same rate|]"
        )
        ask = (
            f"How many {unit} [did {{A_he}} {base} [each|a|per|every] {span}|is that [a|per]"
            f" {span}]?"
        )
    else:
        text, unit, one, verb = rng.choice(_SPREAD)
        told = text.replace("{total}", str(per * count)).replace("{count}", str(count))
        told += "[, all the same|]" if verb in ("cost", "weigh") else "[, the same number in each|]"
        ask = f"How many {unit} does {one} {verb}?"
    beside = (
        f"[[Each|Every] {{x1}} has {_few(rng)} [parts|spots|layers|sides].|{{B}} has {number(rng)}"
        f" {{y}}.|{{A}} also had {number(rng)} {{y}}.|It took {_few(rng)} minutes to count them.||]"
    )
    return [f"{told}.", beside], ask, f"print({per * count} / {count})"


def _few(rng: random.Random) -> int:
    return rng.randint(2, 40)


def _goal(rng: random.Random, t: Table) -> Draft:
    """So much is wanted and so much is there, of one kind or of two."""
    (n, k), (m, j) = pair(rng), pair(rng)
    base = t.verb.base
    second, also = rng.choice([(f" and {m} {{y}}", f" and {j} {{y}}"), ("", "")])
    goal = (
        f"[{{A}} wants to {base} {n} {{x}}{second}|{{A}}'s [plan|goal] is to {base} {n}"
        f" {{x}}{second}|{{A}} [has|needs] to {base} {n} {{x}}{second}]."
    )
    so_far = f"[So far|Until now|Up to now] {{A_he}} {t.verb.past} {k} {{x}}{also}."
    ask = f"How many more {{x}} does {{A_he}} [have to|need to|still have to] {base}?"
    return [goal, so_far], ask, f"print({n} - {k})"


KINDS: list[Kind] = [
    (_parts, 2),
    (_grouped, 6),
    (_priced, 3),
    (_measured, 2),
    (_rates, 3),
    (_per_one, 3),
    (_goal, 2),
]

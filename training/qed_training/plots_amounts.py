"""Plots (see plots.py) about amounts: relations, events, parts, groups, totals and ages."""

from .gsm8k import Worked
from .plots import Kind, Plot, times_word


def relate(plot: Plot, new: str, old: str, x: str, has: str, name: str, old_name: str) -> None:
    """Says how the count of `new` follows from that of `old`, and computes it."""
    k, d = plot.draw(2, 5), plot.draw(1, 30)
    word = times_word(plot, k)
    kinds: list[tuple[str, str]] = [
        (f"{word} as many {x} as {old}", f"{k} * {old_name}"),
        (f"{d} more {x} than {old}", f"{old_name} + {d}"),
        (f"{d} [fewer|less] {x} than {old}", f"{old_name} - {d}"),
        (f"[half as many {x} as|half the number of {x} of] {old}", f"{old_name} / 2"),
        (f"{d} more than {word} as many {x} as {old}", f"{k} * {old_name} + {d}"),
        (f"{d} [fewer|less] than {word} as many {x} as {old}", f"{k} * {old_name} - {d}"),
        (f"{d} more than half as many {x} as {old}", f"{old_name} / 2 + {d}"),
        (f"[a third|one third|1/3] as many {x} as {old}", f"{old_name} / 3"),
        (f"[a quarter|one fourth|1/4] as many {x} as {old}", f"{old_name} / 4"),
        (f"{d * 5}% more {x} than {old}", f"{old_name} + {old_name} * {d * 5} / 100"),
    ]
    weights = [6, 6, 6, 4, 3, 3, 2, 2, 2, 2]
    text, expression = plot.rng.choices(kinds, weights=weights)[0]
    text = plot.phrase(text)
    plot.say(f"{new} {has} {text}.")
    plot.step(f"{new} {has} {text}", name, expression)


_CASTS = [
    ("{A}|{B}|{C}", "[has|had|has]", "{x}"),
    ("{A}|{B}|{C}", "[sold|collected|found|picked|counted|made]", "{x}"),
    ("{A}|{B}|{C}", "[read|wrote]", "[pages|letters|stories|poems]"),
    ("{A}|{B}|{C}", "[scored|got|won|earned]", "[points|tickets|medals]"),
    ("the first {c1}|the second {c1}|the third {c1}", "[holds|has|contains]", "{x}"),
    ("the red team|the blue team|the green team", "[has|scored|won]", "[points|players|games]"),
    ("the library|the school|the museum", "[has|bought|ordered]", "{x}"),
    ("the old farm|the new farm|the big farm", "[has|keeps|sold]", "[cows|hens|sheep|goats]"),
]


def relation_chain(plot: Plot) -> Worked:
    """Two to four amounts, each told in terms of an earlier one."""
    cast, has, x = plot.rng.choice(_CASTS)
    people, has, x = plot.phrase(cast).split("|"), plot.phrase(has), plot.phrase(x)
    plot.rng.shuffle(people)
    count = plot.rng.choices([2, 3], weights=[40, 60])[0]
    start = plot.draw(4, plot.rng.choice([20, 60, 200]), plot.rng.choice([1, 2, 12]))
    amounts = [str(start), "second", "third"][:count]  # as the program refers to them
    plot.say(f"{people[0]} {has} {start} {x}.")
    for i in range(1, count):
        j = plot.rng.randrange(i) if plot.chance(0.25) else i - 1
        relate(plot, people[i], people[j], x, has, amounts[i], amounts[j])
    return _ask_chain(plot, people, amounts, x)


def _ask_chain(plot: Plot, people: list[str], amounts: list[str], x: str) -> Worked:
    first, last = people[0], people[len(amounts) - 1]
    kind = plot.rng.choices(["total", "last", "difference", "money", "shared"], [9, 2, 3, 3, 2])[0]
    if kind == "last" and len(amounts) > 2:
        return plot.finish(f"How many {x} is that for {last}?")
    if kind == "difference":
        high, low, a, b = amounts[-1], amounts[0], last, first
        if plot.value(high) < plot.value(low):
            high, low, a, b = low, high, b, a
        plot.step(f"The difference between {a} and {b}", "difference", f"{high} - {low}")
        return plot.finish(f"How many more {x} is that for {a} than for {b}?")
    plot.step(f"All {x} together", "total", " + ".join(amounts))
    if kind == "money":
        price = plot.draw(2, 12)
        plot.step(f"Each of the {x} is worth ${price}", "money", f"total * {price}")
        return plot.finish(
            f"[If each of the {x} is worth ${price}, how much are all of them worth|At ${price} for"
            f" each, how many dollars are all the {x} worth]?"
        )
    if kind == "shared":
        boxes = plot.draw(2, 9)
        plot.step(f"The {x} are divided into {boxes} equal parts", "part", f"total / {boxes}")
        return plot.finish(
            f"If all the {x} are divided into {boxes} equal parts, how many {x} are in each part?"
        )
    return plot.finish(
        f"How many {x} [is that in all|are there altogether|is that in total|is that for all of"
        " them together]?"
    )


_FRACTIONS = [
    (2, "[half|one half|1/2]"),
    (3, "[a third|one third|1/3]"),
    (4, "[a quarter|one fourth|1/4]"),
    (5, "[a fifth|one fifth|1/5]"),
    (10, "[a tenth|10%]"),
]


def _events(plot: Plot, count: int) -> str:
    """Events that change "{x}" of {A}; the name of the last amount."""
    names = ["now", "then", "after", "later", "final"]
    start = plot.draw(8, plot.rng.choice([40, 120, 600]), plot.rng.choice([1, 2, 10, 12]))
    plot.say(f"{{A}} [had|has|started with|owned] {start} {{x}}[ at first|| in {{A_his}} {{c1}}].")
    level = str(start)
    for name in names[:count]:
        n, g, m = plot.draw(2, 40), plot.draw(2, 9), plot.draw(2, 12)
        part, word = plot.rng.choice(_FRACTIONS)
        word = plot.phrase(word)
        at, times = level, times_word(plot, g)
        text, expression = plot.rng.choice(
            [
                (f"{{A_he}} [gave|sold|lent] {n} {{x}} to {{B}}", f"{at} - {n}"),
                (f"{{A_he}} [lost|used|threw away] {n} {{x}}", f"{at} - {n}"),
                (f"{{A_he}} [bought|found|got|made] {n} more {{x}}", f"{at} + {n}"),
                (f"{{A_he}} bought {g} {{c}} with {m} {{x}} in each", f"{at} + {g} * {m}"),
                (f"{{A_he}} gave {m} {{x}} to each of {g} friends", f"{at} - {g} * {m}"),
                (
                    f"{{A_he}} [gave away|sold|lost] {word} of {{A_his}} {{x}}",
                    f"{at} - {at} / {part}",
                ),
                (
                    f"{{B}} gave {{A_him}} {times} as many {{x}} as {{A_he}} had",
                    f"{at} + {g} * {at}",
                ),
                (f"{{A_he}} [used|sold] {m} {{x}} [a|each] day for {g} days", f"{at} - {m} * {g}"),
            ]
        )
        text = plot.phrase(text)
        plot.say(f"[Then |Later |After that, |On {{day}} |]{text}.")
        plot.step(text, name, expression)
        level = name
    return level


def event_chain(plot: Plot) -> Worked:
    """An amount that changes two to four times."""
    last = _events(plot, plot.rng.choices([1, 2, 3, 4], weights=[15, 40, 35, 10])[0])
    kind = plot.rng.choices(["left", "packed", "sold"], weights=[6, 2, 2])[0]
    if kind == "packed":
        per = plot.draw(2, 12)
        plot.step(f"{per} {{x}} go into each {{c1}}", "boxes", f"{last} / {per}")
        return plot.finish(
            f"[{{A_he}} puts the {{x}} that {{A_he}} has now into {{c}} of {per}. How many {{c}}"
            f" does {{A_he}} fill|If {{A_he}} packs them into {{c}} of {per}, how many {{c}} are"
            " that]?"
        )
    if kind == "sold":
        price = plot.draw(2, 15)
        plot.step(f"Each {{x1}} is sold for ${price}", "money", f"{last} * {price}")
        return plot.finish(
            f"[If {{A_he}} sells all {{x}} that are left for ${price} each, how much money does"
            " {A_he} get|How much would {A_he} get for the {x} that {A_he} has now, at"
            f" ${price} each]?"
        )
    return plot.finish(
        "How many {x} does {A} have [now|in the end|left|at the end|after all this]?"
    )


def undone(plot: Plot) -> Worked:
    """The amount at the end is told, the one at the start asked."""
    n, m = plot.draw(2, 60), plot.draw(2, 60)
    part, word = plot.rng.choice(_FRACTIONS[:3])
    word, end = plot.phrase(word), plot.draw(3, 90)
    plot.say("{A} had some {x}.")
    back = "2" if part == 2 else f"{part} / {part - 1}"
    # What happened, and the two steps that undo it, the last event first.
    happened, undo_last, undo_first = plot.rng.choice(
        [
            (
                f"{{A_he}} lost {n} of them and then gave {word} of the rest to {{B}}.",
                (f"Before {{A_he}} gave away {word}", f"{end} * {back}"),
                (f"Before {{A_he}} lost {n} {{x}}", f"before + {n}"),
            ),
            (
                f"{{A_he}} gave {word} of them to {{B}} and then lost {n}.",
                (f"Before {{A_he}} lost {n} {{x}}", f"{end} + {n}"),
                (f"Before {{A_he}} gave away {word}", f"before * {back}"),
            ),
            (
                f"{{A_he}} bought {m} more and then sold {word} of all {{A_he}} had.",
                (f"Before {{A_he}} sold {word}", f"{end} * {back}"),
                (f"Before {{A_he}} bought {m} {{x}}", f"before - {m}"),
            ),
        ]
    )
    plot.say(happened)
    comment, expression = undo_last
    plot.step(comment, "before", expression)
    plot.say(f"{{A_he}} has {end} {{x}} left.")
    comment, expression = undo_first
    plot.step(comment, "start", expression)
    return plot.finish("How many {x} did {A} have [at first|in the beginning|at the start]?")


_WHOLES = [
    ("There are {n} {m} in the {place}.", "{m}"),
    ("{n} {m} [came|went] to the {place}.", "{m}"),
    ("The {place} [has|ordered|bought] {n} {x}.", "{x}"),
    ("{A} [has|picked|bought|collected] {n} {x}.", "{x}"),
    ("A {c1} holds {n} {x}.", "{x}"),
]
_PARTS = [
    ("are {adj}", "are {adj2}", "{x}"),
    ("are girls", "are boys", "{m}"),
    ("came by bus", "came by car", "{m}"),
    ("ordered tea", "ordered soup", "{m}"),
    ("were sold on {day}", "were sold on {day2}", "{x}"),
    ("were broken", "were given to {B}", "{x}"),
    ("play [chess|football|tennis]", "play [the piano|hockey|cards]", "{m}"),
]


def shares(plot: Plot) -> Worked:
    """A whole, a part of it, then a part of the rest; the last rest or a part is asked."""
    n = plot.draw(12, plot.rng.choice([120, 600]), plot.rng.choice([4, 10, 12]))
    whole, x = plot.rng.choice(_WHOLES)
    first, second = plot.rng.choice([(a, b) for a, b, thing in _PARTS if thing == x])
    first, second = plot.phrase(first), plot.phrase(second)
    plot.say(whole.replace("{n}", str(n)))
    share, words = _share(plot, str(n), x)
    plot.say(f"{words} {first}.")
    plot.step(f"{words} {first}", "part", share)
    plot.step(f"The {x} that are left", "rest", f"{n} - part")
    if plot.chance(0.25):
        return plot.finish(
            f"How many [of the |]{x} [are the others|are left|is that for the rest]?"
        )
    share, words = _share(plot, "rest", "rest")
    plot.say(f"{words} {second}.")
    plot.step(f"{words} {second}", "second", share)
    if plot.chance(0.35):
        return plot.finish(f"How many {x} {second}?")
    plot.step(f"The {x} that are left now", "left", "rest - second")
    return plot.finish(
        f"How many {x} [are left|remain|are the others|are neither of the two|does that leave]?"
    )


def _share(plot: Plot, whole: str, x: str) -> tuple[str, str]:
    """An expression for a part and how it is told."""
    kind = plot.rng.choice(["fraction", "percent", "multiple", "count"])
    of = f"the {x}"
    if kind == "fraction":
        part, word = plot.rng.choice(_FRACTIONS)
        return f"{whole} / {part}", plot.phrase(f"{word} of {of}")
    if kind == "percent":
        p = plot.draw(10, 80, 5)
        return f"{whole} * {p} / 100", plot.phrase(f"{p}[%| percent] of {of}")
    if kind == "multiple":
        a, b = plot.rng.choice([(2, 3), (3, 4), (2, 5), (3, 5), (4, 5), (3, 8), (5, 6)])
        names = {3: "thirds", 4: "fourths", 5: "fifths", 8: "eighths", 6: "sixths"}
        number = {2: "two", 3: "three", 4: "four", 5: "five"}[a]
        return f"{whole} * {a} / {b}", plot.pick(f"{a}/{b} of {of}", f"{number} {names[b]} of {of}")
    n = plot.draw(2, 40)
    return str(n), f"{n} of {of}"


def rows(plot: Plot) -> Worked:
    """Groups of groups, with some taken out or added, or two sorts of groups."""
    a, b, c, d = (plot.draw(2, 15) for _ in range(4))
    kind = plot.rng.choice(["nested", "two sorts", "partly full"])
    if kind == "nested":
        plot.say(
            f"[{{A}} has|The {{place}} has|There are] {a} {{v}} with {b} {{c}} [each|in each of"
            f" them]. [Every|Each] {{c1}} [holds|has] {c} {{x}}."
        )
        plot.step(f"{a} {{v}} with {b} {{c}} each", "boxes", f"{a} * {b}")
        plot.step(f"{c} {{x}} in each {{c1}}", "total", f"boxes * {c}")
    elif kind == "two sorts":
        plot.say(
            f"[There are|{{A}} has|The {{place}} has] {a} {{adj}} {{c}} with {b} {{x}} each and {c}"
            f" {{adj2}} {{c}} with {d} {{x}} each."
        )
        plot.step(f"{{x}} in the {{adj}} {{c}}", "first", f"{a} * {b}")
        plot.step(f"{{x}} in the {{adj2}} {{c}}", "second", f"{c} * {d}")
        if plot.chance(0.3):
            high, low, word = (
                ("first", "second", "{adj}|{adj2}")
                if a * b > c * d
                else ("second", "first", "{adj2}|{adj}")
            )
            more, less = word.split("|")
            plot.step("The difference", "difference", f"{high} - {low}")
            return plot.finish(
                f"How many more {{x}} are in the {more} {{c}} than in the {less} ones?"
            )
        plot.step("All {x} together", "total", "first + second")
    else:
        plot.say(
            f"{{A}} has {a} {{c}}. [Each|Every one] has room for {b} {{x}}, but {c} of the {{c}}"
            " [are empty|have nothing in them] and the others are full."
        )
        plot.step("The {c} that are full", "full", f"{a} - {c}")
        plot.step(f"{b} {{x}} in each full {{c1}}", "total", f"full * {b}")
    if plot.chance(0.4):
        n = plot.draw(2, 50)
        plot.say(f"{n} of the {{x}} are [taken out|broken|given to {{B}}|sold].")
        plot.step(f"Without the {n} {{x}}", "left", f"total - {n}")
        return plot.finish("How many {x} are [left|still there|not gone]?")
    return plot.finish(
        "How many {x} [are there|are there in all|is that altogether|does that make]?"
    )


def known_total(plot: Plot) -> Worked:
    """The total is told and how the parts relate; a part is asked."""
    k, d = plot.draw(2, 6), plot.draw(1, 30)
    small = plot.draw(2, 60)
    word = times_word(plot, k)
    people = plot.pick("{A}|{B}", "{B}|{C}").split("|")
    both = f"{people[0]} and {people[1]}"
    if plot.chance(0.5):
        total = small * (k + 1)
        texts = [
            f"{both} have {total} {{x}} [together|in all|altogether].",
            f"{people[0]} has {word} as many {{x}} as {people[1]}.",
        ]
        plot.step(f"Together they have {k} + 1 times what {people[1]} has", "parts", f"{k} + 1")
        plot.step(f"{people[1]} has one of the parts", "part", f"{total} / parts")
        scale = f"part * {k}"
    else:
        total = 2 * small + d
        texts = [
            f"{both} have {total} {{x}} [together|in all|altogether].",
            f"{people[0]} has {d} more {{x}} than {people[1]}.",
        ]
        plot.step(f"Without the {d} more both would have the same", "same", f"{total} - {d}")
        plot.step(f"{people[1]} has half of that", "part", "same / 2")
        scale = f"part + {d}"
    plot.rng.shuffle(texts)
    for text in texts:
        plot.say(text)
    if plot.chance(0.5):
        return plot.finish(f"How many {{x}} does {people[1]} have?")
    plot.step(f"{people[0]} has more", "larger", scale)
    return plot.finish(f"How many {{x}} does {people[0]} have?")


def ages(plot: Plot) -> Worked:
    """Ages that follow from each other, now or some years on."""
    a, k, d, years = plot.draw(3, 30), plot.draw(2, 4), plot.draw(1, 20), plot.draw(2, 15)
    word = times_word(plot, k)
    plot.say(f"{{A}} is {a} years old.")
    relation, expression = plot.rng.choice(
        [
            (f"{{B}} is {word} as old as {{A}}", f"{k} * {a}"),
            (f"{{B}} is {d} years older than {{A}}", f"{a} + {d}"),
            (f"{{B}} is {d} years younger than {word} the age of {{A}}", f"{k} * {a} - {d}"),
        ]
    )
    plot.say(f"{relation}.")
    plot.step(relation, "second", expression)
    kind = plot.rng.choice(["future", "sum", "past", "third"])
    if kind == "future":
        plot.step(f"In {years} years", "age", f"second + {years}")
        return plot.finish(f"How old will {{B}} be in {years} years?")
    if kind == "past":
        plot.step(f"{years} years ago", "age", f"second - {years}")
        return plot.finish(f"How old was {{B}} {years} years ago?")
    if kind == "third":
        plot.say(f"{{C}} is {d} years [younger than|older than] {{B}}.")
        sign = "-" if "younger" in plot.last else "+"
        plot.step("The age of {C}", "third", f"second {sign} {d}")
        if plot.chance(0.5):
            return plot.finish("How old is {C}?")
        plot.step("All ages together", "total", f"{a} + second + third")
        return plot.finish("What is the sum of [their ages|all three ages]?")
    plot.step("Both ages together", "total", f"{a} + second")
    if plot.chance(0.5):
        return plot.finish("What is the sum of their ages?")
    plot.step(f"In {years} years both are {years} years older", "future", f"total + 2 * {years}")
    return plot.finish(f"What will be the sum of their ages in {years} years?")


KINDS: list[Kind] = [
    (relation_chain, 9),
    (event_chain, 8),
    (undone, 2),
    (shares, 5),
    (rows, 4),
    (known_total, 2),
    (ages, 2),
]

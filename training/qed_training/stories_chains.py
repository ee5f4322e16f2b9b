"""Word problems of two or three steps: chains of relations, shopping, weekly plans."""

import random

from .family import Family, Slots


def _n(rng: random.Random, low: int = 2) -> int:
    return rng.randint(low, rng.choice([10, 20, 50, 100, 100, 1000, 9000]))


def _groups(rng: random.Random) -> Slots:
    per, g, per2, g2 = (
        rng.randint(2, 30),
        rng.randint(2, 30),
        rng.randint(2, 60),
        rng.randint(2, 60),
    )
    left = rng.randint(1, 60)
    return {
        "per": per,
        "gr": g,
        "tot": per * g,
        "per2": per2,
        "gr2": g2,
        "tot2": per2 * g2,
        "left": left,
        "sum": per * g + left,
        "r": _n(rng),
        "cut": rng.randint(1, per * g),
        "extra": rng.randint(1, 80),
    }


def _chain(rng: random.Random) -> Slots:
    a, k, d = rng.randint(3, 60), rng.randint(2, 6), rng.randint(1, 30)
    word = {2: "twice", 3: "three times"}.get(k, f"{k} times")
    return {
        "a": a,
        "k": k,
        "d": d,
        "word": word,
        "e": rng.randint(1, 40),
        "h": 2 * rng.randint(2, 50),
        "p": rng.choice([10, 20, 25, 50]),
    }


def _plan(rng: random.Random) -> Slots:
    return {
        "n": rng.randint(2, 9),
        "p": rng.randint(2, 30),
        "m2": rng.randint(2, 9),
        "q": rng.randint(2, 30),
        "w": rng.randint(2, 12),
        "s": rng.randint(1, 20),
        "off": rng.choice([10, 20, 25, 50]),
        "days": rng.randint(2, 6),
    }


FAMILIES = [
    Family(
        "give_equal_keep_some",
        _groups,
        "given = {sum} - {left}\nprint(given / {gr})",
        [
            (
                "{A} had {sum} {x}. {A_he} gave equal numbers to {gr} friends and still had {left}"
                " left. How many did each friend get?"
            ),
            (
                "{A} has {sum} {x}. {left} [are left over|remain] after {A_he} fills {gr} {c}"
                " equally. How many {x} are in each {c1}?"
            ),
            (
                "{sum} {m} come. {left} [walk|go by bike] and the others go in {gr} {v}, the same"
                " number in each. How many are in each {v1}?"
            ),
        ],
        ["Take {left} off {sum} {x} and deal the rest to {gr} people alike. What does one get?"],
        False,
    ),
    Family(
        "chain_of_two",
        _chain,
        "b = {k} * {a}\nc = b + {d}\nprint({a} + b + c)",
        [
            (
                "{A} has {a} {x}. {B} has {word} as many as {A}. {C} has {d} more than {B}. How"
                " many {x} do they have [together|in all|altogether]?"
            ),
            (
                "{A} [read|picked|sold] {a} {x}, {B} {word} as many and {C} {d} more than {B}. How"
                " many {x} is that in all?"
            ),
            (
                "There are {a} {x}, {word} as many {y}, and {d} more {z} than {y}. How many things"
                " are there?"
            ),
        ],
        [
            "Starting from {A}'s {a} {x}, {B} has {word} that number, and {C} beats {B} by {d}."
            " What is the sum of all three?"
        ],
        False,
    ),
    Family(
        "chain_last",
        _chain,
        "b = {k} * {a}\nprint(b + {d})",
        [
            (
                "{A} has {a} {x}. {B} has {word} as many as {A}. {C} has {d} more than {B}. How"
                " many {x} does {C} have?"
            ),
            (
                "{B} has {d} more than {word} as many {x} as {A}. {A} has {a}. How many {x} does"
                " {B} have?"
            ),
            (
                "{A} is {a} years old. {B} is {word} as old as {A}. {C} is {d} years older than"
                " {B}. How old is {C}?"
            ),
        ],
        ["Multiply {A}'s {a} {x} by {k} and add {d}: that is what {B} has. How many?"],
        False,
    ),
    Family(
        "chain_half",
        _chain,
        "b = {h} / 2\nprint({h} + b + {e})",
        [
            (
                "{A} has {h} {x}. {B} has half as many[ as {A}|]. {C} has {e}. How many {x} do"
                " [they|the three] have [together|in all]?"
            ),
            (
                "On {day} {h} {x} were sold, on {day2} half as many, and on {day3} {e}. How many"
                " {x} were sold [in all|altogether|on the three days]?"
            ),
        ],
        ["{h} {x}, half of that again, and {e} on top: what is the total?"],
        False,
    ),
    Family(
        "chain_percent",
        lambda r: (s := _chain(r)) | {"n": 20 * r.randint(1, 40)},
        "part = {n} * {p} / 100\nprint({n} - part)",
        [
            "{A} has {n} {x}. {A_he} gives {p}% of them to {B}. How many does {A_he} have left?",
            "There are {n} {m} in a school. {p}% [of them |]are absent. How many are there?",
            "{A} had ${n} and spent {p}% of it [on {x}|]. How much [is left|does {A_he} have]?",
            "A {place} had {n} {x} and sold {p} percent of them. How many are left?",
        ],
        ["All but {p}% of {n} {x} are still there. How many is that?"],
        False,
    ),
    Family(
        "shopping_list",
        _plan,
        "print({n} * {p} + {m2} * {q} + {s})",
        [
            (
                "{A} buys {n} {x} for ${p} each, {m2} {y} for ${q} each and a {z1} for ${s}. How"
                " much does {A_he} [pay|spend] [in all|altogether|in total]?"
            ),
            (
                "A {x1} costs ${p}, a {y1} ${q} and a {z1} ${s}. How much do {n} {x}, {m2} {y} and"
                " one {z1} cost?"
            ),
        ],
        [
            "The bill lists one {z1} at ${s}, {n} {x} at ${p} and {m2} {y} at ${q}. What does it"
            " come to?"
        ],
        False,
    ),
    Family(
        "shopping_discount",
        _plan,
        "total = {n} * {p} + {m2} * {q}\nprint(total - total * {off} / 100)",
        [
            (
                "{A} buys {n} {x} for ${p} each and {m2} {y} for ${q} each. {A_he} gets {off}% off"
                " [the total|everything]. How much does {A_he} pay?"
            ),
            (
                "{n} {x} at ${p} each and {m2} {y} at ${q} each are bought with a discount of"
                " {off}%. What is [paid|the price]?"
            ),
        ],
        [
            "{off}% is taken off a bill of {n} {x} at ${p} and {m2} {y} at ${q}. What is left to"
            " pay?"
        ],
        False,
    ),
    Family(
        "weekly_plan",
        _plan,
        "per_week = {n} * {days}\nprint(per_week * {w})",
        [
            (
                "{A} [runs|walks|rides] {n} miles a day, {days} days a week. How many miles is that"
                " in {w} weeks?"
            ),
            (
                "{A} [eats|uses|makes] {n} {x} a day on {days} days of every week. How many {x} is"
                " that in {w} weeks?"
            ),
            "A class meets {days} times a week for {n} hours. How many hours is that in {w} weeks?",
        ],
        ["In each of {w} weeks there are {days} days with {n} {x}. What is the number of {x}?"],
        False,
    ),
    Family(
        "weekly_pay",
        _plan,
        "pay = {n} * {p} * {days}\nprint(pay - {s})",
        [
            (
                "{A} works {n} hours a day for ${p} an hour, {days} days a week. {A_he} pays ${s}"
                " for [the bus|food|rent]. How much is left of a week's pay?"
            ),
            (
                "{A} works {n} hours on each of {days} days and gets ${p} an hour. {A_he} spends"
                " ${s}. How much does {A_he} have left?"
            ),
        ],
        [
            "{days} days, {n} hours each, ${p} for the hour, minus ${s} of costs: what does {A}"
            " take home?"
        ],
        False,
    ),
]

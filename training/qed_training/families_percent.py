"""Families about percentages, interest, ratios, mixtures and fractions of a number."""

import random

from .family import Family, Slots


def _percent(rng: random.Random) -> Slots:
    p = rng.choice([5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 12, 35, 45])
    base = rng.randint(1, 60) * 20
    return {"p": p, "n": base, "q": rng.choice([5, 10, 20, 25, 40, 50])}


def _percent_back(rng: random.Random) -> Slots:
    p, whole = rng.choice([5, 10, 20, 25, 30, 40, 50, 75]), rng.randint(1, 50) * 20
    return {"p": p, "part": whole * p // 100, "n": whole}


def _change(rng: random.Random) -> Slots:
    old, p = rng.randint(1, 40) * 20, rng.choice([5, 10, 15, 20, 25, 30, 40, 50])
    return {"old": old, "up": old + old * p // 100, "down": old - old * p // 100, "p": p}


def _interest(rng: random.Random) -> Slots:
    return {"n": rng.randint(1, 60) * 100, "p": rng.randint(1, 12), "t": rng.randint(2, 12)}


def _ratio(rng: random.Random) -> Slots:
    a, b = rng.sample(range(1, 10), 2)
    k = rng.randint(2, 40)
    return {"ra": a, "rb": b, "total": (a + b) * k, "na": a * k, "nb": b * k}


def _recipe(rng: random.Random) -> Slots:
    n, per = rng.randint(2, 12), rng.randint(2, 9)
    return {
        "n": n,
        "amount": n * per,
        "k": rng.randint(2, 40),
        "stuff": rng.choice(["flour", "sugar", "rice", "milk", "water", "oats"]),
        "unit": rng.choice(["cups", "grams", "spoons", "ounces"]),
    }


def _mixture(rng: random.Random) -> Slots:
    a, b = rng.randint(1, 12), rng.randint(1, 12)
    p, q = rng.sample([10, 20, 30, 40, 50, 60, 70, 80], 2)
    return {
        "va": a,
        "vb": b,
        "p": p,
        "q": q,
        "stuff": rng.choice(["salt", "acid", "alcohol", "sugar"]),
    }


def _fraction_of(rng: random.Random) -> Slots:
    d = rng.randint(2, 10)
    k = rng.randint(1, d - 1)
    names = {
        2: "half",
        3: "third",
        4: "fourth",
        5: "fifth",
        6: "sixth",
        7: "seventh",
        8: "eighth",
        9: "ninth",
        10: "tenth",
    }
    spelled = {
        1: "one",
        2: "two",
        3: "three",
        4: "four",
        5: "five",
        6: "six",
        7: "seven",
        8: "eight",
        9: "nine",
    }
    word = names[d] if k == 1 else names[d] + "s"
    shown = f"{k}/{d}" if d == 2 or rng.random() < 0.5 else f"{spelled[k]} {word}"
    return {"frac": shown, "k": k, "d": d, "n": d * rng.randint(2, 60)}


FAMILIES = [
    Family(
        "percent_of",
        _percent,
        "print({n} * {p} / 100)",
        [
            "[What is|Find|Compute|Calculate] {p}% of {n}[?|.]",
            "[What is|How much is|Find] {p} percent of {n}[?|.]",
            "{p}% of the {n} {m} [in|at] the {place} have a ticket. How many is that?",
            "{A} has {n} {x}. {p}% of them are {adj}. How many {adj} {x} does {A_he} have?",
            (
                "There are {n} {x} [in a shop|in the {place}]. {p} percent are {adj}. How many are"
                " {adj}?"
            ),
            "A tank holds {n} liters. It is {p}% full. How many liters are in it?",
        ],
        [
            "Out of every hundred of the {n} {x}, {p} are {adj}. How many {adj} {x} are there?",
            "What number do you get by taking {p} percent from {n} as a part?",
        ],
        False,
    ),
    Family(
        "percent_discount",
        _percent,
        "print({n} * (100 - {p}) / 100)",
        [
            (
                "A [jacket|phone|bike|{x1}|table] costs ${n}. The price is [reduced|lowered|cut] by"
                " {p}%. [What is the new price|What does it cost now|How much is it now]?"
            ),
            "{A} buys a {x1} that costs ${n} with a {p}% discount. How much does {A_he} pay?",
            (
                "A {x1} [priced|marked] at ${n} is on sale for {p}% off. [What is the sale"
                " price|How much do you pay]?"
            ),
            "[What is|Find] {n} [decreased|reduced] by {p}%[?|.]",
            "A price of {n} dollars [falls|drops|goes down] by {p} percent. What is it then?",
        ],
        ["The tag says ${n}, but {p}% is taken off at the till. What does the customer hand over?"],
        False,
    ),
    Family(
        "percent_increase",
        _percent,
        "print({n} * (100 + {p}) / 100)",
        [
            (
                "A [rent|salary|price] of ${n} [rises|goes up|increases|is raised] by {p}%. [What"
                " is it now|How much is it then|What is the new amount]?"
            ),
            "[What is|Find] {n} increased by {p}%[?|.]",
            (
                "{A} earns ${n} a week and gets a raise of {p}%. How much does {A_he} earn [a week"
                " |]now?"
            ),
            (
                "A town has {n} people. The number grows by {p} percent. How many people live there"
                " then?"
            ),
        ],
        ["On top of ${n} comes a tax of {p}%. What is to be paid in all?"],
        False,
    ),
    Family(
        "percent_twice",
        _percent,
        "price = {n} * (100 - {p}) / 100\nprint(price * (100 + {q}) / 100)",
        [
            (
                "A {x1} costs ${n}. [The price|It] is [lowered|reduced] by {p}%, and then [the"
                " lower price|the new price] is [raised|increased] by {q}%. What [does it cost|is"
                " the price] now?"
            ),
            (
                "The price of a {x1} is ${n}. It falls by {p} percent and then rises by {q}"
                " percent. [What is it in the end|What is the final price]?"
            ),
        ],
        [
            "First {p}% comes off a bill of ${n}; then {q}% is put on what remains. What is the"
            " bill at last?"
        ],
        False,
    ),
    Family(
        "percent_whole",
        _percent_back,
        "print({part} * 100 / {p})",
        [
            "{p}% of a number is {part}. What is the number?",
            "{part} is {p}% of [what number|which number]?",
            (
                "{A} has read {part} pages, which is {p}% of [a|the] book. How many pages does the"
                " book have?"
            ),
            (
                "{part} {m}[, or {p}%,| ({p}%)] of a school came. How many {m} [are there|does the"
                " school have]?"
            ),
        ],
        ["A part of size {part} makes up {p} percent of the whole. How big is the whole?"],
        False,
    ),
    Family(
        "percent_change",
        _change,
        "print(({up} - {old}) * 100 / {old})",
        [
            (
                "A price [rises|goes up|increases] from ${old} to ${up}. By [how many|what]"
                " percent[ does it rise|]?"
            ),
            "[What is|Find] the percent increase from {old} to {up}[?|.]",
            "The number of {m} grew from {old} to {up}. What was the percentage increase?",
        ],
        ["It used to be {old} and is now {up}. How many percent more is that?"],
        False,
    ),
    Family(
        "simple_interest",
        _interest,
        "print({n} * {p} * {t} / 100)",
        [
            (
                "{A} [invests|puts|deposits] ${n} at {p}% simple interest [a|per] year. How much"
                " interest [is earned|does {A_he} earn] in {t} years?"
            ),
            "[What is|Find] the simple interest on ${n} at {p}% per year for {t} years[?|.]",
        ],
        [
            "A bank pays {p}% of ${n} every year, without compounding. How much has it paid after"
            " {t} years?"
        ],
        False,
    ),
    Family(
        "compound_interest",
        _interest,
        "print(round({n} * (1 + {p} / 100) ** {t}, 2))",
        [
            (
                "{A} [invests|puts|deposits] ${n} at {p}% [a|per] year, compounded"
                " [yearly|annually]. How much [is there|is it worth] after {t} years, to the"
                " nearest cent?"
            ),
            "${n} grows by {p}% every year. What is it worth after {t} years, rounded to cents?",
        ],
        [
            "Savings of ${n} get {p}% interest each year, and the interest stays in the account."
            " What does the account hold after {t} years, rounded to two decimals?"
        ],
        False,
    ),
    Family(
        "ratio_share",
        _ratio,
        "print({total} * {ra} / ({ra} + {rb}))",
        [
            "{A} and {B} share ${total} in the ratio {ra}:{rb}. How much does {A} get?",
            (
                "The ratio of {x} to {y} is {ra} to {rb}. There are {total} [in all|altogether|in"
                " total]. How many {x} are there?"
            ),
            "[Divide|Split] {total} in the ratio {ra}:{rb}. What is the first part?",
            (
                "{total} {m} are split into two teams in the ratio {ra}:{rb}. How many are in the"
                " first team?"
            ),
        ],
        [
            "For every {ra} {x} there are {rb} {y}, and {total} things in all. What is the number"
            " of {x}?"
        ],
        False,
    ),
    Family(
        "ratio_other",
        _ratio,
        "print({na} * {rb} / {ra})",
        [
            "The ratio of {x} to {y} is {ra}:{rb}. There are {na} {x}. How many {y} are there?",
            (
                "[In a class|In a club] the ratio of girls to boys is {ra} to {rb}. There are {na}"
                " girls. How many boys are there?"
            ),
            (
                "{x} and {y} are in the ratio {ra}:{rb}. If there are {na} {x}, how many {y} are"
                " there?"
            ),
        ],
        ["{rb} {y} go with every {ra} {x}. {A} has {na} {x}. How many {y} go with them?"],
        False,
    ),
    Family(
        "proportion",
        _recipe,
        "print({amount} / {n} * {k})",
        [
            (
                "A recipe for {n} [people|servings] [needs|uses] {amount} {unit} of {stuff}. How"
                " many {unit} are needed for {k} [people|servings]?"
            ),
            "{n} {x} cost ${amount}. How much do {k} {x} cost[ at the same price|]?",
            "If {n} {x} weigh {amount} grams, how much do {k} {x} weigh?",
            (
                "{amount} {unit} of {stuff} are enough for {n} cakes. How many {unit} does {A} need"
                " for {k} cakes?"
            ),
        ],
        ["Every batch of {n} takes {amount} {unit} of {stuff}. How much {stuff} do {k} take?"],
        False,
    ),
    Family(
        "mixture",
        _mixture,
        "print(({va} * {p} + {vb} * {q}) / ({va} + {vb}))",
        [
            (
                "{va} liters of a {p}% {stuff} solution are mixed with {vb} liters of a {q}%"
                " {stuff} solution. What percent {stuff} is the mixture?"
            ),
            (
                "{A} mixes {va} liters of {p}% {stuff} with {vb} liters of {q}% {stuff}. [What is"
                " the concentration|What percentage {stuff} is in the mix]?"
            ),
        ],
        [
            "Into one tank go {va} liters that are {p}% {stuff} and {vb} liters that are {q}%"
            " {stuff}. How many percent of the tank is {stuff}?"
        ],
        False,
    ),
    Family(
        "fraction_of",
        _fraction_of,
        "print({n} * {k} / {d})",
        [
            "[What is|Find] {frac} of {n}[?|.]",
            "{A} has {n} {x}. {frac} of them are {adj}. How many are {adj}?",
            (
                "{frac} of the {n} {m} in a [{g1}|school|club] [sing|swim|play chess|wear glasses]."
                " How many is that?"
            ),
            "There are {n} {x}. {A} takes {frac} of them. How many does {A_he} take?",
        ],
        ["Of {n} {x}, the {adj} ones make up {frac}. How many {adj} ones are there?"],
        False,
    ),
    Family(
        "fraction_rest",
        _fraction_of,
        "print({n} - {n} * {k} / {d})",
        [
            "{A} has {n} {x} and gives away {frac} of them. How many {x} are left?",
            (
                "{frac} of the {n} {m} in a [choir|club|school] [sing|swim|play chess]. How many do"
                " not?"
            ),
            (
                "There are {n} {x} [in a shop|on a shelf]. {frac} of them are sold. How many"
                " [remain|are left]?"
            ),
            (
                "{A} had ${n} and spent {frac} of it. How [much|many dollars] [is left|does {A_he}"
                " have left]?"
            ),
        ],
        ["{frac} of a road of {n} meters is paved. How many meters are not?"],
        False,
    ),
]

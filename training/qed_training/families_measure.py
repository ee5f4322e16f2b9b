"""Families about percentages, rates, ages, averages, areas, volumes, dates and times."""

import datetime
import random

from . import lexicon
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


def _speed(rng: random.Random) -> Slots:
    speed, hours = rng.randint(3, 120), rng.randint(2, 12)
    unit, units = rng.choice([("kilometer", "kilometers"), ("mile", "miles")])
    who = rng.choice(
        [
            "A train",
            "A car",
            "A cyclist",
            "A truck",
            "A bus",
            "A ship",
            "A runner",
            "A boat",
            "{A}",
            "A plane",
            "A van",
        ]
    )
    return {
        "s": speed,
        "h": hours,
        "dist": speed * hours,
        "unit": unit,
        "units": units,
        "who": who,
        "minutes": rng.choice([10, 15, 20, 30, 40, 45]),
    }


def _meet(rng: random.Random) -> Slots:
    a, b, t = rng.randint(20, 90), rng.randint(20, 90), rng.randint(2, 9)
    return {
        "s1": a,
        "s2": b,
        "t": t,
        "gap": (a + b) * t,
        "units": rng.choice(["kilometers", "miles"]),
        "what": rng.choice(["trains", "cars", "buses", "trucks", "cyclists", "motorcycles"]),
    }


def _work(rng: random.Random) -> Slots:
    a, b = rng.choice(
        [
            (3, 6),
            (4, 12),
            (6, 12),
            (10, 15),
            (6, 3),
            (20, 30),
            (12, 24),
            (5, 20),
            (8, 24),
            (2, 3),
            (4, 6),
            (9, 18),
        ]
    )
    return {
        "a": a,
        "b": b,
        "job": rng.choice(
            [
                "paint a fence",
                "clean a house",
                "fill a pool",
                "dig a ditch",
                "mow a field",
                "build a wall",
                "empty a tank",
                "plow a field",
                "print a book",
            ]
        ),
    }


def _machines(rng: random.Random) -> Slots:
    per, n, t = rng.randint(2, 30), rng.randint(2, 12), rng.randint(2, 12)
    return {
        "n": n,
        "t": t,
        "out": per * n * t,
        "n2": rng.randint(2, 20),
        "t2": rng.randint(2, 20),
        "maker": rng.choice(["machines", "workers", "printers", "bakers", "robots"]),
    }


def _ages(rng: random.Random) -> Slots:
    young, k, ahead = rng.randint(2, 25), rng.randint(2, 5), rng.randint(2, 12)
    old = young * k
    return {
        "young": young,
        "k": k,
        "times": {2: "twice"}.get(k, f"{k} times"),
        "old": old,
        "total": young + old,
        "d": old - young,
        "t": ahead,
        "total_then": young + old + 2 * ahead,
    }


def _average(rng: random.Random) -> Slots:
    n = rng.randint(3, 7)
    values = [rng.randint(1, 100) for _ in range(n - 1)]
    mean = rng.randint(20, 80)
    last = mean * n - sum(values)
    if not 1 <= last <= 150:
        values = [mean + rng.randint(-9, 9) for _ in range(n - 1)]
        last = mean * n - sum(values)
    full = values + [last]
    return {
        "list": ", ".join(map(str, full[:-1])) + f" and {full[-1]}",
        "code_list": str(full),
        "known": ", ".join(map(str, values)),
        "code_known": str(values),
        "n": n,
        "n1": n - 1,
        "mean": mean,
        "of": rng.choice(["scores", "numbers", "temperatures", "weights", "grades", "heights"]),
    }


def _rectangle(rng: random.Random) -> Slots:
    unit = rng.choice(["cm", "m", "meters", "feet", "inches", "centimeters", "yards"])
    w, h = rng.randint(2, 60), rng.randint(2, 60)
    return {
        "w": w,
        "h": h,
        "unit": unit,
        "area": w * h,
        "around": 2 * (w + h),
        "p4": 4 * rng.randint(2, 60),
        "what": rng.choice(
            [
                "rectangle",
                "garden",
                "room",
                "field",
                "carpet",
                "yard",
                "rectangular park",
                "playground",
                "floor",
            ]
        ),
    }


def _triangle(rng: random.Random) -> Slots:
    triples = [(3, 4, 5), (5, 12, 13), (8, 15, 17), (7, 24, 25), (20, 21, 29), (9, 40, 41)]
    (a, b, c), k = rng.choice(triples), rng.randint(1, 9)
    return {
        "a": a * k,
        "b": b * k,
        "hyp": c * k,
        "base": 2 * rng.randint(1, 40),
        "height": rng.randint(2, 50),
        "unit": rng.choice(["cm", "m", "inches", "feet"]),
    }


def _box(rng: random.Random) -> Slots:
    return {
        "l": rng.randint(2, 30),
        "w": rng.randint(2, 30),
        "h": rng.randint(2, 30),
        "s": rng.randint(2, 30),
        "unit": rng.choice(["cm", "m", "inches", "feet", "centimeters"]),
        "what": rng.choice(
            [
                "box",
                "tank",
                "rectangular box",
                "crate",
                "room",
                "container",
                "aquarium",
                "rectangular prism",
            ]
        ),
    }


def _polygon(rng: random.Random) -> Slots:
    n = rng.randint(5, 30)
    return {"n": n, "x1a": rng.randint(20, 80), "x2a": rng.randint(20, 80)}


def _points(rng: random.Random) -> Slots:
    (a, b, _), k = rng.choice([(3, 4, 5), (5, 12, 13), (8, 15, 17), (6, 8, 10)]), rng.randint(1, 4)
    x, y = rng.randint(-10, 10), rng.randint(-10, 10)
    return {"px": x, "py": y, "qx": x + a * k, "qy": y + b * k}


def _dates(rng: random.Random) -> Slots:
    start = datetime.date(rng.randint(1990, 2035), rng.randint(1, 12), rng.randint(1, 28))
    end = start + datetime.timedelta(days=rng.randint(3, 400))
    text = lambda d: f"{lexicon.MONTHS[d.month - 1]} {d.day}, {d.year}"
    code = lambda d: f"date({d.year}, {d.month}, {d.day})"
    return {
        "d1": text(start),
        "d2": text(end),
        "c1": code(start),
        "c2": code(end),
        "n": rng.randint(5, 1000),
    }


def _clock(rng: random.Random) -> Slots:
    a = rng.randint(0, 11) * 60 + rng.choice(range(0, 60, 5))
    length = rng.randint(5, 140) * 5
    b = min(a + length, 23 * 60 + 55)
    show = lambda t: f"{(t // 60 - 1) % 12 + 1}:{t % 60:02d} {'am' if t < 720 else 'pm'}"
    return {
        "t1": show(a),
        "t2": show(b),
        "h1": a // 60,
        "m1": a % 60,
        "h2": b // 60,
        "m2": b % 60,
        "event": rng.choice(
            [
                "A movie",
                "A meeting",
                "A flight",
                "A class",
                "A concert",
                "A game",
                "A train ride",
                "The trip",
                "A party",
            ]
        ),
    }


def _convert(rng: random.Random) -> Slots:
    big, small, factor = rng.choice(
        [
            ("hours", "minutes", 60),
            ("minutes", "seconds", 60),
            ("days", "hours", 24),
            ("weeks", "days", 7),
            ("kilometers", "meters", 1000),
            ("meters", "centimeters", 100),
            ("feet", "inches", 12),
            ("kilograms", "grams", 1000),
            ("dozens", "pieces", 12),
            ("years", "months", 12),
            ("yards", "feet", 3),
            ("liters", "milliliters", 1000),
        ]
    )
    n = rng.randint(2, 90)
    return {"n": n, "big": big, "small": small, "factor": factor, "total": n * factor}


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
        "distance",
        _speed,
        "print({s} * {h})",
        [
            (
                "{who} [travels|goes|moves] at {s} {units} per hour. How many {units} is that in"
                " {h} hours?"
            ),
            (
                "[How far|How many {units}] does one go in {h} hours at [a speed of |]{s} {units}"
                " per hour?"
            ),
            (
                "{who} keeps a speed of {s} {units} [per|an] hour for {h} hours. [What distance is"
                " that|How many {units} is that]?"
            ),
            "At {s} {units} an hour, how many {units} are covered in {h} hours?",
        ],
        ["For {h} hours, {s} {units} are left behind every hour. How long is the way?"],
        False,
    ),
    Family(
        "distance_minutes",
        _speed,
        "hours = {h} + {minutes} / 60\nprint({s} * hours)",
        [
            (
                "{who} travels at {s} {units} per hour. How many {units} [does it travel|are"
                " covered] in {h} hours and {minutes} minutes?"
            ),
            (
                "[How far|How many {units}] is it in {h} hours and {minutes} minutes at {s} {units}"
                " per hour?"
            ),
        ],
        [
            "With {s} {units} on the speedometer all the time, what distance is behind you after"
            " {h} hours {minutes} minutes?"
        ],
        False,
    ),
    Family(
        "speed",
        _speed,
        "print({dist} / {h})",
        [
            (
                "{who} [travels|covers|goes] {dist} {units} in {h} hours. [What is the average"
                " speed|How fast is that] in {units} per hour?"
            ),
            "What speed is needed to [cover|go] {dist} {units} in {h} hours?",
            (
                "It takes {h} hours to go {dist} {units}. [What is|Find] the speed in {units} per"
                " hour[?|.]"
            ),
        ],
        [
            "A way of {dist} {units} was done in {h} hours at an even pace. How many {units} is"
            " that each hour?"
        ],
        False,
    ),
    Family(
        "travel_time",
        _speed,
        "print({dist} / {s})",
        [
            (
                "How [long|many hours] does it take to [travel|go|cover] {dist} {units} at {s}"
                " {units} per hour?"
            ),
            (
                "{who} goes {dist} {units} at {s} {units} per hour. How many hours does [it|that]"
                " take?"
            ),
            "At a speed of {s} {units} an hour, how many hours is a trip of {dist} {units}?",
        ],
        [
            "{dist} {units} lie ahead and each hour takes care of {s} of them. After how many hours"
            " is the goal reached?"
        ],
        False,
    ),
    Family(
        "meeting",
        _meet,
        "print({gap} / ({s1} + {s2}))",
        [
            (
                "Two {what} [are|start] {gap} {units} apart and [drive|move|travel] toward each"
                " other at {s1} and {s2} {units} per hour. After how many hours do they meet?"
            ),
            (
                "Two towns are {gap} {units} apart. Two {what} start toward each other, one at {s1}"
                " and one at {s2} {units} per hour. [In|After] how many hours do they meet?"
            ),
        ],
        [
            "The gap between two {what} is {gap} {units}. One closes it at {s1}, the other at {s2}"
            " {units} an hour. When, in hours, is it gone?"
        ],
        False,
    ),
    Family(
        "work_together",
        _work,
        "from fractions import Fraction\nprint(1 / (Fraction(1, {a}) + Fraction(1, {b})))",
        [
            (
                "{A} can {job} in {a} hours and {B} in {b} hours. How [long|many hours] do they"
                " need together?"
            ),
            (
                "{A} needs {a} hours to {job}, {B} needs {b} hours. How many hours does it take"
                " [them together|if they work together]?"
            ),
            (
                "Working alone, {A} can {job} in {a} hours; {B} takes {b} hours. [Together|Working"
                " together], how many hours do they take?"
            ),
        ],
        [
            "To {job} is {a} hours of work for {A} alone and {b} hours for {B} alone. They join"
            " forces. How many hours pass?"
        ],
        False,
    ),
    Family(
        "machines",
        _machines,
        "rate = {out} / ({n} * {t})\nprint(rate * {n2} * {t2})",
        [
            (
                "{n} {maker} make {out} {x} in {t} hours. How many {x} do {n2} {maker} make in {t2}"
                " hours?"
            ),
            (
                "If {n} {maker} [make|produce] {out} {x} in {t} days, how many {x} can {n2} {maker}"
                " [make|produce] in {t2} days?"
            ),
        ],
        [
            "In {t} hours a crew of {n} {maker} turns out {out} {x}. What does a crew of {n2} turn"
            " out in {t2} hours?"
        ],
        False,
    ),
    Family(
        "age_from_sum",
        _ages,
        'from sympy import symbols, solve\nx = symbols("x")\nprint(solve(x + {k} * x - {total},'
        " x)[0])",
        [
            (
                "{A} is {times} as old as {B}. [Together they are|The sum of their ages is]"
                " {total}. How old is {B}?"
            ),
            (
                "The ages of {A} and {B} add up to {total}. {A} is {times} as old as {B}. How old"
                " is {B}?"
            ),
            (
                "{A}'s age is {times} {B}'s age, and their ages sum to {total}. [What is {B}'s"
                " age|How old is {B}]?"
            ),
        ],
        [
            "{B} and {A} have lived {total} years between them, {A} {times} as many as {B}. What is"
            " {B}'s age?"
        ],
        False,
    ),
    Family(
        "age_from_difference",
        _ages,
        'from sympy import symbols, solve\nx = symbols("x")\nprint(solve({k} * x - x - {d}, x)[0])',
        [
            "{A} is {d} years older than {B} and {times} as old[ as {B}|]. How old is {B}?",
            (
                "{A} is {times} as old as {B}. {A} is [also |]{d} years older[ than {B}|]. [How old"
                " is|What is the age of] {B}?"
            ),
            (
                "{A}'s age is {times} {B}'s age. The difference [between|of] their ages is {d}"
                " years. How old is {B}?"
            ),
        ],
        ["{B} is {d} years younger than {A}, who is {times} {B}'s age. How many years old is {B}?"],
        False,
    ),
    Family(
        "age_in_future",
        _ages,
        "now = ({total_then} - 2 * {t}) / ({k} + 1)\nprint(now)",
        [
            (
                "{A} is {times} as old as {B}. In {t} years [the sum of their ages|their ages"
                " together] will be {total_then}. How old is {B} now?"
            ),
            (
                "In {t} years {A} and {B} will be {total_then} years old together. [Now|Today] {A}"
                " is {times} as old as {B}. How old is {B} [now|today]?"
            ),
        ],
        [
            "{t} years from now the ages of {A} and {B} will total {total_then}. At present {A} has"
            " {times} the years of {B}. What is {B}'s present age?"
        ],
        False,
    ),
    Family(
        "average",
        _average,
        "values = {code_list}\nprint(sum(values) / len(values))",
        [
            "[What is|Find|Compute] the [average|mean|arithmetic mean] of {list}[?|.]",
            "The {of} are {list}. What is the [average|mean]?",
            "{A} got {list} points in {n} [tests|games]. What is {A_his} average[ score|]?",
        ],
        ["If {list} were evened out so that all were the same, what would each be?"],
        False,
    ),
    Family(
        "missing_average",
        _average,
        "values = {code_known}\nprint({mean} * {n} - sum(values))",
        [
            (
                "The average of {n} numbers is {mean}. {n1} of them are {known}. What is the"
                " [last|remaining|missing] [number|one]?"
            ),
            (
                "{A} scored {known} [points |]on {n1} tests. What must {A_he} score on the next"
                " [test |]to have an average of {mean}?"
            ),
            (
                "{n} {of} have a mean of {mean}. {n1} of them are {known}. Find the [other|missing]"
                " one."
            ),
        ],
        [
            "After {known}, one more value is added and the mean of all {n} becomes {mean}. Which"
            " value was added?"
        ],
        False,
    ),
    Family(
        "rectangle_area",
        _rectangle,
        "print({w} * {h})",
        [
            "[What is|Find|Compute] the area of a {what} of {w} {unit} by {h} {unit}[?|.]",
            "A {what} is {w} {unit} long and {h} {unit} wide. What is its area?",
            (
                "A {what} has sides of {w} and {h} {unit}. [What is its area|How large is its"
                " area|How many square {unit} is it]?"
            ),
            (
                "The length of a {what} is {w} {unit} and its width is {h} {unit}. [Find its"
                " area.|What is the area?]"
            ),
        ],
        ["How much surface, in square {unit}, does a {what} of {w} by {h} {unit} cover?"],
        False,
    ),
    Family(
        "rectangle_perimeter",
        _rectangle,
        "print(2 * ({w} + {h}))",
        [
            "[What is|Find] the perimeter of a {what} with sides {w} {unit} and {h} {unit}[?|.]",
            "A {what} is {w} {unit} long and {h} {unit} wide. What is its perimeter?",
            (
                "How many {unit} of fence [are needed|does {A} need] to go around a {what} that is"
                " {w} {unit} long and {h} {unit} wide?"
            ),
            (
                "A {what} measures {w} by {h} {unit}. How [long is the way|far is it] [once"
                " |]around it?"
            ),
        ],
        [
            "{A} walks once along all four edges of a {what} of {w} by {h} {unit}. How many {unit}"
            " is that?"
        ],
        False,
    ),
    Family(
        "rectangle_side",
        _rectangle,
        "print({area} / {w})",
        [
            (
                "The area of a {what} is {area} square {unit} and its length is {w} {unit}. What is"
                " its width?"
            ),
            (
                "A {what} [has an area of|covers] {area} square {unit}. It is {w} {unit} long. How"
                " wide is it?"
            ),
        ],
        [
            "A {what} of {area} square {unit} has one side of {w} {unit}. How long is the other"
            " side?"
        ],
        False,
    ),
    Family(
        "square_from_perimeter",
        _rectangle,
        "side = {p4} // 4\nprint(side ** 2)",
        [
            "The perimeter of a square is {p4} {unit}. What is its area?",
            "A square has a perimeter of {p4} {unit}. Find its area[ in square {unit}|].",
        ],
        ["A square garden needs {p4} {unit} of fence. How many square {unit} does it cover?"],
        False,
    ),
    Family(
        "triangle_area",
        _triangle,
        "print({base} * {height} / 2)",
        [
            (
                "[What is|Find] the area of a triangle with base {base} {unit} and height {height}"
                " {unit}[?|.]"
            ),
            (
                "A triangle has a base of {base} {unit} and a height of {height} {unit}. What is"
                " its area?"
            ),
        ],
        [
            "Above a base line of {base} {unit} a triangle rises to a height of {height} {unit}."
            " How large is it in square {unit}?"
        ],
        False,
    ),
    Family(
        "hypotenuse",
        _triangle,
        "from math import isqrt\nprint(isqrt({a} ** 2 + {b} ** 2))",
        [
            (
                "The legs of a right triangle are {a} and {b}[ {unit}|]. [How long|What] is the"
                " hypotenuse?"
            ),
            (
                "[What is|Find] the hypotenuse of a right triangle with legs {a} {unit} and {b}"
                " {unit}[?|.]"
            ),
            "A rectangle is {a} {unit} by {b} {unit}. How long is its diagonal?",
            (
                "A right triangle has legs of length {a} and {b}. What is the length of its longest"
                " side?"
            ),
        ],
        [
            "{A} walks {a} {unit} north and then {b} {unit} east. How far is {A_he} from the start,"
            " in a straight line?"
        ],
        False,
    ),
    Family(
        "leg",
        _triangle,
        "from math import isqrt\nprint(isqrt({hyp} ** 2 - {a} ** 2))",
        [
            (
                "A right triangle has a hypotenuse of {hyp} and one leg of {a}. [How long|What] is"
                " the other leg?"
            ),
            (
                "The hypotenuse of a right triangle is {hyp} {unit} and one leg is {a} {unit}. Find"
                " the other leg."
            ),
            (
                "A ladder of {hyp} {unit} leans against a wall. Its foot is {a} {unit} from the"
                " wall. How high does it reach?"
            ),
        ],
        [
            "A {hyp} {unit} rope runs from the top of a mast to a point on the ground {a} {unit}"
            " from its foot. How tall is the mast?"
        ],
        False,
    ),
    Family(
        "box_volume",
        _box,
        "print({l} * {w} * {h})",
        [
            (
                "[What is|Find] the volume of a {what} that is {l} {unit} long, {w} {unit} wide and"
                " {h} {unit} high[?|.]"
            ),
            "A {what} measures {l} by {w} by {h} {unit}. What is its volume?",
            "A {what} has length {l}, width {w} and height {h}. [What is|Find] its volume[?|.]",
        ],
        [
            "How many cubes with sides of one unit fit in a {what} with edges of {l}, {w} and {h}"
            " units?"
        ],
        False,
    ),
    Family(
        "box_surface",
        _box,
        "print(2 * ({l} * {w} + {l} * {h} + {w} * {h}))",
        [
            (
                "[What is|Find] the surface area of a {what} that is {l} {unit} long, {w} {unit}"
                " wide and {h} {unit} high[?|.]"
            ),
            "A closed {what} measures {l} by {w} by {h} {unit}. What is its surface area?",
        ],
        [
            "All six sides of a {what} of {l} by {w} by {h} {unit} are painted. How many square"
            " {unit} of paint is that?"
        ],
        False,
    ),
    Family(
        "cube",
        _box,
        "print({s} ** 3)",
        [
            "[What is|Find] the volume of a cube with [an edge|a side|sides] of {s} {unit}[?|.]",
            "The edge of a cube is {s} {unit}. What is its volume?",
            "Each [side|edge] of a cube is {s} {unit} long. How many cubic {unit} is its volume?",
        ],
        [
            "A dice-shaped tank is {s} {unit} in every direction. What does it hold, in cubic"
            " {unit}?"
        ],
        False,
    ),
    Family(
        "polygon_angles",
        _polygon,
        "print(({n} - 2) * 180)",
        [
            (
                "[What is|Find] the sum of the [interior|inner] angles of a polygon with {n}"
                " sides[?|.]"
            ),
            "How many degrees are all [interior|inner] angles of a {n}-gon together?",
            "What do the interior angles of a {n}-sided polygon add up to in degrees?",
        ],
        [
            "A shape is bounded by {n} straight sides. What is the total of the angles at its"
            " corners, in degrees?"
        ],
        False,
    ),
    Family(
        "polygon_diagonals",
        _polygon,
        "print({n} * ({n} - 3) // 2)",
        [
            "How many diagonals does a [convex |]polygon with {n} sides have?",
            "[Find|What is] the number of diagonals of a [convex |]{n}-gon[.|?]",
        ],
        [
            "Corners of a {n}-sided polygon that are not neighbors are joined by lines. How many"
            " lines are there?"
        ],
        False,
    ),
    Family(
        "third_angle",
        _polygon,
        "print(180 - {x1a} - {x2a})",
        [
            (
                "Two angles of a triangle are {x1a} and {x2a} degrees. [What|How large] is the"
                " third[ angle|]?"
            ),
            (
                "A triangle has angles of {x1a}° and {x2a}°. [What is|Find] the"
                " [third|other|missing] angle[?|.]"
            ),
        ],
        [
            "In a triangle, {x1a} degrees lie at one corner and {x2a} at another. How many degrees"
            " remain for the last?"
        ],
        False,
    ),
    Family(
        "point_distance",
        _points,
        "from math import isqrt\nprint(isqrt(({qx} - ({px})) ** 2 + ({qy} - ({py})) ** 2))",
        [
            (
                "[What is|Find|Compute] the distance between [the points |]({px}, {py}) and ({qx},"
                " {qy})[?|.]"
            ),
            "How far is ({px}, {py}) from ({qx}, {qy})?",
            "How far apart are the points ({px}, {py}) and ({qx}, {qy})?",
        ],
        ["A straight line segment joins ({px}, {py}) with ({qx}, {qy}). What is its length?"],
        False,
    ),
    Family(
        "days_between",
        _dates,
        "from datetime import date\nprint(({c2} - {c1}).days)",
        [
            "How many days are [there |]from {d1} to {d2}?",
            "How many days are there between {d1} and {d2}?",
            "[Find|Count] the [number of |]days from {d1} to {d2}.",
            "How many days after {d1} is {d2}?",
        ],
        ["It is {d1}. {A} counts the days until {d2}. How many are they?"],
        False,
    ),
    Family(
        "weekday",
        _dates,
        'from datetime import date\nprint({c1}.strftime("%A"))',
        [
            "[What|Which] day of the week [is|was] {d1}?",
            "On [what|which] [weekday|day of the week] [does|did] {d1} fall?",
            "[Find|Determine] the [weekday|day of the week] of {d1}.",
        ],
        ["A calendar is opened at {d1}. Which weekday is printed there?"],
        False,
    ),
    Family(
        "date_after",
        _dates,
        "from datetime import date, timedelta\nday = {c1} +"
        ' timedelta(days={n})\nprint(day.strftime("%Y-%m-%d"))',
        [
            "[What|Which] date is {n} days after {d1}? [Write|Give] it as YYYY-MM-DD.",
            "[Find|Give] the date {n} days after {d1} in the form YYYY-MM-DD.",
        ],
        ["{n} days go by from {d1}. What date is it then, as YYYY-MM-DD?"],
        False,
    ),
    Family(
        "minutes_between",
        _clock,
        "print(({h2} * 60 + {m2}) - ({h1} * 60 + {m1}))",
        [
            (
                "{event} starts at {t1} and ends at {t2} [the same day|]. How many minutes [long is"
                " it|does it last]?"
            ),
            "How many minutes are [there |]between {t1} and {t2}?",
            "How many minutes pass from {t1} to {t2}?",
        ],
        [
            "The clock reads {t1} when {A} leaves and {t2} when {A_he} is back. For how many"
            " minutes was {A_he} away?"
        ],
        False,
    ),
    Family(
        "convert_down",
        _convert,
        "print({n} * {factor})",
        [
            "How many {small} are [there |]in {n} {big}?",
            "[Convert|Change] {n} {big} to {small}.",
            "{n} {big} [is|are|equal] how many {small}?",
            "What is {n} {big} in {small}?",
        ],
        ["Something measured as {n} {big} is written down in {small}. Which number is written?"],
        False,
    ),
    Family(
        "convert_up",
        _convert,
        "print({total} / {factor})",
        [
            "How many {big} are [there |]in {total} {small}?",
            "[Convert|Change] {total} {small} to {big}.",
            "{total} {small} [is|are|equal] how many {big}?",
            "What is {total} {small} in {big}?",
        ],
        ["If you gather {total} {small}, how many {big} do they make?"],
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

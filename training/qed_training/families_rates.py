"""Families about speeds, work, ages and averages."""

import random

from .family import Family, Slots


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


FAMILIES = [
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
]

"""Families about dates, clocks and units."""

import datetime
import random

from . import lexicon
from .family import Family, Slots


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


FAMILIES = [
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
]

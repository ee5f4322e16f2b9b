"""Families about sequences and sums."""

import random

from .family import Family, Slots


def _sequence(rng: random.Random) -> Slots:
    a, d = rng.randint(1, 60), rng.randint(2, 25)
    n = rng.randint(6, 120)
    return {
        "a": a,
        "d": d,
        "n": n,
        "a2": a + d,
        "a3": a + 2 * d,
        "a4": a + 3 * d,
        "last": a + (n - 1) * d,
    }


def _geometric(rng: random.Random) -> Slots:
    a, q, n = rng.randint(1, 12), rng.randint(2, 6), rng.randint(4, 14)
    return {
        "a": a,
        "q": q,
        "n": n,
        "a2": a * q,
        "a3": a * q * q,
        "times": {2: "doubles", 3: "triples"}.get(q, f"grows {q}-fold"),
    }


def _sum(rng: random.Random) -> Slots:
    n = rng.randint(5, rng.choice([30, 100, 500]))
    return {
        "n": n,
        "k": rng.randint(2, 3),
        "m": rng.randint(3, 20),
        "a": rng.randint(1, 50),
        "b": rng.randint(60, 400),
    }


FAMILIES = [
    Family(
        "arithmetic_sequence",
        _sequence,
        "print({a} + ({n} - 1) * {d})",
        [
            (
                "[What is|Find|Compute|Determine] [the {n}th term|term number {n}] of the"
                " [arithmetic |]sequence {a}, {a2}, {a3}, {a4}, ...[?|]"
            ),
            (
                "[A sequence|An arithmetic sequence] [starts|begins] with {a} and [goes up"
                " by|increases by] {d} [each time|at every step]. [What is|Find] [its {n}th"
                " term|term number {n}][?|.]"
            ),
            (
                "[In|For] an arithmetic sequence the first term is {a} and the common difference is"
                " {d}. What is the {n}th term?"
            ),
            (
                "{A} saves ${a} in the first week and ${d} more every week than in the week before."
                " How much does {A_he} save in week {n}?"
            ),
            (
                "The [pattern|list] {a}, {a2}, {a3}, ... [goes on|continues] [in the same way|like"
                " this]. Which number is at [position|place] {n}?"
            ),
        ],
        [
            (
                "A row of seats has {a} seats in front and every row behind has {d} more than the"
                " one before it. How many are in row {n}?"
            ),
            "Counting starts at {a} in steps of {d}. Which number is said as number {n}?",
        ],
    ),
    Family(
        "arithmetic_series",
        _sequence,
        "print(sum({a} + i * {d} for i in range({n})))",
        [
            (
                "[What is|Find|Compute|Determine] the sum of the first {n} terms of [the"
                " [arithmetic |]sequence|] {a}, {a2}, {a3}, ...[?|]"
            ),
            (
                "[An arithmetic sequence|A sequence] starts with {a} and increases by {d} each"
                " time. [What is|Find] the sum of its first {n} terms[?|.]"
            ),
            "[Add|Sum] the first {n} terms of {a} + {a2} + {a3} + ....",
            "[Find|Compute|What is] {a} + {a2} + {a3} + ... + {last}[.|?]",
            (
                "{A} saves ${a} in the first week and ${d} more every week than in the week before."
                " How much has {A_he} saved [in all|altogether] after {n} weeks?"
            ),
            (
                "[A theater|A hall] has {a} seats in the first row and {d} more in each row"
                " [behind|after that]. How many seats do the first {n} rows have [in"
                " total|together]?"
            ),
        ],
        [
            "On day one {A} does {a} push-ups, and each day {d} more than the day before. How many"
            " has {A_he} done in {n} days all together?"
        ],
    ),
    Family(
        "geometric_term",
        _geometric,
        "print({a} * {q} ** ({n} - 1))",
        [
            (
                "[What is|Find|Compute] the {n}th term of the [geometric |]sequence {a}, {a2},"
                " {a3}, ...[?|]"
            ),
            (
                "[A geometric sequence|A sequence] starts with {a} and every term is {q} times the"
                " one before. What is the {n}th term?"
            ),
            (
                "[In a geometric sequence the|The] first term is {a} and the [common |]ratio is"
                " {q}. [Find|What is] the {n}th term[.|?]"
            ),
        ],
        [
            "Each number in a list is the one before it times {q}. The list begins with {a}. Which"
            " number stands at place {n}?"
        ],
    ),
    Family(
        "geometric_series",
        _geometric,
        "print(sum({a} * {q} ** i for i in range({n})))",
        [
            (
                "[What is|Find|Compute] the sum of the first {n} terms of the [geometric |]sequence"
                " {a}, {a2}, {a3}, ...[?|]"
            ),
            (
                "A [geometric |]sequence starts with {a} and has [common |]ratio {q}. [What"
                " is|Find] the sum of its first {n} terms[?|.]"
            ),
            (
                "{A} gets ${a} on the first day and {q} times as much each day as on the day"
                " before. How much does {A_he} get in {n} days [in total|altogether]?"
            ),
        ],
        [
            "A colony adds {a} cells in the first hour and in every later hour {q} times as many as"
            " in the hour before. How many cells does it add in {n} hours?"
        ],
    ),
    Family(
        "growth",
        _geometric,
        "print({a} * {q} ** {n})",
        [
            (
                "[A colony|A culture|A population] of {a} [bacteria|cells] {times} every hour. How"
                " many [are there|will there be] after {n} hours?"
            ),
            (
                "{a} {x} at the start, and the number is multiplied by {q} each day. What is the"
                " number after {n} days?"
            ),
            (
                "The number of [visitors|users|fish] is {a} and {times} every year. How many [are"
                " there|is it] after {n} years?"
            ),
        ],
        [
            "There are {a} at first. Every day each of them turns into {q}. How many are there when"
            " {n} days have passed?"
        ],
    ),
    Family(
        "sum_of_integers",
        _sum,
        "print(sum(range(1, {n} + 1)))",
        [
            (
                "[What is|Find|Compute] the sum of [all |]the [whole"
                " numbers|integers|numbers|natural numbers] from 1 to {n}[?|.]"
            ),
            (
                "[Add|Sum] [up |]all [the |][integers|numbers|whole numbers] from 1 [to|through|up"
                " to] {n}."
            ),
            "What is 1 + 2 + 3 + ... + {n}?",
            "[What is|Find] the sum of the first {n} positive integers[?|.]",
            "What do the numbers 1 to {n} add up to?",
        ],
        [
            "{A} puts 1 {x1} in the first {c1}, 2 in the next, 3 in the one after, up to {n} in the"
            " last. How many are used?"
        ],
    ),
    Family(
        "sum_of_odd",
        _sum,
        "print(sum(2 * i + 1 for i in range({n})))",
        [
            "[What is|Find|Compute] the sum of the first {n} odd [numbers|positive integers][?|.]",
            "[Add|Sum] [up |]the first {n} odd numbers.",
            "What is the total of the first {n} [positive |]odd [numbers|integers]?",
        ],
        [
            "The odd numbers 1, 3, 5 and so on are added until {n} of them have been used. What"
            " total is reached?"
        ],
    ),
    Family(
        "sum_of_even",
        _sum,
        "print(sum(2 * i for i in range(1, {n} + 1)))",
        [
            (
                "[What is|Find|Compute] the sum of the first {n} [positive |]even"
                " [numbers|integers][?|.]"
            ),
            "[Add|Sum] [up |]the first {n} [positive |]even numbers.",
            "What is the total of the first {n} [positive |]even [numbers|integers]?",
        ],
        ["Starting with 2, {n} even numbers in a row are added. What is the outcome?"],
    ),
    Family(
        "sum_of_powers",
        _sum,
        "print(sum(i ** {k} for i in range(1, {n} + 1)))",
        [
            "[What is|Find|Compute|Calculate] 1^{k} + 2^{k} + 3^{k} + ... + {n}^{k}[?|.]",
            "[What is|Find] the sum of i^{k} for i from 1 to {n}[?|.]",
            "[Add|Sum] the {k}th powers of [the |][numbers|integers] 1 to {n}.",
            "[Compute|Evaluate] the sum from i = 1 to {n} of i^{k}.",
        ],
        ["Raise every whole number from 1 up to {n} to the power {k} and total the results."],
    ),
    Family(
        "sum_of_multiples",
        _sum,
        "print(sum(n for n in range({a}, {b} + 1) if n % {m} == 0))",
        [
            "[What is|Find|Compute] the sum of [all |]multiples of {m} between {a} and {b}[?|.]",
            (
                "[Add|Sum] [up |]all [numbers|integers] from {a} to {b} that are [divisible"
                " by|multiples of] {m}."
            ),
            "What do the multiples of {m} from {a} to {b} add up to?",
        ],
        ["Among the numbers {a} to {b}, pick those that {m} divides, and total them."],
    ),
]

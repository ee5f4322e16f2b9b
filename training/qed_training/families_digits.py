"""Families about remainders, powers, digits and bases."""

import random

from .families_number import large, number_range
from .family import Family, Slots


def _power(rng: random.Random) -> Slots:
    return {
        "a": rng.randint(2, rng.choice([12, 100, 1000])),
        "e": rng.randint(5, rng.choice([60, 500, 3000])),
        "m": rng.randint(3, rng.choice([20, 100, 1000])),
    }


def _digits(rng: random.Random) -> Slots:
    a = rng.randint(2, 9)
    return {
        "n": rng.randint(1000, 10 ** rng.randint(5, 12)),
        "a": a,
        "e": rng.randint(10, 120),
        "d": rng.randint(0, 9),
        "k": rng.randint(8, 40),
    }


def _base(rng: random.Random) -> Slots:
    b = rng.choice([2, 2, 3, 4, 5, 6, 7, 8, 9])
    n = rng.randint(10, 5000)
    digits, rest = "", n
    while rest:
        digits, rest = str(rest % b) + digits, rest // b
    names = {2: "binary", 8: "octal"}
    return {
        "n": n,
        "b": b,
        "s": digits,
        "in_base": names.get(b, f"base {b}") if rng.random() < 0.5 else f"base {b}",
    }


def _congruence(rng: random.Random) -> Slots:
    p, q = rng.choice(
        [
            (3, 5),
            (4, 7),
            (5, 7),
            (3, 8),
            (7, 9),
            (5, 11),
            (6, 11),
            (7, 11),
            (9, 13),
            (5, 12),
            (8, 13),
        ]
    )
    x = rng.randint(1, p * q - 1)
    return {"p": p, "q": q, "r": x % p, "s": x % q}


_TO_BASE = """n = {n}
digits = ""
while n > 0:
    digits = str(n % {b}) + digits
    n //= {b}
print(digits)"""

FAMILIES = [
    Family(
        "modular_power",
        _power,
        "print(pow({a}, {e}, {m}))",
        [
            "[What is|Find|Compute|Determine] the remainder when {a}^{e} is divided by {m}[?|.]",
            "[What is|Compute|Calculate|Find|Evaluate] {a}^{e} [mod|modulo] {m}[?|.]",
            "[What is|Find] {a} to the power[ of|] {e}[,|] modulo {m}[?|.]",
            "[Divide|You divide] {a}^{e} by {m}. [What remainder is left?|What is the remainder?]",
            (
                "What remainder does {a}^{e} leave [when divided by|upon division by|on division"
                " by] {m}?"
            ),
            (
                "{a} is raised to the power {e} and the result is divided by {m}. What is the"
                " remainder?"
            ),
        ],
        [
            (
                "Multiply {a} by itself so that {e} copies are used, then divide by {m}. How much"
                " is left over?"
            ),
            "The number {a}^{e} is split into groups of {m}. How many do not fit into a group?",
        ],
    ),
    Family(
        "remainder",
        lambda r: {"a": large(r), "m": r.randint(3, 99)},
        "print({a} % {m})",
        [
            "[What is|Find|Compute] the remainder when {a} is divided by {m}[?|.]",
            "[What is|Compute] {a} [mod|modulo] {m}[?|.]",
            "What [remainder|rest] [is left|remains] when {a} is divided by {m}?",
            "{a} {x} are put in {c} of {m}. How many {x} are left over?",
            "What remainder does {a} leave when divided by {m}?",
        ],
        ["Take {m} away from {a} again and again, as long as it goes. What is left in the end?"],
    ),
    Family(
        "unit_digit",
        _digits,
        "print(pow({a}, {e}, 10))",
        [
            "[What is|Find|Determine] the [units|ones|last|unit's|final] digit of {a}^{e}[?|.]",
            "What digit does {a}^{e} end [in|with]?",
            "{a} is raised to the power {e}. What is the last digit[ of the result|]?",
            "In [what|which] digit does {a}^{e} end?",
        ],
        ["Write out {a}^{e} in full. Which digit stands at the very right?"],
    ),
    Family(
        "digit_sum",
        _digits,
        "print(sum(int(d) for d in str({n})))",
        [
            "[What is|Find|Compute] the [sum of the digits|digit sum] of {n}[?|.]",
            "[Add|Sum] [up |]the digits of {n}.",
            "What do the digits of {n} add up to?",
            "The digits of {n} are added. What is the [sum|result|total]?",
        ],
        ["Treat each figure of {n} as a number of its own and total them."],
    ),
    Family(
        "digit_sum_of_power",
        _digits,
        "print(sum(int(d) for d in str({a} ** {e})))",
        [
            "[What is|Find|Compute] the [sum of the digits|digit sum] of {a}^{e}[?|.]",
            "[Add|Sum] [up |]the digits of {a}^{e}.",
            "What do the digits of {a} to the power {e} add up to?",
            "[Compute|Calculate] {a}^{e} and add [up |]its digits.",
        ],
        ["After working out {a}^{e}, someone sums its figures. What does that give?"],
    ),
    Family(
        "digit_count",
        _digits,
        "print(len(str({a} ** {e})))",
        [
            "How many digits does {a}^{e} have?",
            "[Find|Determine|What is] the number of digits [in|of] {a}^{e}[.|?]",
            "How many digits [are there in|long is] {a} to the power {e}?",
            "{a}^{e} is written out. How many digits does it have?",
        ],
        ["How long is the number {a}^{e} when written in decimal?"],
    ),
    Family(
        "factorial_zeros",
        _digits,
        "from math import factorial\ntext = str(factorial({k}))\nprint(len(text) -"
        ' len(text.rstrip("0")))',
        [
            "How many zeros does {k}! end [in|with]?",
            "[Find|Determine] the number of trailing zeros [of|in] {k}![.|]",
            "How many zeros are at the end of {k}!?",
            "With how many zeros does {k} factorial end?",
        ],
        ["Multiply 1 by 2 by 3 and so on up to {k}. How many zeros does the product finish with?"],
    ),
    Family(
        "multiples_count",
        number_range,
        "print(sum(1 for n in range({a}, {b} + 1) if n % {d} == 0))",
        [
            (
                "How many [integers|numbers|whole numbers] [from|between] {a} [to|and] {b} are"
                " [divisible by|multiples of] {d}?"
            ),
            "How many multiples of {d} are [there |][between|from] {a} [and|to] {b}[, inclusive|]?",
            "[Count|Find the number of] multiples of {d} from {a} to {b}.",
            "How many numbers n with {a} <= n <= {b} are [divisible by|multiples of] {d}?",
        ],
        [
            "Of all the whole numbers starting at {a} and stopping at {b}, how many can be divided"
            " by {d} exactly?"
        ],
    ),
    Family(
        "to_base",
        _base,
        _TO_BASE,
        [
            "[Write|Express] {n} in {in_base}.",
            "[Convert|Change] {n} [from base 10 |from decimal |]to {in_base}.",
            "What is {n} [in|written in|expressed in] {in_base}?",
            "[Find|Give] the {in_base} [representation|form] of {n}.",
            "How is {n} written in {in_base}?",
        ],
        ["A machine counts in {in_base} only. What does it show for the number {n}?"],
    ),
    Family(
        "from_base",
        _base,
        'print(int("{s}", {b}))',
        [
            "[Convert|Change] {s} from {in_base} to [decimal|base 10|base ten].",
            "What is [the decimal value of |]the {in_base} number {s}[ in decimal| in base 10|]?",
            "[Find|Give] the [decimal|base 10] [value|form] of {s} (base {b}).",
            "The number {s} is written in base {b}. What is it in [decimal|base ten]?",
            "{s} [in base {b}|(base {b})] is what number in base 10?",
        ],
        ["Someone who counts in base {b} writes {s}. Which ordinary number do they mean?"],
    ),
    Family(
        "congruences",
        _congruence,
        "n = 1\nwhile n % {p} != {r} or n % {q} != {s}:\n    n += 1\nprint(n)",
        [
            (
                "[What is|Find|Determine] the smallest positive [integer|number|whole number] that"
                " leaves [a |]remainder {r} when divided by {p} and [a |]remainder {s} when divided"
                " by {q}[?|.]"
            ),
            "Find the least positive integer n with n mod {p} = {r} and n mod {q} = {s}.",
            (
                "[A number|An integer] leaves remainder {r} [when divided by|on division by] {p}"
                " and remainder {s} [when divided by|on division by] {q}. What is the smallest"
                " positive such number?"
            ),
            (
                "{A} has some {x}. In {g} of {p}, {r} are left over; in {g} of {q}, {s} are left"
                " over. What is the smallest number of {x} {A_he} can have?"
            ),
        ],
        [
            "If {x} are counted by {p}s, {r} remain. If they are counted by {q}s, {s} remain. What"
            " is the fewest there could be?"
        ],
    ),
]

"""Families about whole numbers: arithmetic, divisors, multiples, primes."""

import random

from .family import Family, Slots


def large(rng: random.Random) -> int:
    return rng.randint(10, 10 ** rng.randint(2, 7))


def _small(rng: random.Random) -> int:
    return rng.randint(2, rng.choice([12, 30, 100]))


def _arithmetic(rng: random.Random) -> Slots:
    a, b, c = large(rng), large(rng), _small(rng)
    expression = rng.choice(
        [
            f"{a} * {b}",
            f"{a} * {c} + {b}",
            f"{a} * {c} - {b}",
            f"({a} + {b}) * {c}",
            f"{a} + {b} * {c}",
            f"{a} - {b} + {c}",
            f"({a} - {b}) * {c}",
            f"{a} + {b}",
            f"{a * c} / {c}",
            f"{a} ** 2 - {b}",
            f"{c} ** 3 + {b}",
            f"{a} - {b}",
            f"{a} * {b} - {c} * {_small(rng)}",
        ]
    )
    code = expression.replace("/", "//")
    shown = (
        expression
        if rng.random() < 0.6
        else expression.replace("*", rng.choice(["×", "x", "\\times"]))
    )
    if "**" in expression:
        shown = expression.replace(" ** ", "^")
    return {"e": shown, "code": f"print({code})", "a": a, "b": b}


def _two(rng: random.Random) -> Slots:
    d = rng.randint(2, 60)
    return {
        "a": d * rng.randint(2, 90),
        "b": d * rng.randint(2, 90),
        "n": rng.randint(2, 40),
        "k": rng.randint(2, 40),
    }


def _three(rng: random.Random) -> Slots:
    return {"a": rng.randint(2, 40), "b": rng.randint(2, 40), "c": rng.randint(2, 40)}


def number_range(rng: random.Random) -> Slots:
    low = rng.randint(1, rng.choice([50, 200, 1000]))
    return {
        "a": low,
        "b": low + rng.randint(20, rng.choice([60, 200, 1000])),
        "d": rng.randint(2, 30),
        "n": rng.randint(20, rng.choice([100, 1000, 5000])),
    }


def _nth(rng: random.Random) -> Slots:
    n = rng.randint(3, 150)
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return {"n": n, "nth": f"{n}{ending}"}


def _composite(rng: random.Random) -> Slots:
    n = 1
    while n < 12:
        n = (
            2 ** rng.randint(0, 5)
            * 3 ** rng.randint(0, 3)
            * 5 ** rng.randint(0, 2)
            * rng.choice([1, 1, 7, 11, 13, 17])
        )
    return {"n": n * rng.choice([1, 1, 1, 19, 23])}


_PRIME_FACTORS = """from sympy import factorint
factors = factorint({n})
"""

FAMILIES = [
    Family(
        "arithmetic",
        _arithmetic,
        "",
        [
            "[What is|Compute|Calculate|Evaluate|Find|Work out] {e}[?|.]",
            "[Find|Determine|Give] the value of {e}.",
            "How much is {e}?",
            "{e} = ?",
            "What [number|value|result] does {e} [give|have|make]?",
            "[Simplify|Do the calculation] {e}.",
            "[What do you get|What is the result] when you [compute|evaluate|work out] {e}?",
            "[The expression|The value of] {e} [is|equals] what [number|integer]?",
        ],
        [
            "A calculator shows the result of {e}. What does it show?",
            "Enter {e} and tell me the outcome.",
            "I need the exact number that equals {e}.",
        ],
    ),
    Family(
        "gcd",
        _two,
        "from math import gcd\nprint(gcd({a}, {b}))",
        [
            (
                "[What is|Find|Compute|Determine|Calculate] the [greatest common"
                " divisor|GCD|gcd|greatest common factor|highest common factor|HCF|largest common"
                " divisor] of {a} and {b}[?|.]"
            ),
            (
                "What is the [largest|greatest|biggest] [number|integer|whole number] that divides"
                " [both |]{a} and {b}[ evenly| exactly| without remainder|]?"
            ),
            "[Find|Compute|What is] gcd({a}, {b})[.|?]",
            (
                "[Two ropes|Two boards|Two ribbons] are {a} and {b} [cm|inches|meters] long. They"
                " are cut into [equal pieces|pieces of the same length], as long as possible[, with"
                " nothing left over|]. How long is [each|one] piece?"
            ),
            (
                "{A} has {a} {x} and {b} {y}. {A_he} wants to make [identical|equal] [{c}|gift"
                " bags|groups] with [none|nothing] left over. What is the [greatest|largest] number"
                " of [{c}|bags|groups] {A_he} can make?"
            ),
            "By which [largest|greatest] number can both {a} and {b} be divided[ evenly|]?",
        ],
        [
            (
                "The numbers {a} and {b} share several factors. Which of these shared factors is"
                " the biggest?"
            ),
            (
                "A floor of {a} by {b} cm is covered with square tiles, all of the same size and"
                " none cut. What is the side of the largest tile that fits?"
            ),
        ],
    ),
    Family(
        "lcm",
        lambda r: {"a": r.randint(4, 60), "b": r.randint(4, 60)},
        "from math import lcm\nprint(lcm({a}, {b}))",
        [
            (
                "[What is|Find|Compute|Determine|Calculate] the [least common"
                " multiple|LCM|lcm|lowest common multiple|smallest common multiple] of {a} and"
                " {b}[?|.]"
            ),
            (
                "What is the [smallest|least] positive [number|integer] [divisible by both|that is"
                " a multiple of both|that both numbers divide:] {a} and {b}?"
            ),
            "[Find|Compute] lcm({a}, {b}).",
            (
                "[Two buses|Two trains|Two ferries] leave [a station|together] at the same time."
                " One leaves every {a} minutes and the other every {b} minutes. After how many"
                " minutes do they leave together again?"
            ),
            (
                "One [light|bell|alarm] [blinks|rings|goes off] every {a} seconds, another every"
                " {b} seconds. They [start|do so] together. [After how many seconds|In how many"
                " seconds] does this happen [next|again]?"
            ),
            (
                "Which is the [first|smallest] positive number that you can divide by {a} and by"
                " {b} [without a remainder|evenly]?"
            ),
        ],
        [
            (
                "Gears with {a} and {b} teeth turn against each other. After how many teeth are"
                " both back where they began?"
            ),
            (
                "{A} visits every {a} days and {B} every {b} days. Both are here today. In how many"
                " days will both be here again?"
            ),
        ],
    ),
    Family(
        "lcm_of_three",
        _three,
        "from math import lcm\nprint(lcm({a}, {b}, {c}))",
        [
            (
                "[What is|Find|Compute|Determine] the [least common multiple|LCM|lowest common"
                " multiple] of {a}, {b}[,|] and {c}[?|.]"
            ),
            (
                "What is the smallest positive [number|integer] [divisible by|that is a multiple"
                " of] {a}, {b} and {c}?"
            ),
            (
                "Three [bells|lights|clocks] [ring|flash] every {a}, {b} and {c} minutes. They"
                " [ring|flash] together now. [In|After] how many minutes will they do so again?"
            ),
        ],
        [
            "Find the smallest number of {x} that can be shared equally among {a}, among {b} or"
            " among {c} children."
        ],
    ),
    Family(
        "is_divisor_count",
        _composite,
        "from sympy import divisor_count\nprint(divisor_count({n}))",
        [
            "How many [positive |][divisors|factors] does {n} have?",
            "[Find|Count|Determine|Compute] the number of [positive |][divisors|factors] of {n}.",
            "What is the number of [positive integers|whole numbers] that divide {n}[ evenly|]?",
            "How many [positive integers|numbers] [divide|are divisors of|are factors of] {n}?",
            "In how many ways can {n} {x} be put in [equal|same-sized] rows?",
        ],
        [
            "List every whole number that goes into {n} with no remainder. How long is the list?",
            (
                "{A} looks for all factors of {n}, with 1 and {n} among them. How many are there to"
                " find?"
            ),
        ],
    ),
    Family(
        "divisor_sum",
        _composite,
        "from sympy import divisor_sigma\nprint(divisor_sigma({n}))",
        [
            (
                "[What is|Find|Compute|Determine] the sum of [all |]the [positive"
                " |][divisors|factors] of {n}[?|.]"
            ),
            (
                "[Add|Sum] [up |]all [positive |][divisors|factors] of {n}. [What is the"
                " total?|What do you get?]"
            ),
            "What do the [positive |][divisors|factors] of {n} [add up to|sum to]?",
        ],
        [
            "Every number that divides {n} is written down, and then they are all added. What total"
            " comes out?"
        ],
    ),
    Family(
        "nth_prime",
        _nth,
        "from sympy import prime\nprint(prime({n}))",
        [
            "[What is|Find|Determine|Compute] the {nth} prime[ number|][?|.]",
            "Which [number|prime] is the {nth} prime?",
            "What is prime number {n}[, counting from 2|, if 2 is the first|]?",
            "[Give|Tell me] the {nth} [smallest |]prime number.",
        ],
        ["The primes are listed in order, 2, 3, 5 and so on. Which one stands at place {n}?"],
    ),
    Family(
        "prime_count",
        number_range,
        "from sympy import primerange\nprint(len(list(primerange({a}, {b} + 1))))",
        [
            "How many prime[s| numbers] are [there |]between {a} and {b}[, inclusive|]?",
            "[Count|Find the number of] [the |]prime[s| numbers] from {a} to {b}.",
            "How many [numbers|integers] from {a} to {b} are prime?",
            "[Determine|What is] the number of primes p with {a} <= p <= {b}[?|.]",
            "Of the numbers {a} to {b}, how many are prime?",
        ],
        [
            "Go through all integers starting at {a} and ending at {b}. How often do you meet a"
            " prime?"
        ],
    ),
    Family(
        "prime_sum",
        lambda r: {"n": r.randint(10, 2000)},
        "from sympy import primerange\nprint(sum(primerange(2, {n})))",
        [
            (
                "[What is|Find|Compute] the sum of [all |]the primes [less than|below|smaller"
                " than|under] {n}[?|.]"
            ),
            "[Add|Sum] [up |]all prime numbers [less than|below|under] {n}.",
            "What do all prime[s| numbers] [below|less than] {n} add up to?",
        ],
        ["Take each prime that is smaller than {n} and total them. What is the result?"],
    ),
    Family(
        "largest_prime_factor",
        _composite,
        _PRIME_FACTORS + "print(max(factors))",
        [
            (
                "[What is|Find|Determine] the [largest|greatest|biggest] prime [factor|divisor] of"
                " {n}[?|.]"
            ),
            "Which prime is the [largest|greatest] that divides {n}?",
            "{n} is [factored|split] into primes. Which is the [largest|biggest]?",
        ],
        ["Break {n} into prime factors and name the one that is higher than the others."],
    ),
    Family(
        "distinct_prime_factors",
        _composite,
        _PRIME_FACTORS + "print(len(factors))",
        [
            "How many [distinct|different] prime [factors|divisors] does {n} have?",
            (
                "[Find|Count] the [distinct|different] prime [factors|divisors] of {n}. [How many"
                " are there?|]"
            ),
            "How many [different|distinct] primes divide {n}?",
        ],
        ["In the prime factorization of {n}, how many primes occur if repeats are not counted?"],
    ),
]

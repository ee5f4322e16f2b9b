"""Families about sequences, sums, equations, functions, counting and probability."""

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


def _linear(rng: random.Random) -> Slots:
    a, x, b = rng.randint(2, 30), rng.randint(-20, 60), rng.randint(1, 99)
    sign = rng.choice("+-")
    right = a * x + b if sign == "+" else a * x - b
    return {"a": a, "b": b, "sign": sign, "r": right, "v": rng.choice("xyntz")}


def _linear_both(rng: random.Random) -> Slots:
    a, c, x, b = rng.randint(5, 25), rng.randint(2, 4), rng.randint(1, 40), rng.randint(1, 60)
    return {"a": a, "b": b, "c2": c, "r": (a - c) * x + b, "v": rng.choice("xyntz")}


def _number_riddle(rng: random.Random) -> Slots:
    x, a, b = rng.randint(2, 80), rng.randint(2, 12), rng.randint(1, 60)
    return {
        "a": a,
        "b": b,
        "r": a * x + b,
        "word": {2: "twice", 3: "three times"}.get(a, f"{a} times"),
    }


def _quadratic(rng: random.Random) -> Slots:
    p, q = rng.randint(-15, 20), rng.randint(-15, 20)
    if p == q:
        q += 1
    b, c = -(p + q), p * q

    def term(value: int, after: str) -> str:
        return f" {'+' if value > 0 else '-'} {abs(value)}{after}" if value else ""

    shown = "x^2" + (f" {'+' if b > 0 else '-'} x" if abs(b) == 1 else term(b, "x")) + term(c, "")
    code = "x**2" + term(b, " * x") + term(c, "")
    return {"e": shown, "ecode": code}


def _system(rng: random.Random) -> Slots:
    x, y = rng.randint(-9, 30), rng.randint(-9, 30)
    while True:
        a, b, c, d = (rng.randint(1, 9) for _ in range(4))
        d = -d if rng.random() < 0.5 else d
        if a * d - b * c:
            break

    def side(p: int, q: int) -> str:
        head = "x" if p == 1 else f"{p}x"
        return f"{head} {'+' if q > 0 else '-'} {'' if abs(q) == 1 else abs(q)}y"

    ask = rng.choice(
        [("x", "x"), ("y", "y"), ("x + y", "x + y"), ("xy", "x * y"), ("x - y", "x - y")]
    )
    return {
        "e1": f"{side(a, b)} = {a * x + b * y}",
        "e2": f"{side(c, d)} = {c * x + d * y}",
        "ask": ask[0],
        "ask_code": ask[1],
        "c1": f"{a} * x + {b} * y - {a * x + b * y}".replace("+ -", "- ").replace("- -", "+ "),
        "c2": f"{c} * x + {d} * y - {c * x + d * y}".replace("+ -", "- ").replace("- -", "+ "),
    }


def _two_prices(rng: random.Random) -> Slots:
    p, q = rng.sample(range(2, 40), 2)
    while True:
        a, b, c, d = (rng.randint(1, 9) for _ in range(4))
        if a * d - b * c:
            break
    return {"na": a, "nb": b, "nc": c, "nd": d, "t1": a * p + b * q, "t2": c * p + d * q}


def _heads_legs(rng: random.Random) -> Slots:
    four, two = rng.randint(2, 40), rng.randint(2, 40)
    return {
        "heads": four + two,
        "legs": 4 * four + 2 * two,
        "quad": rng.choice("cows rabbits goats sheep pigs horses dogs".split()),
        "bird": rng.choice("chickens ducks hens geese turkeys".split()),
    }


def _functions(rng: random.Random) -> Slots:
    a, b, c, d = (rng.randint(2, 9) for _ in range(4))
    f, g = rng.choice([("f", "g"), ("g", "h"), ("p", "q"), ("f", "h")])
    second, second_code = rng.choice(
        [
            (f"{c}x + {d}", f"{c} * x + {d}"),
            (f"x^2 - {d}", f"x**2 - {d}"),
            (f"x^2 + {c}", f"x**2 + {c}"),
        ]
    )
    return {
        "fa": f"{a}x + {b}",
        "fa_code": f"{a} * x + {b}",
        "fb": second,
        "fb_code": second_code,
        "n": rng.randint(1, 20),
        "F": f,
        "G": g,
    }


def _polynomial(rng: random.Random) -> Slots:
    a, b, c, d = rng.randint(1, 6), rng.randint(1, 9), rng.randint(1, 9), rng.randint(1, 30)
    return {
        "e": f"{a}x^3 - {b}x^2 + {c}x - {d}",
        "ecode": f"{a} * x**3 - {b} * x**2 + {c} * x - {d}",
        "n": rng.randint(-5, 15),
    }


def _choose(rng: random.Random) -> Slots:
    n = rng.randint(4, 25)
    return {
        "n": n,
        "k": rng.randint(2, min(n - 1, 7)),
        "people": rng.choice(["students", "players", "members", "books", "friends", "cards"]),
    }


def _word(rng: random.Random) -> Slots:
    words = """banana letter apple pepper mississippi cheese balloon coffee level summer school success hammer kitten
    rabbit bottle paper orange garden planet number puzzle tomato window basket cookie carrot dinner butter ladder
    possess committee parallel statistics tennessee alaska canada arrange""".split()
    return {"word": rng.choice(words)}


def _marbles(rng: random.Random) -> Slots:
    a, b, c = rng.randint(1, 15), rng.randint(1, 15), rng.randint(1, 15)
    colors = rng.sample("red blue green yellow white black purple orange".split(), 3)
    return {
        "na": a,
        "nb": b,
        "nc": c,
        "ca": colors[0],
        "cb": colors[1],
        "cc": colors[2],
        "ball": rng.choice("marbles balls beads buttons counters tokens candies chips".split()),
    }


def _dice(rng: random.Random) -> Slots:
    return {"s": rng.randint(3, 11), "n": rng.randint(3, 10), "k": rng.randint(1, 3)}


def _inclusion(rng: random.Random) -> Slots:
    p, q = rng.sample([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13], 2)
    return {"p": p, "q": q, "n": rng.randint(30, rng.choice([100, 500, 2000]))}


def _fraction(rng: random.Random) -> Slots:
    def one() -> str:
        d = rng.randint(2, 15)
        return f"{rng.randint(1, d - 1)}/{d}"

    a, b = one(), one()
    operation, word = rng.choice(
        [("+", "sum"), ("-", "difference"), ("*", "product"), ("+", "sum")]
    )
    to_code = lambda f: "Fraction({}, {})".format(*f.split("/"))
    return {"fa": a, "fb": b, "op": operation, "opword": word, "ca": to_code(a), "cb": to_code(b)}


_SYMPY = "from sympy import symbols, solve\n"
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
    Family(
        "linear_equation",
        _linear,
        _SYMPY + '{v} = symbols("{v}")\nprint(solve({a} * {v} {sign} {b} - {r}, {v})[0])',
        [
            "[Solve|Solve for {v}]: {a}{v} {sign} {b} = {r}.",
            "[What is|Find] {v} if {a}{v} {sign} {b} = {r}[?|.]",
            (
                "If {a}{v} {sign} {b} = {r}, [what is [the value of |]{v}?|find {v}.|then {v}"
                " equals what?]"
            ),
            (
                "[Find|Determine] the [value|solution] of {v} in [the equation |]{a}{v} {sign} {b}"
                " = {r}."
            ),
            "For which {v} is {a}{v} {sign} {b} = {r}?",
            "Solve the equation {a}{v} {sign} {b} = {r}[ for {v}|].",
        ],
        [
            "The equation {a}{v} {sign} {b} = {r} holds. How large is {v}?",
            "Which number makes {a}{v} {sign} {b} = {r} true when put in for {v}?",
        ],
    ),
    Family(
        "linear_equation_both_sides",
        _linear_both,
        _SYMPY + '{v} = symbols("{v}")\nprint(solve({a} * {v} + {b} - ({c2} * {v} + {r}), {v})[0])',
        [
            "Solve [for {v}: |]{a}{v} + {b} = {c2}{v} + {r}.",
            "[What is|Find] {v} if {a}{v} + {b} = {c2}{v} + {r}[?|.]",
            "If {a}{v} + {b} = {c2}{v} + {r}, [what is {v}?|find {v}.]",
            "For which [value of |]{v} is {a}{v} + {b} = {c2}{v} + {r}?",
            "Solve the equation {a}{v} + {b} = {c2}{v} + {r}.",
        ],
        ["Both sides of {a}{v} + {b} = {c2}{v} + {r} are equal. How large is {v}?"],
    ),
    Family(
        "number_riddle",
        _number_riddle,
        _SYMPY + 'x = symbols("x")\nprint(solve({a} * x + {b} - {r}, x)[0])',
        [
            (
                "[When|If] a number is multiplied by {a} and [then |]{b} is added, the result is"
                " {r}. [What is the number?|Find the number.]"
            ),
            "{b} more than {word} a number is {r}. [What is the number?|Find the number.]",
            (
                "{A} thinks of a number, multiplies it by {a}, adds {b} and gets {r}. [What is"
                " {A_his} number?|Which number was it?]"
            ),
            "The sum of {b} and {word} a number is {r}. What is the number?",
            "I think of a number. I multiply it by {a} and add {b}. I get {r}. What is my number?",
        ],
        [
            "A machine multiplies what goes in by {a} and then adds {b}. Out comes {r}. What"
            " went in?"
        ],
    ),
    Family(
        "quadratic_larger_root",
        _quadratic,
        _SYMPY + 'x = symbols("x")\nprint(max(solve({ecode}, x)))',
        [
            "[What is|Find] the [larger|greater|largest] [root|solution|zero] of {e} = 0[?|.]",
            "Solve {e} = 0 and give the larger [root|solution].",
            "[Find|Determine] the [largest|greatest] x [with|such that|for which] {e} = 0.",
            "What is the [larger|bigger] of the two [solutions|roots] of {e} = 0?",
        ],
        [
            "The parabola y = {e} meets the x-axis in two points. What is the x-coordinate of the"
            " one farther to the right?"
        ],
    ),
    Family(
        "quadratic_root_sum",
        _quadratic,
        _SYMPY + 'x = symbols("x")\nprint(sum(solve({ecode}, x)))',
        [
            "[What is|Find] the sum of the [roots|solutions|zeros] of {e} = 0[?|.]",
            "The two [roots|solutions] of {e} = 0 are added. What is the [sum|result]?",
            "What do the [roots|solutions] of {e} = 0 add up to?",
        ],
        ["Both numbers x with {e} = 0 are found and totalled. What is that total?"],
    ),
    Family(
        "system",
        _system,
        _SYMPY
        + 'x, y = symbols("x y")\nsolution = solve([{c1}, {c2}], [x, y])\nx, y = solution[x],'
        " solution[y]\nprint({ask_code})",
        [
            "[Solve|Consider] the system {e1}[,| and] {e2}. What is {ask}?",
            "If {e1} and {e2}, [what is|find] [the value of |]{ask}[?|.]",
            "[Find|Determine|Compute] {ask} [if|given that|where] {e1} and {e2}.",
            "[Given|Suppose] {e1} and {e2}[. What is {ask}?|, find {ask}.]",
            "Two equations: {e1}; {e2}. [What is|Find] {ask}[?|.]",
            "x and y [satisfy|fulfil] {e1} and {e2}. [What is|Compute] {ask}[?|.]",
        ],
        ["Two lines, {e1} and {e2}, meet at (x, y). How much is {ask}?"],
    ),
    Family(
        "two_prices",
        _two_prices,
        _SYMPY
        + 'a, b = symbols("a b")\nprint(solve([{na} * a + {nb} * b - {t1}, {nc} * a + {nd} * b -'
        " {t2}], [a, b])[a])",
        [
            (
                "{na} {x} and {nb} {y} cost ${t1}. {nc} {x} and {nd} {y} cost ${t2}. [How"
                " much|What] does one {x1} cost?"
            ),
            (
                "{A} [pays|paid] ${t1} for {na} {x} and {nb} {y}. {B} [pays|paid] ${t2} for {nc}"
                " {x} and {nd} {y}. What is the price of [one|a single] {x1}?"
            ),
            (
                "At [a|the] {place}, {na} {x} and {nb} {y} together cost {t1} dollars, [and|while]"
                " {nc} {x} and {nd} {y} cost {t2} dollars. [Find the price of one {x1}.|What is the"
                " cost of one {x1}?]"
            ),
        ],
        [
            "With {na} {x} and {nb} {y} in the basket the till shows ${t1}, with {nc} {x} and {nd}"
            " {y} it shows ${t2}. How many dollars is a {x1}?"
        ],
    ),
    Family(
        "heads_and_legs",
        _heads_legs,
        _SYMPY
        + 'a, b = symbols("a b")\nprint(solve([a + b - {heads}, 4 * a + 2 * b - {legs}], [a,'
        " b])[a])",
        [
            (
                "[A farm|A farmer|{A}] has {quad} and {bird}, {heads} [animals|heads] [in all|in"
                " total|altogether], with {legs} legs. How many {quad} are there?"
            ),
            (
                "[There are|A barn has] {heads} {quad} and {bird} [in total|together]. They have"
                " {legs} legs. How many [of them are|are] {quad}?"
            ),
            (
                "{quad} and {bird} [stand|are] in a [yard|field]. {A} counts {heads} heads and"
                " {legs} legs. How many {quad} [are there|does {A_he} see]?"
            ),
        ],
        [
            "Only {quad} and {bird} live here. They have {legs} feet and {heads} noses together."
            " What is the number of {quad}?"
        ],
    ),
    Family(
        "function_composition",
        _functions,
        "def {F}(x):\n    return {fa_code}\n\ndef {G}(x):\n    return"
        " {fb_code}\n\nprint({F}({G}({n})))",
        [
            (
                "[Let|Suppose] {F}(x) = {fa} and {G}(x) = {fb}. [What is|Find|Compute]"
                " {F}({G}({n}))[?|.]"
            ),
            "If {F}(x) = {fa} and {G}(x) = {fb}, what is {F}({G}({n}))?",
            "[Given|For] {F}(x) = {fa} and {G}(x) = {fb}, [find|compute|evaluate] {F}({G}({n})).",
            (
                "Two functions are {F}(x) = {fa} and {G}(x) = {fb}. What is the value of"
                " {F}({G}({n}))?"
            ),
            "[What is|Find] {F}({G}({n})) if {G}(x) = {fb} and {F}(x) = {fa}[?|.]",
            "{F} maps x to {fa} and {G} maps x to {fb}. [Find|What is] {F}({G}({n}))[.|?]",
        ],
        [
            (
                "The function {G}(x) = {fb} is applied to {n}, and {F}(x) = {fa} to the result."
                " What comes out?"
            ),
            (
                "First put {n} into {G}(x) = {fb}. Then put what you get into {F}(x) = {fa}. What"
                " is the end value?"
            ),
        ],
    ),
    Family(
        "polynomial_value",
        _polynomial,
        "x = {n}\nprint({ecode})",
        [
            "[What is|Find|Compute|Evaluate] {e} [for|at|when] x = {n}[?|.]",
            "If x = {n}, what is {e}?",
            "[Let|Suppose] p(x) = {e}. [What is|Find] p({n})[?|.]",
            "[Find|Compute] the value of {e} at x = {n}.",
        ],
        ["Substitute {n} for x in {e}. Which number results?"],
    ),
    Family(
        "combinations",
        _choose,
        "from math import comb\nprint(comb({n}, {k}))",
        [
            (
                "[In how many ways|In how many different ways] can {k} {people} be"
                " [chosen|selected|picked] from {n}?"
            ),
            "How many [different |]ways are there to [choose|select|pick] {k} of {n} {people}?",
            (
                "How many [groups|sets|selections|committees] of {k} can be [formed|made|chosen]"
                " from {n} {people}?"
            ),
            "[What is|Compute|Find] {n} choose {k}[?|.]",
            "[Compute|Find] the binomial coefficient C({n}, {k}).",
            (
                "{A} may take {k} of {n} different {x}. How many [choices|selections] [are"
                " possible|does {A_he} have]?"
            ),
        ],
        [
            "A team of {k} is to be put together out of {n} candidates, order aside. How many"
            " different teams are possible?"
        ],
    ),
    Family(
        "permutations",
        _choose,
        "from math import perm\nprint(perm({n}, {k}))",
        [
            (
                "In how many ways can {k} of {n} {people} be [arranged|lined up|placed] in a"
                " [row|line]?"
            ),
            (
                "How many ordered [selections|arrangements] of {k} [out of|from] {n} {people} are"
                " there?"
            ),
            "How many ways are there to [arrange|line up] {k} of {n} different {x} in a row?",
            (
                "{n} {m} [run a race|take part in a race]. In how many ways can the first {k}"
                " places be [filled|taken]?"
            ),
        ],
        [
            "From {n} people, {k} are given different jobs, one each. How many ways are there to do"
            " that?"
        ],
    ),
    Family(
        "pairs",
        _choose,
        "from math import comb\nprint(comb({n}, 2))",
        [
            (
                "{n} [people|guests|friends] [meet|are at a party] and [each|everyone] shakes hands"
                " with [everyone else|each other person] once. How many handshakes are there?"
            ),
            (
                "[In a tournament|In a league] [with|of] {n} [teams|players] [each|every one] plays"
                " every other once. How many [games|matches] are [played|there]?"
            ),
            (
                "How many [line segments|lines|straight lines] can be drawn between {n} points if"
                " no three are on one line?"
            ),
        ],
        ["Every two of {n} cities are joined by a road of their own. How many roads is that?"],
    ),
    Family(
        "letter_arrangements",
        _word,
        'from math import factorial\nword = "{word}"\ncount = factorial(len(word))\nfor letter in'
        " set(word):\n    count //= factorial(word.count(letter))\nprint(count)",
        [
            'In how many [different |]ways can the letters of "{word}" be [arranged|ordered]?',
            "How many [different|distinct] arrangements of the word {word} are there?",
            (
                "How many [distinct|different] [words|strings] can be [made|formed] [from|with] all"
                " letters of {word}?"
            ),
            (
                "[Find|Count] the [distinct |]permutations of the letters in {word}. [How many are"
                " there?|]"
            ),
        ],
        [
            "Cards with the letters of {word} are shuffled and laid in a row. How many different"
            " rows can appear?"
        ],
    ),
    Family(
        "marble_probability",
        _marbles,
        "from fractions import Fraction\nprint(Fraction({na}, {na} + {nb} + {nc}))",
        [
            (
                "A [bag|box|jar|bowl] [contains|has|holds] {na} {ca}, {nb} {cb} and {nc} {cc}"
                " {ball}. One is [drawn|taken|picked] at random. What is the probability that it is"
                " {ca}? [Give a fraction.|]"
            ),
            (
                "{A} has {na} {ca} {ball}, {nb} {cb} {ball} and {nc} {cc} {ball} in a bag. {A_he}"
                " takes one without looking. What is the probability [that it is|of a] {ca}[ one|]?"
            ),
            (
                "There are {na} {ca}, {nb} {cb} and {nc} {cc} {ball} in a [drawer|basket]."
                " [Find|What is] the probability of [drawing|picking] a {ca} one[.|?]"
            ),
        ],
        [
            "Of the {ball} in a sack {nb} are {cb}, {nc} are {cc} and {na} are {ca}. How likely is"
            " it, as a fraction, that a blind pick is {ca}?"
        ],
    ),
    Family(
        "two_draws",
        _marbles,
        "from fractions import Fraction\nn = {na} + {nb}\nprint(Fraction({na}, n) * Fraction({na} -"
        " 1, n - 1))",
        [
            (
                "A [bag|box|jar] [contains|has|holds] {na} {ca} and {nb} {cb} {ball}. Two are"
                " [drawn|taken|picked] [at random|] without replacement. What is the probability"
                " that both are {ca}?"
            ),
            (
                "{A} takes two {ball} [at random |]from a bag with {na} {ca} and {nb} {cb} ones."
                " What is the probability that both are {ca}?"
            ),
            (
                "[Find|What is] the probability that two {ball} [drawn|taken] at random from {na}"
                " {ca} and {nb} {cb} ones are both {ca}[.|?]"
            ),
        ],
        [
            "{na} {ca} and {nb} {cb} {ball} are mixed. Someone grabs two at once. With what"
            " probability has she grabbed two {ca} ones?"
        ],
    ),
    Family(
        "dice_sum",
        _dice,
        "from fractions import Fraction\nhits = sum(1 for a in range(1, 7) for b in range(1, 7) if"
        " a + b == {s})\nprint(Fraction(hits, 36))",
        [
            (
                "Two [fair |][dice|six-sided dice] are [rolled|thrown]. What is the probability"
                " that the sum is {s}?"
            ),
            (
                "[What is|Find] the probability of [rolling|getting] a [sum|total] of {s} with two"
                " [fair |]dice[?|.]"
            ),
            "{A} [rolls|throws] two dice. What is the probability that the [sum|total] is {s}?",
        ],
        ["A pair of dice falls. How likely is it that the points together are {s}?"],
    ),
    Family(
        "coin_tosses",
        _dice,
        "from math import comb\nfrom fractions import Fraction\nprint(Fraction(comb({n}, {k}), 2 **"
        " {n}))",
        [
            (
                "A [fair |]coin is [tossed|flipped] {n} times. What is the probability of [getting"
                " |]exactly {k} heads?"
            ),
            (
                "{A} [tosses|flips] a coin {n} times. What is the probability that it [shows|lands"
                " on] heads exactly {k} times?"
            ),
            (
                "[What is|Find] the probability of exactly {k} heads in {n} [tosses|flips] of a"
                " fair coin[?|.]"
            ),
        ],
        [
            "{n} coins are thrown together. How likely is it that {k} of them show heads and the"
            " others tails?"
        ],
    ),
    Family(
        "divisible_by_either",
        _inclusion,
        "print(sum(1 for n in range(1, {n} + 1) if n % {p} == 0 or n % {q} == 0))",
        [
            (
                "How many [integers|numbers|positive integers] from 1 to {n} are [divisible"
                " by|multiples of] {p} or {q}?"
            ),
            (
                "How many [positive integers|numbers] [up to|not greater than] {n} are [divisible"
                " by|multiples of] {p} or {q}?"
            ),
            (
                "[Count|Find the number of] integers between 1 and {n} that are divisible by {p} or"
                " {q}."
            ),
        ],
        [
            "Strike out of 1, 2, ..., {n} all multiples of {p} and all multiples of {q}. How many"
            " numbers are struck out?"
        ],
    ),
    Family(
        "divisible_by_neither",
        _inclusion,
        "print(sum(1 for n in range(1, {n} + 1) if n % {p} != 0 and n % {q} != 0))",
        [
            (
                "How many [integers|numbers|positive integers] from 1 to {n} are divisible by"
                " neither {p} nor {q}?"
            ),
            (
                "How many [positive integers|numbers] up to {n} are [not divisible by {p} or"
                " {q}|multiples of neither {p} nor {q}]?"
            ),
            (
                "[Count|Find the number of] integers between 1 and {n} that are divisible neither"
                " by {p} nor by {q}."
            ),
        ],
        [
            "Strike out of 1, 2, ..., {n} all multiples of {p} and all multiples of {q}. How many"
            " numbers stay?"
        ],
    ),
    Family(
        "fractions",
        _fraction,
        "from fractions import Fraction\nprint({ca} {op} {cb})",
        [
            "[What is|Compute|Calculate|Find] {fa} {op} {fb}[?|.]",
            "[Compute|Find|What is] {fa} {op} {fb} as a fraction[ in lowest terms|][.|?]",
            "[What is|Find] the {opword} of {fa} and {fb}[?|.]",
            "[Simplify|Work out] {fa} {op} {fb}.",
        ],
        ["Give the exact fraction that equals {fa} {op} {fb}, fully reduced."],
    ),
]

"""Families about equations, functions and polynomials."""

import random

from .family import Family, Slots


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


_SYMPY = "from sympy import symbols, solve\n"

FAMILIES = [
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
]

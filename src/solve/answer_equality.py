"""Whether answers mean the same: the program that a comparison runs in the jail.

Reads {"answer": text, "others": [text, ...]} from the standard input and prints
one line for each of the others, in their order, ending after the first "equal":

    equal | different | unreadable

"unreadable" (of either side) counts as different. What is slow is ended from
outside. answer_parser.py goes before this file.
"""
import json
import re
import sys

import sympy

DIGITS = 60  # that numbers are evaluated to
TOLERANCE = sympy.Rational(1, 10**40)  # relative


def close(a, b):
    """Whether two evaluated complex numbers agree; None where one is no number."""
    if not (a.is_number and b.is_number and a.is_finite and b.is_finite):
        return None
    size = max(sympy.Abs(a), sympy.Abs(b))
    return bool(sympy.Abs(a - b) <= TOLERANCE * max(size, TOLERANCE))


def samples(*expressions):
    """The expressions' values at fixed points, negative, whole and large ones among them."""
    names = sorted(set().union(*(e.free_symbols for e in expressions)), key=str)
    for start in ((7, 5), (-8, 3), (3, 1), (-2, 1), (11, 13), (23, 7), (-1, 9), (101, 4)):
        point = {name: sympy.Rational(*start) + sympy.Rational(5 * index, 11 if start[1] > 1 else 1)
                 for index, name in enumerate(names)}
        yield [e.subs(point).evalf(DIGITS) for e in expressions]


def equal_expressions(a, b):
    if a == b:
        return True
    if a.is_Rational and b.is_Rational or a.is_infinite or b.is_infinite:
        return False
    if not a.free_symbols and not b.free_symbols:
        return bool(close(a.evalf(DIGITS), b.evalf(DIGITS)))
    agreed = 0
    for left, right in samples(a, b):
        verdict = close(left, right)
        if verdict is False:
            return False
        agreed += verdict is True
    return agreed >= 3


def equal_relations(a, b):
    if a[1] != b[1]:
        return False
    for i, operator in enumerate(a[1]):
        first, second = a[2][i] - a[2][i + 1], b[2][i] - b[2][i + 1]
        ratios = [left / right for left, right in samples(first, second)
                  if left.is_finite and right.is_finite and right != 0]
        if len(ratios) < 3 or not all(close(ratio, ratios[0]) for ratio in ratios):
            return False
        if ratios[0] == 0 or (operator in ("<", "<=") and not ratios[0] > 0):
            return False
    return True


def equal_lists(first, second):
    return len(first) == len(second) and all(map(equal_values, first, second))


def equal_sets(first, second):
    rest = list(second)
    for value in first:
        match = next((i for i, other in enumerate(rest) if equal_values(value, other)), None)
        if match is None:
            return False
        del rest[match]
    return not rest


def equal_values(a, b):
    if not isinstance(a, tuple) and not isinstance(b, tuple):
        return equal_expressions(a, b)
    if not isinstance(a, tuple) or not isinstance(b, tuple) or a[0] != b[0]:
        return False
    if a[0] == "list":
        return a[1:3] == b[1:3] and equal_lists(a[3], b[3])
    if a[0] == "set":
        return equal_sets(a[1], b[1])
    if a[0] == "matrix":
        return len(a[1]) == len(b[1]) and all(map(equal_lists, a[1], b[1]))
    return equal_relations(a, b)


def plain_text(text):
    text = re.sub(TEXT + r"\{([^{}]*)\}", r"\1", drop_decoration(text))
    text = re.sub(r"[{}]|(?<!\d)\s+|\s+(?!\d)", "", text).rstrip(".,;:!")
    return text if len(text) < 2 else text.casefold()


def is_words(text):
    words = re.sub(TEXT + r"\{([^{}]*)\}", r"\1", text).strip()
    return re.fullmatch(r"[^\W\d_][^\W\d_\s'.,-]*[\s'.,-]*(?:[^\W\d_]+[\s'.,-]*)*", words) and (
        len(words) > 1 and words.casefold() not in CONSTANTS)


def compare(a, b):
    if plain_text(a) and plain_text(a) == plain_text(b):
        return "equal"
    if is_words(a) or is_words(b):
        return "different"
    try:
        return "equal" if equal_values(parse(a), parse(b)) else "different"
    except Unreadable:
        return "unreadable"
    except (ArithmeticError, AttributeError, NotImplementedError, RecursionError, TypeError,
            ValueError):  # out of sympy: there is no telling
        return "unreadable"


def main():
    request = json.loads(sys.stdin.read())
    for other in request["others"]:
        verdict = compare(request["answer"], other)
        print(verdict, flush=True)
        if verdict == "equal":
            return


main()

"""The value of an expression (tree.py) at a point, by numbers.py and functions.py.

Where it leaves the real numbers on the way, the point is strained afterwards, so that
points outside of an expression's real domain can be left out.
"""
import zlib
from fractions import Fraction

from mpmath import mp

from equality.functions import OF_ONE_NUMBER, OF_WHOLE_NUMBERS, circular, whole_numbers
from equality.numbers import MAX_MAGNITUDE, as_mp, is_real, quotient, raise_to, real_part
from equality.unreadable import Undefined, Unreadable
from equality.vocabulary import CIRCULAR

MAX_TERMS = 400  # of a sum or a product
MAX_STEPS = 20000  # of one evaluation


class Point:
    """Values of variables; `seed` makes those of unknown functions."""

    def __init__(self, values, seed=0, degrees_as_radians=False):
        self.values = values
        self.seed = seed
        self.in_angle = degrees_as_radians
        self.strained = False
        self.magnitude = 0  # bits before the point of the largest number met
        self.steps = 0


def value_at(tree, point):
    point.steps += 1
    if point.steps > MAX_STEPS:
        raise Unreadable("takes too long")
    value = EVALUATORS[tree[0]](tree, point)
    if not isinstance(value, Fraction):
        if not mp.isfinite(value):
            raise Undefined("no finite number")
        if value:
            magnitude = mp.mag(value)
            if magnitude > point.magnitude:
                if magnitude > MAX_MAGNITUDE:
                    raise Undefined("too large")
                point.magnitude = magnitude
    return value


def exact(operation):
    """An operation on two fractions, else on two numbers of mpmath."""
    def evaluate(tree, point):
        a, b = value_at(tree[1], point), value_at(tree[2], point)
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            return operation(a, b)
        return operation(as_mp(a), as_mp(b))
    return evaluate


def negated(tree, point):
    return -value_at(tree[1], point)


def symbol(tree, point):
    if tree[1] not in point.values:
        raise Undefined("no value of " + tree[1])
    return point.values[tree[1]]


def constant(tree, _point):
    return {"pi": mp.pi, "e": mp.e}[tree[1]] * 1 if tree[1] != "i" else mp.mpc(0, 1)


def infinity(_tree, _point):
    raise Undefined("infinity in an expression")


def unknown_value(tree, point):
    """The same for the same name and arguments; otherwise nothing is known of it."""
    arguments = [value_at(argument, point) for argument in tree[2:]]
    text = "|".join([str(point.seed), tree[1]] + [
        str(a) if isinstance(a, Fraction) else mp.nstr(a, 20) for a in arguments])
    return Fraction(zlib.crc32(text.encode()) % 99991 + 1, 9973) * (-1) ** point.seed


def power(tree, point):
    return raise_to(value_at(tree[1], point), value_at(tree[2], point), point)


def root(tree, point):
    degree = value_at(tree[1], point)
    if not isinstance(degree, Fraction) or not degree:
        raise Undefined("no degree of a root")
    return raise_to(value_at(tree[2], point), 1 / degree, point)


def call(tree, point):
    name = tree[1]
    if name in CIRCULAR:
        outside, point.in_angle = point.in_angle, True
        argument = value_at(tree[2], point)
        point.in_angle = outside
        return circular(name, argument)
    arguments = [value_at(argument, point) for argument in tree[2:]]
    if name in OF_WHOLE_NUMBERS:
        return OF_WHOLE_NUMBERS[name](*arguments)
    if name in ("max", "min"):
        if not all(map(is_real, arguments)):
            raise Undefined("an order of complex numbers")
        return (max if name == "max" else min)(arguments, key=lambda a: as_mp(real_part(a)))
    if len(arguments) != 1 or name not in OF_ONE_NUMBER:
        raise Undefined("arguments of " + name)
    return OF_ONE_NUMBER[name](arguments[0], point)


def degrees(tree, point):
    """A number of degrees is that number, but a part of a circle to the sine."""
    value = value_at(tree[1], point)
    return as_mp(value) * mp.pi / 180 if point.in_angle and value else value


def series(tree, point):
    kind, name, first, last, body = tree
    first, last = whole_numbers([value_at(first, point), value_at(last, point)])
    if last - first >= MAX_TERMS:
        raise Undefined("too many terms")
    total = Fraction(0 if kind == "sum" else 1)
    outside = point.values
    try:
        for index in range(first, last + 1):
            point.values = {**outside, name: Fraction(index)}
            term = value_at(body, point)
            if not (isinstance(total, Fraction) and isinstance(term, Fraction)):
                total, term = as_mp(total), as_mp(term)
            total = total + term if kind == "sum" else total * term
    finally:
        point.values = outside
    return total


def based(_tree, _point):
    raise Undefined("a number of another base in an expression")


def number(tree, _point):
    return tree[1]


EVALUATORS = {
    "number": number, "symbol": symbol, "constant": constant, "infinity": infinity,
    "add": exact(lambda a, b: a + b), "multiply": exact(lambda a, b: a * b),
    "divide": exact(quotient), "negate": negated, "power": power, "root": root, "call": call,
    "value": unknown_value, "sum": series, "product": series, "degrees": degrees,
    "based": based,
}

"""The value of an expression at a point: an exact fraction where it is one, else a
complex number of mpmath, to the precision that is set there.

Roots and logarithms mean what they mean in school: an odd root of a negative number is
negative, an even one is imaginary. That one was met is told by `Point.strained`, so that
points outside of an expression's real domain can be left out.
"""
import math
import zlib
from fractions import Fraction

from mpmath import mp

from equality.unreadable import Undefined, Unreadable
from equality.vocabulary import CIRCULAR

MAX_BITS = 1 << 14  # of a power that is computed exactly
MAX_MAGNITUDE = 1 << 15  # bits before the point
MAX_FACTORIAL = 1000
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


def as_mp(value):
    if isinstance(value, Fraction):
        return mp.mpf(value.numerator) / value.denominator
    return value


def is_real(value):
    return isinstance(value, Fraction) or not isinstance(value, mp.mpc) or value.imag == 0


def real_part(value):
    return value.real if isinstance(value, mp.mpc) else value


def near_whole(value):
    """The whole number that a value is, up to the precision; None if it is none."""
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else None
    nearest = mp.nint(value.real)
    return int(nearest) if abs(value - nearest) < mp.mpf(2) ** (-mp.prec // 2) else None


def is_tiny(value):
    """Whether it is a zero that was computed inexactly."""
    return not value or (not isinstance(value, Fraction) and mp.mag(value) < -(3 * mp.prec) // 4)


def exact(operation):
    """An operation on two fractions, else on two numbers of mpmath."""
    def evaluate(tree, point):
        a, b = value_at(tree[1], point), value_at(tree[2], point)
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            return operation(a, b)
        return operation(as_mp(a), as_mp(b))
    return evaluate


def quotient(a, b):
    if is_tiny(b):
        raise Undefined("divides by zero")
    return a / b


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


# --- Powers --------------------------------------------------------------------------


def power(tree, point):
    return raise_to(value_at(tree[1], point), value_at(tree[2], point), point)


def raise_to(base, exponent, point):
    if not isinstance(exponent, Fraction):
        whole = near_whole(exponent) if is_real(exponent) else None
        if whole is not None:
            exponent = Fraction(whole)
    if not base:
        return zero_to(exponent)
    if isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            return whole_power(base, int(exponent))
        return rational_power(base, exponent, point)
    point.strained |= is_real(base) and real_part(base) < 0
    return general_power(base, exponent)


def zero_to(exponent):
    if not is_real(exponent) or real_part(exponent) < 0:
        raise Undefined("divides by zero")
    return Fraction(0 if exponent else 1)


def whole_power(base, exponent):
    if isinstance(base, Fraction):
        bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
        if bits * abs(exponent) <= MAX_BITS:
            return base ** exponent
    if exponent < 0 and is_tiny(base):
        raise Undefined("divides by zero")
    if abs(mp.mag(as_mp(base))) * abs(exponent) > 2 * MAX_MAGNITUDE:
        if not abs(abs(as_mp(base)) - 1) * abs(exponent) < MAX_MAGNITUDE:
            raise Undefined("too large")
    return as_mp(base) ** exponent


def rational_power(base, exponent, point):
    if is_real(base) and real_part(base) < 0:
        if exponent.denominator % 2:
            value = rational_power(-real_part(base), exponent, point)
            return -value if exponent.numerator % 2 else value
        point.strained = True
    elif isinstance(base, Fraction):
        root = exact_root(base, exponent.denominator)
        if root is not None:
            return whole_power(root, exponent.numerator)
    return general_power(base, as_mp(exponent))


def exact_root(base, degree):
    """The root of a fraction where it is one."""
    parts = []
    for part in (base.numerator, base.denominator):
        if part.bit_length() > MAX_BITS or degree > 64:
            return None
        root = int(mp.nint(mp.root(part, degree))) if part.bit_length() < mp.prec else (
            math.isqrt(part) if degree == 2 else 0)
        if root ** degree != part:
            return None
        parts.append(root)
    return Fraction(*parts)


def general_power(base, exponent):
    base = as_mp(base)
    if abs(mp.mag(base)) * abs(exponent) > 2 * MAX_MAGNITUDE:
        raise Undefined("too large")
    return mp.power(base, exponent)


def root(tree, point):
    degree = value_at(tree[1], point)
    if not isinstance(degree, Fraction) or not degree:
        raise Undefined("no degree of a root")
    return raise_to(value_at(tree[2], point), 1 / degree, point)


# --- Functions -----------------------------------------------------------------------


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


def circular(name, argument):
    if not argument:
        if name in ("cot", "csc"):
            raise Undefined("a pole")
        return Fraction(name in ("cos", "sec"))
    argument = as_mp(argument)
    if mp.mag(argument) > 1000:
        raise Undefined("an angle too large")
    sine, cosine = mp.sin(argument), mp.cos(argument)
    above, below = {"sin": (sine, 1), "cos": (cosine, 1), "tan": (sine, cosine),
                    "cot": (cosine, sine), "sec": (1, cosine), "csc": (1, sine)}[name]
    return quotient(above, below)


def absolute(value, _point):
    return abs(value)


def rounded(down):
    def evaluate(value, _point):
        if not is_real(value):
            raise Undefined("rounds a complex number")
        whole = near_whole(value)
        if whole is not None:
            return Fraction(whole)
        value = real_part(value)
        if isinstance(value, Fraction):
            return Fraction(math.floor(value) if down else math.ceil(value))
        return Fraction(int(mp.floor(value) if down else mp.ceil(value)))
    return evaluate


def logarithm(value, point):
    if is_tiny(value):
        raise Undefined("the logarithm of zero")
    if value == 1:
        return Fraction(0)
    point.strained |= is_real(value) and real_part(value) < 0
    return mp.log(as_mp(value))


def exponential(value, _point):
    if not value:
        return Fraction(1)
    value = as_mp(value)
    if abs(real_part(value)) > MAX_MAGNITUDE // 2:
        raise Undefined("too large")
    return mp.exp(value)


def arc(function, low, high):
    """The inverse of a function whose real values are from low to high."""
    def evaluate(value, point):
        value = as_mp(value)
        point.strained |= is_real(value) and not low <= real_part(value) <= high
        return function(value)
    return evaluate


def reciprocal_arc(function):
    def evaluate(value, point):
        value = quotient(mp.mpf(1), as_mp(value))
        point.strained |= is_real(value) and not -1 <= real_part(value) <= 1
        return function(value)
    return evaluate


def by_mpmath(function):
    def evaluate(value, _point):
        if abs(as_mp(value)) > MAX_MAGNITUDE // 2:
            raise Undefined("too large")
        return function(as_mp(value))
    return evaluate


def sign(value, _point):
    if not is_real(value):
        raise Undefined("the sign of a complex number")
    return Fraction((real_part(value) > 0) - (real_part(value) < 0))


def factorial(value, _point=None):
    whole = near_whole(value)
    if whole is not None:
        if whole < 0 or whole > MAX_FACTORIAL:
            raise Undefined("a factorial out of bounds")
        return Fraction(math.factorial(whole))
    if abs(as_mp(value)) > MAX_FACTORIAL:
        raise Undefined("a factorial out of bounds")
    return mp.gamma(as_mp(value) + 1)


def double_factorial(value, _point):
    whole = near_whole(value)
    if whole is None or not 0 <= whole <= MAX_FACTORIAL:
        raise Undefined("a double factorial")
    return Fraction(math.prod(range(whole, 0, -2)))


OF_ONE_NUMBER = {
    "abs": absolute, "norm": absolute, "floor": rounded(True), "ceiling": rounded(False),
    "ceil": rounded(False), "log": logarithm, "exp": exponential, "sgn": sign,
    "factorial": factorial, "double_factorial": double_factorial,
    "arcsin": arc(mp.asin, -1, 1), "arccos": arc(mp.acos, -1, 1),
    "arctan": by_mpmath(mp.atan), "arccot": lambda value, _: mp.pi / 2 - mp.atan(as_mp(value)),
    "arcsec": reciprocal_arc(mp.acos), "arccsc": reciprocal_arc(mp.asin),
    "sinh": by_mpmath(mp.sinh), "cosh": by_mpmath(mp.cosh), "tanh": by_mpmath(mp.tanh),
    "coth": by_mpmath(mp.coth), "sech": by_mpmath(mp.sech), "csch": by_mpmath(mp.csch),
    "arcsinh": by_mpmath(mp.asinh), "arccosh": arc(mp.acosh, 1, mp.inf),
    "arctanh": arc(mp.atanh, -1, 1),
    "cbrt": lambda value, point: raise_to(value, Fraction(1, 3), point),
}


def whole_numbers(values):
    wholes = [near_whole(value) if is_real(value) else None for value in values]
    if None in wholes or any(abs(whole).bit_length() > MAX_BITS for whole in wholes):
        raise Undefined("no whole number")
    return wholes


def binomial(above, below):
    n, k = near_whole(above), near_whole(below)
    if n is not None and k is not None and 0 <= n <= MAX_FACTORIAL:
        return Fraction(math.comb(n, k) if k >= 0 else 0)
    if k is not None and 0 <= k <= MAX_FACTORIAL and isinstance(above, Fraction):
        return math.prod((above - j for j in range(k)), start=Fraction(1)) / math.factorial(k)
    if abs(as_mp(above)) > MAX_FACTORIAL or abs(as_mp(below)) > MAX_FACTORIAL:
        raise Undefined("a binomial out of bounds")
    return mp.binomial(as_mp(above), as_mp(below))


def modulo(value, modulus):
    value, modulus = whole_numbers([value, modulus])
    if not modulus:
        raise Undefined("modulo zero")
    return Fraction(value % modulus)


OF_WHOLE_NUMBERS = {
    "gcd": lambda *values: Fraction(math.gcd(*whole_numbers(values))),
    "lcm": lambda *values: Fraction(math.lcm(*whole_numbers(values))),
    "mod": modulo, "binomial": binomial,
}


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

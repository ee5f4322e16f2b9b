"""Functions of numbers (numbers.py), by their names in the trees."""
import math
from fractions import Fraction

from mpmath import mp

from equality.numbers import (MAX_BITS, MAX_MAGNITUDE, as_mp, is_real, is_tiny, near_whole, quotient,
                              raise_to, real_part)
from equality.unreadable import Undefined

MAX_FACTORIAL = 1000


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

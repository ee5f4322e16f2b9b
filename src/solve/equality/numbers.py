"""Numbers as they are computed with: exact fractions, else numbers of mpmath to the precision
that is set there; and their powers.

Roots mean what they mean in school: an odd root of a negative number is negative, an even
one is imaginary. That one was met is told by `point.strained`.
"""
import math
from fractions import Fraction

from mpmath import mp

from equality.unreadable import Undefined

MAX_BITS = 1 << 14  # of a power that is computed exactly
MAX_MAGNITUDE = 1 << 15  # bits before the point


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


def quotient(a, b):
    if is_tiny(b):
        raise Undefined("divides by zero")
    return a / b


# --- Powers --------------------------------------------------------------------------


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

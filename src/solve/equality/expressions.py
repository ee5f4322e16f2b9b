"""Whether two expressions have the same value wherever they have one."""
from fractions import Fraction
from typing import NamedTuple

from mpmath import mp

from equality import tree
from equality.evaluate import Point, value_at
from equality.numbers import as_mp
from equality.points import sample_points, spare_points
from equality.unreadable import Undefined, Unreadable

PRECISION = 160  # bits
CONFIRMING_PRECISION = 1600  # what differs in fewer than these shares of the largest number
GUARD = 70  # bits that rounding may cost
MAX_PRECISION = 40000
MIN_AGREED = 5
VANISHING = {("call", "binomial"), ("call", "floor"), ("call", "mod"), ("call", "max"),
             ("call", "min")}

mp.prec = PRECISION


def equal(a, b):
    if a == b:
        return True
    if tree.is_matrix(a) or tree.is_matrix(b):
        return equal_matrices(a, b)
    if "based" in (a[0], b[0]):
        return False
    infinities = [infinite_sign(a), infinite_sign(b)]
    if any(infinities):
        return infinities[0] == infinities[1]
    if not tree.varies(a) and not tree.varies(b):
        return equal_numbers(a, b)
    return agree_at_points(a, b)


def equal_matrices(a, b):
    if not (tree.is_matrix(a) and tree.is_matrix(b)) or tree.shape(a) != tree.shape(b):
        return False
    return all(equal(x, y) for first, second in zip(a[1], b[1]) for x, y in zip(first, second))


def infinite_sign(value):
    """1 or -1 for an infinity, else 0."""
    if value[0] == "infinity":
        return 1
    return -infinite_sign(value[1]) if value[0] == "negate" else 0


def equal_numbers(a, b):
    """At two precisions: what differs, shows at the higher one."""
    try:
        first, second = (observe(side, Point({}), PRECISION) for side in (a, b))
        if not agree(first, second) or first.is_exact(second):
            return agree(first, second)
        return confirm(a, b, Point({}), first, second)
    except Undefined as reason:
        raise Unreadable(str(reason)) from reason


class Observed(NamedTuple):
    """What an expression is at a point."""
    value: object
    precision: int
    magnitude: int  # bits before the point of the largest number on the way
    strained: bool  # it left the real numbers

    def is_exact(self, other):
        return isinstance(self.value, Fraction) and isinstance(other.value, Fraction)


def observe(side, point, precision):
    before = mp.prec
    mp.prec = precision
    try:
        fresh = Point(point.values, point.seed)
        value = value_at(side, fresh)
        return Observed(value, precision, fresh.magnitude, fresh.strained)
    finally:
        mp.prec = before


def agree(first, second):
    if first.is_exact(second):
        return first.value == second.value
    before = mp.prec
    mp.prec = first.precision
    try:
        difference = as_mp(first.value) - as_mp(second.value)
    finally:
        mp.prec = before
    largest = max(first.magnitude, second.magnitude)
    return not difference or mp.mag(difference) < largest - first.precision + GUARD


def confirm(a, b, point, first, second):
    """The same where even small parts of large numbers would show."""
    precision = CONFIRMING_PRECISION + 2 * max(first.magnitude, second.magnitude)
    if precision > MAX_PRECISION:
        raise Undefined("too large to tell")
    return agree(observe(a, point, precision), observe(b, point, precision))


class Looks:
    """Two expressions at one point after the other."""

    def __init__(self, a, b):
        self.a, self.b = a, b
        self.agreed = 0
        self.strained = []
        self.confirmed = False
        # Zeros tell nothing of what is zero at most points.
        self.vanishing = any(part[:2] in VANISHING for side in (a, b) for part in tree.parts(side))

    def at(self, point):
        """False where the point tells the two apart. Where one of the two is real and the other
        is not, it does; where neither is, it tells nothing if they differ there."""
        try:
            first, second = (observe(side, point, PRECISION) for side in (self.a, self.b))
            same = agree(first, second)
            if same and not self.confirmed and not first.is_exact(second):
                same = self.confirmed = confirm(self.a, self.b, point, first, second)
        except Undefined:
            return True
        if first.strained and second.strained:
            self.strained.append(same)
            return True
        self.agreed += bool(same and (first.value or not self.vanishing))
        return same

    def suffice(self):
        return self.agreed + (len(self.strained) if all(self.strained) else 0) >= MIN_AGREED


def agree_at_points(a, b):
    looks = Looks(a, b)
    if not all(looks.at(point) for point in sample_points([a, b])):
        return False
    for point in spare_points([a, b]):
        if looks.suffice():
            return True
        if not looks.at(point):
            return False
    return looks.suffice()

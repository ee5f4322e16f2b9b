"""At which points two expressions are compared: random ones, always the same for the
same two, of many sizes and both signs, and on both sides of every bend.
"""
import random
from fractions import Fraction

from mpmath import mp

from equality import tree
from equality.evaluate import Point, value_at
from equality.numbers import as_mp, is_real, real_part
from equality.unreadable import Undefined

NUM_PLAIN = 12
NUM_SPARE = 40  # where most of the others tell nothing
NUM_TRIED = 40  # beyond them, for signs that were not seen
# Lowest and highest of a variable, in turn.
RANGES = ((0, 1), (1, 4), (-4, -1), (-1, 0), (2, 30), (-30, -2), (0, 3), (30, 1000),
          (-1000, -30), (0, 1), (1, 9), (-9, 0))
WHOLE_RANGES = ((0, 6), (12, 40), (1, 9), (0, 2), (3, 14), (30, 60), (1, 4))
ABOVE, BELOW = ((40, 90), (60, 120)), ((0, 3), (1, 5))
BENDS = {"abs", "norm", "floor", "ceiling", "ceil", "max", "min", "sgn", "log", "root"}


def sample_points(expressions):
    """Points for all the variables of the expressions, one after the other."""
    names = sorted(set().union(*(tree.symbols(e) for e in expressions)))
    whole = whole_ranges(expressions)
    generator = random.Random(len(names))
    for index in range(NUM_PLAIN):
        yield random_point(names, whole, index, generator)
    yield from points_at_bends(expressions, names, whole, generator)


def spare_points(expressions):
    """More of them."""
    names = sorted(set().union(*(tree.symbols(e) for e in expressions)))
    whole = whole_ranges(expressions)
    generator = random.Random(NUM_SPARE + len(names))
    for index in range(NUM_SPARE):
        yield random_point(names, whole, index + NUM_PLAIN, generator)


def random_point(names, whole, index, generator, scale=1):
    values = {}
    for place, name in enumerate(names):
        # The first points move all together, later ones each for itself.
        turn = index if index < 4 else generator.randrange(len(RANGES)) + place
        if name in whole:
            ranges = WHOLE_RANGES if index % 2 else whole[name]
            low, high = ranges[turn % len(ranges)]
            values[name] = Fraction(generator.randint(low, high))
        else:
            low, high = RANGES[turn % len(RANGES)]
            share = Fraction(generator.randint(1, 996), 997)
            values[name] = (low + (high - low) * share) * scale
    return Point(values, seed=index + 1)


def whole_ranges(expressions):
    """Ranges to choose from, in half of the points, for the variables that stand for whole
    numbers. Of a binomial's they are such that it is not zero."""
    ranges = dict.fromkeys(whole_variables(expressions), WHOLE_RANGES)
    for part in (part for e in expressions for part in tree.parts(e)):
        if part[:2] == ("call", "binomial"):
            above, below = tree.symbols(part[2]), tree.symbols(part[3])
            ranges.update(dict.fromkeys(above - below, ABOVE))
            ranges.update(dict.fromkeys(below - above, BELOW))
    return ranges


def whole_variables(expressions):
    """Variables that stand for whole numbers: bounds of sums, what a factorial is taken
    of, exponents of -1 and other negative numbers."""
    found = set()
    for part in (part for e in expressions for part in tree.parts(e)):
        if part[:1] in (("sum",), ("product",)):
            found |= tree.symbols(part[2]) | tree.symbols(part[3])
        elif part[:1] == ("call",) and part[1] in ("factorial", "double_factorial", "binomial",
                                                   "gcd", "lcm", "mod"):
            found |= tree.symbols(part)
        elif part[:1] == ("power",) and is_negative_number(part[1]):
            found |= tree.symbols(part[2])
    return found


def is_negative_number(part):
    return (part[0] == "number" and part[1] < 0) or (
        part[0] == "negate" and not tree.varies(part[1]))


# --- Bends ---------------------------------------------------------------------------


def bends(expressions):
    """What changes its sign where an absolute value, a root or a step bends."""
    found = []
    for part in (part for e in expressions for part in tree.parts(e)):
        if part[:1] == ("call",) and part[1] in BENDS:
            found.extend(part[2:])
            if part[1] in ("max", "min") and len(part) == 4:
                found.append(("add", part[2], ("negate", part[3])))
        elif part[:1] == ("root",):
            found.append(part[2])
            found.extend(square[1] for square in tree.parts(part[2]) if square[:1] == ("power",))
        elif part[:1] == ("power",) and part[2][0] == "divide":
            found.append(part[1])
            found.extend(square[1] for square in tree.parts(part[1]) if square[:1] == ("power",))
    return [bend for bend in dict.fromkeys(found) if tree.symbols(bend)]


def sign_at(bend, point):
    try:
        value = value_at(bend, Point(point.values, point.seed))
    except Undefined:
        return None
    return real_part(as_mp(value)) > 0 if is_real(value) else None


def points_at_bends(expressions, names, whole, generator):
    """Points that show each bend from either side, as far as they can be found."""
    wanted = [(bend, side) for bend in bends(expressions) for side in (True, False)]
    if not wanted:
        return
    for index in range(NUM_TRIED):
        point = random_point(names, whole, index, generator, Fraction(10) ** (index % 7 - 3))
        seen = [(bend, side) for bend, side in wanted if sign_at(bend, point) == side]
        if seen:
            wanted = [entry for entry in wanted if entry not in seen]
            yield point
        if not wanted:
            return
    for bend in dict.fromkeys(bend for bend, _ in wanted):
        yield from points_around_zero(bend, names, whole, generator)


def points_around_zero(bend, names, whole, generator):
    """On both sides of where it is zero along each variable, if it is a line there."""
    for name in sorted(tree.symbols(bend)):
        start = random_point(names, whole, 1, generator)
        try:
            first, second = (value_at(bend, Point({**start.values, name: Fraction(at)}, 1))
                             for at in (0, 1))
        except Undefined:
            continue
        if not is_real(first) or not is_real(second) or first == second:
            continue
        at = real_part(as_mp(first)) / (real_part(as_mp(first)) - real_part(as_mp(second)))
        if abs(at) > mp.mpf(10) ** 30:
            continue
        zero = Fraction(int(mp.floor(at * 1024)), 1024)
        for step in (-50, Fraction(-1, 7), Fraction(1, 7), 50):
            moved = Fraction(int(zero + step * 8)) if name in whole else zero + step
            yield Point({**start.values, name: moved}, 1)

"""Equations, inequalities, and the numbers that they are true of."""
from fractions import Fraction

from mpmath import mp

from equality import expressions, intervals, tree
from equality.evaluate import Point
from equality.numbers import as_mp, is_real, real_part
from equality.points import sample_points
from equality.unreadable import Undefined, Unreadable

MIN_RATIOS = 4
LINE_PROBES = (2, -7, Fraction(13, 3), 1001, -(10**9))
TOLERANCE = mp.mpf(2) ** -80  # of ratios that are computed to 160 bits
PROBES = [Fraction(n, d) for n, d in ((0, 1), (1, 3), (-1, 3), (7, 5), (-7, 5), (5, 1), (-5, 1),
                                      (50, 3), (-50, 3), (1000, 7), (-1000, 7), (10**6, 1),
                                      (-10**6, 1))]


def steps(relation):
    """Its single relations, as (operator, left side - right side); swapped ones one way."""
    found = []
    for operator, left, right in zip(relation[1], relation[2], relation[2][1:]):
        if operator in (">", ">="):
            operator, left, right = operator.replace(">", "<"), right, left
        found.append((operator, ("add", left, ("negate", right)), left, right))
    return found


def equal(a, b):
    """Up to a factor, and the order of a chain's relations; or true of the same numbers."""
    return equal_steps(a, b) or same_solutions(a, b)


def same_solutions(a, b):
    """Of inequalities on one variable: |x| < 3 and -3 < x < 3."""
    variables = tree.symbols(a)
    if len(variables) != 1 or variables != tree.symbols(b) or (
            set(a[1] + b[1]) <= {"="} or unknown_of((a, b))):
        return False
    for one, other in ((a, b), (b, a)):
        try:
            wanted = solution_pieces(("solutions", next(iter(variables)), (one,), ","))
            return matches(((other,), ",", variables), wanted)
        except (Undefined, Unreadable):
            continue
    return False


def equal_steps(a, b):
    rest = steps(b)
    for step in steps(a):
        match = next((i for i, other in enumerate(rest) if equal_step(step, other)), None)
        if match is None:
            return False
        del rest[match]
    return not rest


def equal_step(a, b):
    if a[0] != b[0]:
        return False
    if not tree.varies(a[1]) or not tree.varies(b[1]):
        return expressions.equal(a[2], b[2]) and expressions.equal(a[3], b[3])
    ratios = []
    for point in sample_points([a[1], b[1]]):
        try:
            first, second = (expressions.observe(side, point, expressions.PRECISION)
                             for side in (a[1], b[1]))
        except Undefined:
            continue
        if bool(first.value) != bool(second.value):
            return False
        if first.value:
            ratios.append(as_mp(first.value) / as_mp(second.value))
    if len(ratios) < MIN_RATIOS:
        return False
    if not all(abs(ratio - ratios[0]) <= TOLERANCE * abs(ratio) for ratio in ratios):
        return False
    return a[0] in ("=", "!=") or (is_real(ratios[0]) and real_part(ratios[0]) > 0)


# --- The numbers of which they are true --------------------------------------------------


def conditions_of(value):
    """(conditions, joiner, variable) of an inequality or several; None for others."""
    if value[0] == "relation":
        conditions, joiner = (value,), ","
    elif value[0] == "set" and value[1] and all(v[0] == "relation" for v in value[1]):
        conditions, joiner = value[1], value[2]
    elif value[0] == "solutions":
        conditions, joiner = value[2], value[3]
    else:
        return None
    variables = set().union(*(tree.symbols(condition) for condition in conditions))
    if len(variables) != 1 and unknown_of(conditions) is None:
        return None
    return conditions, joiner, variables


def unknown_of(conditions):
    """f(x) in 0 < f(x) < 1: what a condition speaks of, where that is no variable."""
    found = {part for condition in conditions for part in tree.parts(condition)
             if part[:1] == ("value",)}
    return found.pop() if len(found) == 1 else None


def holds(conditions, joiner, variable, number):
    results = [condition_holds(condition, variable, number) for condition in conditions]
    return any(results) if joiner == "or" else all(results)


def condition_holds(condition, variable, number):
    if condition[0] == "named":
        condition = condition[3] or ("relation", (), ())
    for operator, difference, _, _ in steps(condition):
        changed = tree.replace(difference, lambda part: (
            ("exactly", number) if part == variable else None))
        changed = tree.replace(changed, lambda part: number if part[:1] == ("exactly",) else None)
        seen = expressions.observe(changed, Point({}), expressions.PRECISION)
        if not is_real(seen.value) or seen.strained:
            return False
        difference_is_zero = expressions.equal(changed, tree.ZERO)
        value = 0 if difference_is_zero else real_part(as_mp(seen.value))
        if not {"=": value == 0, "!=": value != 0, "<": value < 0, "<=": value <= 0}[operator]:
            return False
    return True


def describe_same_numbers(a, b):
    """Whether an inequality is true of an interval's numbers, and of no others: asked at the
    interval's ends, beside them, between them, and far away."""
    found, other = conditions_of(a), b
    if found is None:
        found, other = conditions_of(b), a
    if found is None:
        return False
    try:
        wanted = intervals.pieces(other)
        return matches(found, wanted)
    except (Undefined, Unreadable):
        return False


def matches(found, wanted):
    conditions, joiner, variables = found
    unknown = unknown_of(conditions)
    variable = unknown if unknown is not None else ("symbol", next(iter(variables)))
    return all(holds(conditions, joiner, variable, probe) == contains(wanted, probe)
               for probe in probes(wanted))


def contains(wanted, number):
    end = intervals.end_of(number)
    return bool(intervals.intersect(wanted, [(end, True, end, True)]))


def probes(wanted):
    """Trees of the numbers to ask at."""
    found = [tree.number(probe) for probe in PROBES]
    ends = [end for piece in wanted for end in (piece[0], piece[2]) if not mp.isinf(end[0])]
    for end in ends:
        found.append(end[1])
        for step in (Fraction(1, 10**6), Fraction(1, 3), 1, 7):
            found.append(("add", end[1], tree.number(step)))
            found.append(("add", end[1], tree.number(-step)))
    for first, second in zip(ends, ends[1:]):
        found.append(("divide", ("add", first[1], second[1]), tree.TWO))
    return found


def boundaries(conditions, variable):
    """Where conditions that are linear in their variable may begin or end to hold."""
    found = []
    for condition in conditions:
        if condition[0] == "named":
            condition = condition[3] or ("relation", (), ())
        for _, difference, _, _ in steps(condition):
            found.append(zero_of_line(difference, variable))
    return found


def zero_of_line(difference, variable):
    """Where a difference that is linear in the variable is zero."""
    if any(part[:1] in (("call",), ("root",), ("value",)) and variable in tree.parts(part)
           for part in tree.parts(difference)):
        raise Unreadable("a condition that bends")
    at = {n: tree.replace(difference, lambda part, n=n: tree.number(n) if part == variable else None)
          for n in (0, 1) + LINE_PROBES}
    slope = ("add", at[1], ("negate", at[0]))
    if tree.varies(slope) or not all(expressions.equal(
            at[n], ("add", at[0], ("multiply", tree.number(n), slope))) for n in LINE_PROBES):
        raise Unreadable("a condition that is not linear")
    return ("negate", ("divide", at[0], slope))


def solution_pieces(value):
    """The set of the numbers that conditions are true of."""
    found = conditions_of(value)
    if found is None or found[2] != {value[1]}:
        raise Unreadable("conditions on several variables")
    conditions, joiner, _ = found
    variable = ("symbol", value[1])
    ends = [intervals.end_of(end) for end in boundaries(conditions, variable)]
    ends = [piece[0] for piece in intervals.unite([(end, True, end, True) for end in ends])]
    held = []
    lows = [intervals.MINUS_INFINITY] + ends
    for low, high in zip(lows, ends + [intervals.PLUS_INFINITY]):
        if holds(conditions, joiner, variable, between(low, high)):
            held.append((low, False, high, False))
    held += [(end, True, end, True) for end in ends
             if holds(conditions, joiner, variable, end[1])]
    return intervals.unite(held)


def between(low, high):
    if mp.isinf(low[0]) and mp.isinf(high[0]):
        return tree.ZERO
    if mp.isinf(low[0]):
        return ("add", high[1], tree.number(-1))
    if mp.isinf(high[0]):
        return ("add", low[1], tree.ONE)
    return ("divide", ("add", low[1], high[1]), tree.TWO)


def equal_solutions(a, b):
    """Where they could not be computed: the same conditions."""
    return a[1] == b[1] and a[3] == b[3] and len(a[2]) == len(b[2]) and all(
        one[0] == other[0] == "relation" and equal(one, other) for one, other in zip(a[2], b[2]))

"""Sets of real numbers: points, intervals, and what unions and differences make of them.

A set is a list of pieces (low, low_closed, high, high_closed) in order and apart; an end
is (value, tree), value a real number of mpmath or an infinity.
"""
import functools

from mpmath import mp

from equality import expressions, tree
from equality.evaluate import Point
from equality.numbers import as_mp, is_real, real_part
from equality.unreadable import Undefined, Unreadable

OPERATIONS = {"union", "intersection", "difference"}
MINUS_INFINITY = (mp.mpf("-inf"), ("negate", ("infinity",)))
PLUS_INFINITY = (mp.mpf("inf"), ("infinity",))
EVERYTHING = [(MINUS_INFINITY, False, PLUS_INFINITY, False)]


def is_interval(value):
    return value[0] == "sequence" and len(value[3]) == 2 and value[1] in ("(", "[") and (
        value[2] in (")", "]")) and all(end[0] == "expression" for end in value[3])


def is_set_of_numbers(value):
    """Whether nothing but a set of numbers can be meant: not (1, 2), which may be a pair."""
    return value[0] in OPERATIONS or (value[0] == "solutions") or (
        is_interval(value) and any(tree_is_infinite(end[1]) for end in value[3])) or (
        is_interval(value) and (value[1], value[2]) in (("[", ")"), ("(", "]")))


def both_sets_of_numbers(a, b):
    """Whether one of the two is a set of numbers for sure and the other may be one."""
    return any(is_set_of_numbers(one) and (is_set_of_numbers(other) or is_interval(other) or
                                           other[0] == "set") for one, other in ((a, b), (b, a)))


def tree_is_infinite(value):
    return expressions.infinite_sign(value) != 0


def equal(a, b):
    """None where one of the two cannot be computed."""
    try:
        return equal_pieces(pieces(a), pieces(b))
    except (Undefined, Unreadable):
        return None


def equal_pieces(first, second):
    return len(first) == len(second) and all(
        one[1] == other[1] and one[3] == other[3] and compare(one[0], other[0]) == 0
        and compare(one[2], other[2]) == 0 for one, other in zip(first, second))


def pieces(value):
    """Of a value of answers.py."""
    if value[0] == "union":
        return unite(pieces(value[1]) + pieces(value[2]))
    if value[0] == "intersection":
        return intersect(pieces(value[1]), pieces(value[2]))
    if value[0] == "difference":
        return intersect(pieces(value[1]), complement(pieces(value[2])))
    if value[0] == "set":
        return unite([point_piece(member) for member in value[1]])
    if value[0] == "solutions":
        from equality import relations
        return relations.solution_pieces(value)
    if is_interval(value):
        low, high = (end_of(end[1]) for end in value[3])
        piece = (low, value[1] == "[", high, value[2] == "]")
        return [piece] if is_proper(piece) else []
    raise Unreadable("no set of numbers")


def point_piece(value):
    if value[0] != "expression":
        raise Unreadable("no number")
    end = end_of(value[1])
    return (end, True, end, True)


def end_of(value):
    sign = expressions.infinite_sign(value)
    if sign:
        return PLUS_INFINITY if sign > 0 else MINUS_INFINITY
    if tree.varies(value) or tree.is_matrix(value):
        raise Unreadable("an end that varies")
    seen = expressions.observe(value, Point({}), expressions.PRECISION)
    if not is_real(seen.value):
        raise Unreadable("an end that is not real")
    return (as_mp(real_part(seen.value)), value)


def compare(a, b):
    """-1, 0 or 1; exactly where the numbers are close."""
    if not mp.isinf(a[0]) and not mp.isinf(b[0]) and abs(a[0] - b[0]) < mp.mpf(2) ** -40 * (
            1 + abs(a[0])) and expressions.equal(a[1], b[1]):
        return 0
    return -1 if a[0] < b[0] else int(a[0] > b[0])


def is_proper(piece):
    order = compare(piece[0], piece[2])
    return order < 0 or (order == 0 and piece[1] and piece[3])


def unite(given):
    """Pieces in order, those that meet made one."""
    def first(a, b):
        return compare(a[0], b[0]) or int(b[1]) - int(a[1])

    united = []
    for piece in sorted(given, key=functools.cmp_to_key(first)):
        if united:
            low, low_closed, high, high_closed = united[-1]
            gap = compare(high, piece[0])
            if gap > 0 or (gap == 0 and (high_closed or piece[1])):
                order = compare(high, piece[2])
                if order < 0:
                    high, high_closed = piece[2:]
                elif order == 0:
                    high_closed = high_closed or piece[3]
                united[-1] = (low, low_closed, high, high_closed)
                continue
        united.append(piece)
    return united


def intersect(first, second):
    found = []
    for one in first:
        for other in second:
            order = compare(one[0], other[0])
            low = one[:2] if order > 0 else other[:2] if order < 0 else (one[0], one[1] and other[1])
            order = compare(one[2], other[2])
            high = one[2:] if order < 0 else other[2:] if order > 0 else (
                one[2], one[3] and other[3])
            if is_proper(low + high):
                found.append(low + high)
    return unite(found)


def complement(given):
    found, low, closed = [], MINUS_INFINITY, False
    for piece in given:
        gap = (low, closed, piece[0], not piece[1])
        if not mp.isinf(piece[0][0]) and is_proper(gap):
            found.append(gap)
        low, closed = piece[2], not piece[3]
    if not (mp.isinf(low[0]) and low[0] > 0):
        found.append((low, closed, PLUS_INFINITY, False))
    return found

"""Expressions as trees: tuples that begin with what they are.

    ("number", Fraction)        ("symbol", name)         ("constant", "e" | "i" | "pi")
    ("infinity",)               ("sign", which, side)    a +- of an answer, and its side
    ("add" | "multiply" | "divide" | "power", a, b)      ("negate", a)
    ("root", degree, a)         ("call", function, arguments...)
    ("value", name, arguments...)   of a function or sequence that nothing is known of
    ("sum" | "product", index, first, last, body)
    ("degrees", a)              ("based", digits, base)
    ("matrix", rows)            of trees; sums and products of matrices are made here
"""
from fractions import Fraction

from equality.unreadable import Unreadable

MAX_MATRIX_WORK = 512  # products of elements


def number(value):
    return ("number", Fraction(value))


ZERO, ONE, TWO = number(0), number(1), number(2)


def is_matrix(tree):
    return tree[0] == "matrix"


def shape(matrix):
    return len(matrix[1]), len(matrix[1][0])


def each_element(matrix, change):
    return ("matrix", tuple(tuple(change(element) for element in row) for row in matrix[1]))


def negate(a):
    return each_element(a, negate) if is_matrix(a) else ("negate", a)


def add(a, b):
    if not is_matrix(a) and not is_matrix(b):
        return ("add", a, b)
    if not is_matrix(a) or not is_matrix(b) or shape(a) != shape(b):
        raise Unreadable("a sum of matrices of other shapes")
    return ("matrix", tuple(tuple(map(add, first, second)) for first, second in zip(a[1], b[1])))


def multiply(a, b):
    if is_matrix(a) and is_matrix(b):
        return multiply_matrices(a, b)
    if is_matrix(a):
        return each_element(a, lambda element: multiply(element, b))
    if is_matrix(b):
        return each_element(b, lambda element: multiply(a, element))
    return ("multiply", a, b)


def multiply_matrices(a, b):
    rows, inner = shape(a)
    if inner != shape(b)[0] or rows * inner * shape(b)[1] > MAX_MATRIX_WORK:
        raise Unreadable("a product of matrices of other shapes")
    columns = list(zip(*b[1]))
    return ("matrix", tuple(tuple(dot(row, column) for column in columns) for row in a[1]))


def dot(row, column):
    total = ("multiply", row[0], column[0])
    for x, y in zip(row[1:], column[1:]):
        total = ("add", total, ("multiply", x, y))
    return total


def divide(a, b):
    if is_matrix(b):
        raise Unreadable("divides by a matrix")
    return each_element(a, lambda element: divide(element, b)) if is_matrix(a) else ("divide", a, b)


def power(a, b):
    if is_matrix(b) or (is_matrix(a) and b[0] != "symbol"):
        raise Unreadable("a power of a matrix")
    if is_matrix(a):
        if b[1] not in ("T", "t"):
            raise Unreadable("a power of a matrix")
        return ("matrix", tuple(zip(*a[1])))
    return ("power", a, b)


def determinant(matrix):
    rows, columns = shape(matrix)
    if rows != columns or rows > 5:
        raise Unreadable("no determinant")
    return minor(matrix[1], tuple(range(rows)))


def minor(rows, columns):
    """By the first of `rows`, of the columns that are left."""
    if len(columns) == 1:
        return rows[0][columns[0]]
    total = ZERO
    for place, column in enumerate(columns):
        rest = columns[:place] + columns[place + 1:]
        term = ("multiply", rows[0][column], minor(rows[1:], rest))
        total = ("add", total, negate(term) if place % 2 else term)
    return total


def replace(value, change):
    """The same tuples with `change` applied to each, from outside in, where it gives one."""
    if not isinstance(value, tuple):
        return value
    changed = change(value)
    return changed if changed is not None else tuple(replace(part, change) for part in value)


def parts(value):
    """All tuples in it, itself first."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            yield part
            waiting.extend(part)


def symbols(value):
    """Names of the variables that are free in it."""
    bound = {part[1] for part in parts(value) if part[:1] in (("sum",), ("product",))}
    return {part[1] for part in parts(value) if part[:1] == ("symbol",)} - bound


def varies(value):
    """Whether it has no value of its own: variables, or functions that nothing is known of."""
    return any(part[:1] in (("symbol",), ("value",)) for part in parts(value))

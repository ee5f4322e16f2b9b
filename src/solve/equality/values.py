"""Whether two answers (answers.py says what they are) mean the same."""
from equality import expressions, intervals, relations, tree
from equality.unreadable import Unreadable


def equal(expected, given, lenient=False):
    """`lenient` where the first is a problem's expected answer: an interval and an
    inequality are one answer then, whichever of the two was expected."""
    for one, other in ((expected, given), (given, expected)):
        if one[0] in WRAPPERS:
            return WRAPPERS[one[0]](one, other, lenient, one is expected)
    if intervals.both_sets_of_numbers(expected, given):
        verdict = intervals.equal(expected, given)
        if verdict is not None:
            return verdict
    if expected[0] == given[0]:
        return SAME_KIND[expected[0]](expected, given)
    kinds = {expected[0], given[0]}
    if kinds == {"expression", "ratio"}:
        return equal_quotient(expected, given)
    return (lenient or "solutions" in kinds) and relations.describe_same_numbers(expected, given)


# --- Kinds that stand around others ----------------------------------------------------


def in_order(one, other, is_first):
    return (one, other) if is_first else (other, one)


def equal_choice(one, other, lenient, is_first):
    letter, content = one[1], one[2]
    if other[0] == "choice":
        same_content = content is None or other[2] is None or equal(content, other[2])
        return letter == other[1] and same_content
    if other == ("expression", ("symbol", letter)):
        return True
    return content is not None and equal(*in_order(content, other, is_first), lenient)


def equal_named(one, other, lenient, is_first):
    name, value, relation = one[1:]
    if other[0] == "named":
        if relation and other[3] and relations.equal(relation, other[3]):
            return True
        return names_agree(name, other[1]) and equal(*in_order(value, other[2], is_first), lenient)
    if other[0] == "relation" and relation:
        if relations.equal(relation, other):
            return True
    return equal(*in_order(value, other, is_first), lenient)


def names_agree(a, b):
    """f(x) = 2x may be said of y, and a word of anything."""
    if a.key == b.key or "label" in (a.kind, b.kind):
        return True
    return "function" in (a.kind, b.kind) and (a.kind == b.kind or "y" in (a.key, b.key))


def equal_quantity(one, other, lenient, is_first):
    if other[0] == "quantity":
        return one[2] == other[2] and equal(*in_order(one[1], other[1], is_first), lenient)
    return equal(*in_order(one[1], other, is_first), lenient)


def equal_assignment(one, other, lenient, is_first):
    """Values by their names, or in order where the other side has none."""
    labels, values = one[1], one[2]
    if other[0] == "assignment":
        if set(labels) != set(other[1]):
            return False
        others = dict(zip(other[1], other[2]))
        return all(equal(value, others[label]) for label, value in zip(labels, values))
    if other[0] == "sequence" and (other[1], other[2]) == ("(", ")"):
        return equal_lists(values, other[3])
    if other[0] == "set":
        # x_1 and x_2 only number what has no order.
        numbered = len({label.split("_")[0] for label in labels}) == 1
        return (equal_sets if numbered else equal_lists)(values, other[1])
    return False


WRAPPERS = {"choice": equal_choice, "named": equal_named, "assignment": equal_assignment,
            "quantity": equal_quantity}


# --- Two of a kind -------------------------------------------------------------------


def equal_lists(first, second):
    return len(first) == len(second) and all(map(equal, first, second))


def equal_sets(first, second):
    """As sets: equal elements count once."""
    first, second = distinct(first), distinct(second)
    if len(first) != len(second):
        return False
    rest = list(second)
    for value in first:
        match = next((i for i, other in enumerate(rest) if equal(value, other)), None)
        if match is None:
            return False
        del rest[match]
    return True


def distinct(values):
    found = []
    for value in values:
        if not any(equal(value, other) for other in found):
            found.append(value)
    return found


def equal_ratios(a, b):
    if len(a[1]) != len(b[1]):
        return False
    if a[2] and b[2]:  # two times of a day, as far as can be told
        return a[1] == b[1]
    return all(expressions.equal(("multiply", first, b[1][0]), ("multiply", a[1][0], second))
               for first, second in zip(a[1][1:], b[1][1:])) and not has_zero(a) and (
                   not has_zero(b))


def has_zero(ratio):
    return any(not tree.varies(term) and expressions.equal(term, tree.ZERO) for term in ratio[1])


def equal_quotient(a, b):
    ratio, number = (a, b) if a[0] == "ratio" else (b, a)
    if len(ratio[1]) != 2 or ratio[2] or has_zero(ratio):
        return False
    return expressions.equal(("divide",) + ratio[1], number[1])


def equal_residues(a, b):
    if not expressions.equal(a[2], b[2]) or tree.varies(a[2]):
        return a == b
    reduced = [tuple(("expression", ("call", "mod", value[1], side[2])) for value in side[1]
                     if value[0] == "expression") for side in (a, b)]
    if any(len(values) != len(side[1]) for values, side in zip(reduced, (a, b))):
        raise Unreadable("a congruence")
    return equal_sets(*reduced)


def equal_sequences(a, b):
    return a[1:3] == b[1:3] and equal_lists(a[3], b[3])


def equal_operations(a, b):
    """Unions and their like that are no sets of numbers."""
    if equal(a[1], b[1]) and equal(a[2], b[2]):
        return True
    return a[0] != "difference" and equal(a[1], b[2]) and equal(a[2], b[1])


SAME_KIND = {
    "expression": lambda a, b: expressions.equal(a[1], b[1]),
    "words": lambda a, b: a[1] == b[1],
    "sequence": equal_sequences,
    "set": lambda a, b: equal_sets(a[1], b[1]),
    "union": equal_operations, "intersection": equal_operations, "difference": equal_operations,
    "solutions": lambda a, b: relations.equal_solutions(a, b),
    "relation": lambda a, b: relations.equal(a, b),
    "ratio": equal_ratios,
    "residue": equal_residues,
}

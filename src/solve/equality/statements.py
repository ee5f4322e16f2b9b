"""What the sides of a chain, and the items of a list, say together. answers.py names the
values that come in and out.
"""
from equality import names, tree
from equality.unreadable import Unreadable


def conclude(sides, operators):
    """The meaning of a chain of sides."""
    if "approx" in operators:
        first = operators.index("approx")
        if first == 0 and sides[0][0] == "name":
            operators, sides = ["="], sides[:2]
        else:
            operators, sides = operators[:first], sides[:first + 1]
    if sides[-1][0] == "residue" or "equiv" in operators:
        return residue(sides)
    if not operators:
        return plain(sides[0])
    if all(operator == "=" for operator in operators):
        return conclude_equation(sides)
    return relation(sides, operators)


def residue(sides):
    value = sides[-1]
    if value[0] == "residue" and len(sides) <= 2:
        return ("residue", tuple(map(plain, value[1])), value[2])
    if len(sides) == 2 and value[0] == "expression" and value[1][:2] == ("call", "mod"):
        return ("residue", (("expression", value[1][2]),), value[1][3])
    if len(sides) == 2 and sides[0][0] == "name":  # the modulus stands behind a list
        return plain(value)
    raise Unreadable("a congruence")


def conclude_equation(sides):
    first, last = sides[0], sides[-1]
    if first[0] == "name" and not (last[0] == "name" and len(sides) == 2):
        return ("named", first[1], plain(last), try_relation([first, last]))
    if last[0] == "name" and first[0] != "name":
        return ("named", last[1], plain(first), try_relation([last, first]))
    if first[0] == "sequence" and len(sides) == 2:
        return assignment_of_tuple(first, plain(last))
    if first[0] == "ratio" and len(sides) == 2 and tree.varies(first):
        return plain(last)
    if first[0] == "expression" and not any(tree.varies(side) for side in sides):
        # \cos\pi = -1 says of which quantity it is, as a name would.
        return ("named", names.Name(repr(first[1]), "quantity", 0), plain(last), None)
    if first[0] == "name" and first[2] is not None and last[2] is not None:
        return ("named", first[1], ("expression", last[2]), try_relation([first, last]))
    return relation(sides, ["="] * (len(sides) - 1))


def assignment_of_tuple(left, right):
    labels = tuple(names.of_tree(value[1]) if value[0] == "expression" else None
                   for value in left[3])
    if None in labels:
        raise Unreadable("an equation of tuples")
    if right[0] == "sequence" and len(right[3]) == len(labels):
        return ("assignment", labels, right[3])
    if right[0] == "set":
        return right
    raise Unreadable("a tuple of another size")


def plain(side):
    if side[0] != "name":
        return side
    if side[2] is None:
        raise Unreadable("a name alone")
    return ("expression", side[2])


def tree_of(side):
    side = plain(side)
    if side[0] == "quantity":
        side = side[1]
    if side[0] != "expression" or tree.is_matrix(side[1]):
        raise Unreadable("no number")
    return side[1]


def try_relation(sides):
    try:
        return relation(sides, ["="])
    except Unreadable:
        return None


def relation(sides, operators):
    trees = [tree_of(side) for side in sides]
    if operators and all(operator in (">", ">=") for operator in operators):
        operators = [operator.replace(">", "<") for operator in reversed(operators)]
        trees.reverse()
    elif any(operator in (">", ">=") for operator in operators):
        raise Unreadable("a chain that turns")
    return ("relation", tuple(operators), tuple(trees))


def combine(values, joiners, braces=False):
    """What the items of a list say together."""
    if ";" in joiners and set(joiners) != {";"}:
        return ("set", tuple(group(part) for part in split(values, joiners)), ",")
    values = inherit_names(values)
    if len(values) == 1 and not braces:
        return values[0]
    kinds = {value[0] for value in values}
    if kinds == {"named"} and not braces:
        return combine_named(values)
    if kinds == {"residue"} or (values[-1][0] == "residue" and kinds == {"residue", "expression"}):
        return combine_residues(values)
    joiner = next((text for text in ("or", "and") if text in joiners), ",")
    return ("set", tuple(values), joiner)


def split(values, joiners):
    groups = [[values[0]]]
    for value, joiner in zip(values[1:], joiners):
        if joiner == ";":
            groups.append([])
        groups[-1].append(value)
    return groups


def group(values):
    """One of several solutions: its numbers are in order."""
    if len(values) == 1 or all(value[0] == "named" for value in values):
        return combine(values, [","] * (len(values) - 1))
    return ("sequence", "(", ")", tuple(values))


def inherit_names(values):
    """In x = 1, 2 the name is that of both."""
    first = values[0]
    rest = values[1:]
    if first[0] == "named" and rest and all(
            value[0] in ("expression", "quantity") for value in rest):
        return [first] + [("named", first[1], value, None) for value in rest]
    if first[0] == "assignment" and all(value[0] == "sequence" and len(value[3]) == len(first[1])
                                        for value in rest):
        return [first] + [("assignment", first[1], value[3]) for value in rest]
    return values


def combine_named(values):
    labels = [value[1] for value in values]
    keys = [label.key for label in labels]
    period = len(dict.fromkeys(keys))
    if period == 1:
        return ("named", labels[0], ("set", tuple(value[2] for value in values), ","), None)
    if keys != keys[:period] * (len(keys) // period):
        return ("set", tuple(values), ",")
    solutions = [("assignment", tuple(keys[:period]),
                  tuple(value[2] for value in values[start:start + period]))
                 for start in range(0, len(values), period)]
    return solutions[0] if len(solutions) == 1 else ("set", tuple(solutions), ",")


def combine_residues(values):
    modulus = values[-1][2]
    members = []
    for value in values:
        if value[0] == "residue" and value[2] != modulus:
            return ("set", tuple(values), ",")
        members.extend(value[1] if value[0] == "residue" else [value])
    return ("residue", tuple(members), modulus)

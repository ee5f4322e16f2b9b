"""What an answer may be said to be: x, x_1, f(x), AB, \\angle ABC, |AB|, \\text{Area}."""
from dataclasses import dataclass

from equality import vocabulary
from equality.lexer import COMMAND, LETTER, SEPARATOR, SYMBOL, WORD

NAMING_COMMANDS = {"angle", "triangle", "overline", "frac", "overarc", "widehat", "arc"} | set(
    vocabulary.CIRCULAR)
OPENING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Name:
    key: str  # the same for the same name
    kind: str  # "variable", "function" (of a variable), "label" (a word) or "quantity"
    end: int  # behind its last token


def of_tree(tree):
    """The name that an expression is, or None."""
    if tree[0] == "symbol":
        return tree[1]
    if tree[0] == "value" and len(tree) == 3 and tree[2][0] in ("number", "symbol"):
        return tree[1] + str(tree[2][1])
    return None


def before_relation(tokens, begin, relations):
    """The name between `begin` and the relation that follows it, or to the end where a
    relation stands before it; None if there is something else."""
    end = relation_after(tokens, begin, relations)
    if end == begin or (end == len(tokens) and begin == 0):
        return None
    at_end = end == len(tokens) or tokens[end].kind == SEPARATOR
    if at_end and not (begin and tokens[begin - 1].text in relations):
        return None
    if not at_end and tokens[end].text not in ("=", "in", "approx", "equiv"):
        return None
    span = tokens[begin:end]
    if not is_name(span):
        return None
    return Name(key(span), kind(span), end)


def relation_after(tokens, begin, relations):
    depth = 0
    for place in range(begin, len(tokens)):
        token = tokens[place]
        if token.kind == SYMBOL:
            depth += (token.text in ("(", "[", "{", "\\{")) - (token.text in (")", "]", "}", "\\}"))
            if depth == 0 and token.text in relations:
                return place
        if depth < 0 or (depth == 0 and token.kind == SEPARATOR):
            return place
    return len(tokens)


def skip_group(tokens, at):
    depth = 0
    while at < len(tokens):
        depth += (tokens[at].text in ("(", "[", "{")) - (tokens[at].text in (")", "]", "}"))
        at += 1
        if depth == 0:
            break
    return at


def is_name(tokens):
    letters = 0
    at = 0
    while at < len(tokens):
        token = tokens[at]
        applies = at > 0 and (tokens[at - 1].kind == LETTER or tokens[at - 1].text in ("'", "}"))
        if token.kind in (LETTER, WORD):
            letters += 1
            at += 1
        elif token.text == "_":
            at = skip_group(tokens, at + 1)
        elif token.text == "(" and applies:
            at = skip_group(tokens, at)
        elif token.text in ("{", "[") and token.kind == SYMBOL:
            end = skip_group(tokens, at)
            if not is_name(tokens[at + 1:end - 1]):
                return False
            letters += 1
            at = end
        elif token.text == "|":
            end = next((i for i in range(at + 1, len(tokens)) if tokens[i].text == "|"), at)
            inside = tokens[at + 1:end]
            if len(inside) < 2 or not all(t.kind == LETTER and t.text.isupper() for t in inside):
                return False
            letters += 1
            at = end + 1
        elif token.text in ("'", ":") or (token.kind == COMMAND and token.text in NAMING_COMMANDS):
            at += 1
        else:
            return False
    return letters > 0 and tokens[-1].text != ":"


def key(tokens):
    """f(x) and f(t) are one function; f(2) and f(3) are two values."""
    text = "".join(t.text for t in tokens if t.text not in ("{", "}"))
    if kind(tokens) == "function":
        return text[:text.index("(")] + "()"
    return text


def kind(tokens):
    inside = tokens[1:]
    if all(t.kind == WORD for t in tokens):
        return "label"
    if len(tokens) >= 4 and [t.text for t in tokens[-3::2]] == ["(", ")"] and (
            tokens[-2].kind == LETTER):
        return "function"
    if tokens[0].kind == LETTER and (not inside or inside[0].text in ("_", "'")) and not any(
            t.text in ("(", ":") for t in inside):
        return "variable"
    return "quantity"

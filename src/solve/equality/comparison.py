"""Verdicts on texts: "equal", "different" or "unreadable"."""
import functools
import re

from equality import answers, values
from equality.lexer import tokenize
from equality.unreadable import Undefined, Unreadable

REMEMBERED = 4096  # answers that were read
DECIMAL_COMMA = re.compile(r"-?\d+,\d+")

# What reading and computing raise on text that is no answer; there is no telling then.
NO_ANSWER = (Unreadable, Undefined, ArithmeticError, LookupError, RecursionError, TypeError,
             ValueError)


@functools.lru_cache(maxsize=REMEMBERED)
def read(text):
    """(tokens, value): value is None where the text is not understood."""
    try:
        tokens = tokenize(text)
    except NO_ANSWER:
        return None, None
    try:
        return tokens, answers.parse_tokens(tokens)
    except NO_ANSWER:
        return tokens, None


def same_tokens(first, second):
    return bool(first) and bool(second) and len(first) == len(second) and all(
        one.same(other) for one, other in zip(first, second))


def compare(expected, given, lenient=False):
    (first_tokens, first), (second_tokens, second) = read(expected), read(given)
    if same_tokens(first_tokens, second_tokens):
        return "equal"
    if first is None or second is None:
        return "unreadable"
    try:
        same = values.equal(first, second, lenient) or (lenient and decimal_comma(expected, given))
        return "equal" if same else "different"
    except NO_ANSWER:
        return "unreadable"


def decimal_comma(expected, given):
    """Whether one is a number with the comma that half of the world writes for the point."""
    return any(DECIMAL_COMMA.fullmatch(a.strip()) and a.strip().replace(",", ".") == b.strip()
               for a, b in ((expected, given), (given, expected)))

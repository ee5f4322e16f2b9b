"""Words behind a number: its unit, a factor such as a million, or what is counted."""
from equality.lexer import LETTER, NUMBER, WORD
from equality.unreadable import Unreadable
from equality.vocabulary import MULTIPLIERS, NO_UNIT, NOT_COUNTED, UNIT_POWERS, UNITS

MAX_COUNTED_WORDS = 4
OF_A_MEASURE = {"of", "area", "length", "volume", "distance", "time", "money", "total"}


def phrase(tokens, at):
    """The words, "/" and "^2" that stand at `at`, and where they end."""
    found = []
    while at < len(tokens):
        token = tokens[at]
        following = tokens[at + 1] if at + 1 < len(tokens) else None
        if token.kind == WORD or (token.kind == LETTER and token.upright and
                                  (token.text in UNITS or found)):
            found.append(token.text)
            at += 1
        elif found and token.text in ("/", "*", "-", "°") and following and (
                following.kind in (WORD, LETTER)):
            found.extend(["/"] if token.text == "/" else [])
            at += 1
        elif found and token.text == "^":
            braced = following is not None and following.text == "{"
            number = tokens[at + 2] if braced and at + 2 < len(tokens) else following
            negative = number is not None and number.text == "-"
            at += 1 + braced + negative
            if at >= len(tokens) or tokens[at].kind != NUMBER:
                raise Unreadable("a unit's power")
            found.append("^" + "-" * negative + tokens[at].text)
            at += 1 + braced
        elif found and token.text == ".":
            at += 1
        else:
            break
    return found, at


def read(words):
    """(factor, unit): what the words do to the number before them; no unit is ""."""
    factor = 1
    words = list(words)
    while words and words[0].lower() in MULTIPLIERS:
        factor *= MULTIPLIERS[words.pop(0).lower()]
    if not words:
        return factor, ""
    unit = measure(words)
    if unit is not None:
        return factor, unit
    if len(words) > MAX_COUNTED_WORDS or any(not word.isalpha() or len(word) < 3
                                             or word.lower() in NOT_COUNTED for word in words):
        raise Unreadable("words behind a number")
    return factor, ""


def measure(words):
    """The one name of a unit such as "square miles per hour"; None if it is none."""
    parts, power, divides = [], "", False
    for word in words:
        lower = word.lower()
        if lower in UNIT_POWERS and not parts and not power:
            power = f"^{UNIT_POWERS[lower]}"
        elif word in ("/",) or lower == "per":
            divides = True
        elif word[0] == "^" and parts:
            parts[-1] += word
        elif word in UNITS or lower in UNITS:
            parts.append(("/" if divides else "") + UNITS.get(word, UNITS.get(lower)) + power)
            divides, power = False, ""
        elif lower in NO_UNIT:
            divides, power = False, ""
        elif lower in OF_A_MEASURE and (parts or words[0].lower() in NO_UNIT | set(UNIT_POWERS)):
            continue
        else:
            return None
    return None if power else "*".join(parts)

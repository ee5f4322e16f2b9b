"""Short variable names for programs.

The model misspells what it has to copy: names of several words, or words that its
vocabulary cuts in pieces, are where its programs fail. So every variable gets one
plain word, which is a single token at the start of a line.
"""

import re

_PLAIN = set(
    """hours minutes days years months week times second time half books pages pieces month points price water money fish
boxes cards cars age cans food bags weight box dog trip class trees shirts children worth leaves blocks flowers balls length
distance difference profit pairs house bars bill animals cats boys kids game book tank seeds milk run area height plants mark
team runs items family value lost players sets pair night park ice score gas coins birds bus party company room group foot
paper chips rooms rest student spots beans photos marks cases cup movie women men corn quarter fruit tables rows plant gold
volume jar video members tax goal building pool sugar account percentage floor ratio phone baby tip race letters farm charge
income parents shop page parts houses pie card rolls wall level groups space meat nuts season batches capacity fee ages city
job reading point egg messages payment breaks hair cuts rain lot road rent balance land field test machine problems budget
pots teachers ball bucket ears beds bank oil orders bar meal bones numbers stairs fraction rose pick science piece windows
yard notes worms worker workers mail bread period pet ants lines logs texts horse hens pine office station owner segments
package spaces tests tokens answers drops bugs fold market hand hands wage coat river shots plane snow camp pot stones papers
route course band flies glass flight lights bottle file files clay stock song stack crew dough layer metal deck cell crowd
rate speed people feet bought sold paid cost extra total left each students apples mile cost pounds miles""".split()
)
_KEYWORDS = [
    (r"\b(altogether|total|in all|combined|together|sum)\b", "total"),
    (r"\b(left|remain\w*|rest)\b", "left"),
    (r"\b(more|fewer|difference|less)\b", "difference"),
]
_VERBS = [
    (r"\b(costs?|price|paid|pays?|spen[dt]\w*|charge\w*)\b", "cost"),
    (r"\b(earn\w*|income|salary|profit|makes?|made)\b", "income"),
    (r"\b(each|every|per)\b", "each"),
    (r"\b(sold|sells?)\b", "sold"),
    (r"\b(bought|buys?)\b", "bought"),
]
_EMPTY = set("find therefore thus means needs need then because with after before they".split())
_GENERIC = "amount value part number count result more next other".split()
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*) = (.*)")
_NAME = re.compile(r"[A-Za-z_]\w*")


def _suggested(table: list[tuple[str, str]], sentence: str) -> list[str]:
    return [name for pattern, name in table if re.search(pattern, sentence)]


def pick(hints: list[str], sentence: str, taken: set[str]) -> str:
    """A free name: a plain word of `hints`, else what the sentence suggests, else a word of `hints`."""
    nouns = [h for h in hints if h not in _EMPTY and re.search(rf"\b{h}\b", sentence)]
    sentence = sentence.lower()
    words = re.findall(r"[a-z]+", sentence)
    candidates = [
        *(h for h in hints if h in _PLAIN),
        *_suggested(_KEYWORDS, sentence),
        *(h for h in nouns if h.isalpha() and 3 < len(h) < 10),
        *_suggested(_VERBS, sentence),
        *(w for w in reversed(words) if w in _PLAIN),
        *_GENERIC,
    ]
    spare = (f"x{i}" for i in range(1, len(taken) + 2))
    return next(name for name in [*candidates, *spare] if name not in taken)


def shorten(program: str) -> str:
    """The program with short names; a comment above a line says what it computes."""
    names: dict[str, str] = {}
    lines, comment = [], ""
    for line in program.split("\n"):
        if line.startswith("#"):
            comment = line
        else:
            match = _ASSIGNMENT.fullmatch(line)
            body = match[2] if match else line
            body = _NAME.sub(lambda m: names.get(m.group(), m.group()), body)
            if match:
                names[match[1]] = pick(
                    match[1].lower().split("_"), comment, set(names.values()) | {"print"}
                )
                body = f"{names[match[1]]} = {body}"
            line, comment = body, ""
        lines.append(line)
    return "\n".join(lines)

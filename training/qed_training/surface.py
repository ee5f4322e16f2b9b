"""The same problem in other words: other names, other things, other phrases."""

import random
import re

from . import lexicon

# Phrases that may stand for each other wherever they occur in a word problem.
_PHRASES = [
    ["altogether", "in total", "in all", "all together"],
    ["How many total", "What is the total number of"],
    ["does he have left", "does he still have", "are left for him"],
    ["does she have left", "does she still have", "are left for her"],
    ["bought", "purchased"],
    ["buys", "purchases"],
    ["twice as many", "two times as many", "double the number of"],
    ["twice as much", "two times as much", "double the amount of"],
    ["a total of", "altogether"],
    ["each day", "every day", "per day", "a day"],
    ["each week", "every week", "per week", "a week"],
    ["each month", "every month", "per month", "a month"],
    ["How much money", "How many dollars", "What amount of money"],
    ["remaining", "left over"],
    ["the rest", "the others", "what is left"],
    ["received", "got", "was given"],
    ["decides to", "wants to", "plans to"],
    ["wants to", "would like to", "intends to"],
    ["needs to", "has to", "must"],
    ["half as many", "half the number of"],
    ["half of", "one half of", "50% of"],
    ["however,", "but"],
    ["children", "kids"],
    ["store", "shop"],
    ["house", "home"],
    ["dollars", "bucks"],
    ["collected", "gathered"],
    ["began", "started"],
    ["finished", "completed"],
    ["sells", "is selling"],
    ["makes", "produces"],
    ["friend", "neighbor", "classmate"],
    ["brother", "cousin"],
    ["sister", "cousin"],
    ["mother", "mom", "aunt"],
    ["father", "dad", "uncle"],
    ["yesterday", "last Friday"],
    ["big", "large", "huge"],
    ["little", "small"],
    ["gave", "handed"],
    ["buy", "purchase"],
    ["buying", "purchasing"],
    ["earns", "makes", "is paid"],
    ["earned", "made"],
    ["per hour", "an hour", "every hour", "for each hour"],
    ["contains", "holds"],
    ["contain", "hold"],
    ["starts", "begins"],
    ["ended up with", "finished with"],
    ["fewer", "less"],
    ["how many more", "how many additional"],
    ["How many more", "How many additional"],
    ["How long will it take", "How much time will it take"],
    ["How long does it take", "How much time does it take"],
    ["How long did it take", "How much time did it take"],
    ["How much did", "What amount did"],
    ["How much does", "What amount does"],
    ["How much will", "What amount will"],
    ["While", "Whereas"],
    ["After that", "Afterwards", "Then"],
    ["only", "just"],
    ["on average", "on the average"],
    ["equally", "evenly"],
    ["divided", "split"],
    ["students", "pupils"],
    ["teacher", "instructor"],
    ["company", "business", "firm"],
    ["grandmother", "grandma"],
    ["grandfather", "grandpa"],
    ["bicycle", "bike"],
    ["trip", "journey"],
    ["gift", "present"],
    ["movie", "film"],
    ["party", "celebration"],
    ["town", "village", "city"],
    ["farmer", "grower", "gardener"],
    ["school", "college"],
]
# Words that can be left out.
_SPARE = re.compile(r"\b(very|also|just|only|really|beautiful|favorite|local|famous|delicious|then) (?=[a-z])")
_THING_LISTS = [lexicon.COLLECTED, lexicon.FOOD, lexicon.ANIMALS, lexicon.GOODS]
_NUMBER_NAMES = dict(
    enumerate("two three four five six seven eight nine ten eleven twelve".split(), start=2)
)
_WORD = re.compile(r"[A-Za-z]+")


def _thing_table() -> dict[str, tuple[int, str, str]]:
    """List number, singular and plural by every single-word singular and plural."""
    table = {}
    for i, entries in enumerate(_THING_LISTS):
        for entry in entries:
            one, many = lexicon.noun(entry)
            if " " not in one and one not in (
                "book",
                "game",
                "pen",
                "plant",
                "watch",
                "date",
                "top",
                "light",
                "pot",
                "glass",
                "ball",
                "play",
            ):
                table[one] = table[many] = (i, one, many)
    return table


_THINGS = _thing_table()
_FEMALE, _MALE = set(lexicon.FEMALE), set(lexicon.MALE)


def name_map(rng: random.Random, text: str) -> dict[str, str]:
    """New names, of the same gender, for the known first names in the text."""
    words = set(_WORD.findall(text))
    mapping: dict[str, str] = {}
    for known, pool in ((_FEMALE, lexicon.FEMALE), (_MALE, lexicon.MALE)):
        present = sorted(words & known)
        fresh = [n for n in pool if n not in words]
        mapping.update(zip(present, rng.sample(fresh, len(present))))
    return mapping


def thing_map(rng: random.Random, text: str) -> dict[str, str]:
    """Other things of the same kind for the things in the text."""
    present = {_THINGS[w] for w in _WORD.findall(text.lower()) if w in _THINGS}
    mapping: dict[str, str] = {}
    taken = {one for _, one, _ in present}
    for kind, one, many in sorted(present):
        candidates = [
            c
            for c in (lexicon.noun(e) for e in _THING_LISTS[kind])
            if c[0] not in taken and " " not in c[0]
        ]
        if rng.random() < 0.3 or not candidates:
            continue
        new = rng.choice(candidates)
        taken.add(new[0])
        mapping.update({one: new[0], many: new[1]})
    return mapping


def apply_words(text: str, mapping: dict[str, str]) -> str:
    """Replaces whole words, keeping a capital first letter; works inside variable names too."""
    lower = {k.lower(): v.lower() for k, v in mapping.items()}

    def replace(match: re.Match[str]) -> str:
        word = match.group()
        if word in mapping:
            return mapping[word]
        new = lower.get(word.lower(), word)
        return new if word == new or word.islower() else new[:1].upper() + new[1:]

    return _WORD.sub(replace, text)


def rephrase(rng: random.Random, question: str, rate: float = 0.5) -> str:
    """Some phrases exchanged for others that mean the same; spare words sometimes left out."""
    if rng.random() < 0.2:
        question = _SPARE.sub("", question, count=1)
    for group in _PHRASES:
        for phrase in group:
            if re.search(rf"\b{re.escape(phrase)}\b", question) and rng.random() < rate:
                question = re.sub(rf"\b{re.escape(phrase)}\b", rng.choice(group), question, count=1)
                break
    return question


def spell(rng: random.Random, question: str, rate: float = 0.5) -> str:
    """Some small whole numbers as words: "3 boxes" becomes "three boxes"."""

    def replace(match: re.Match[str]) -> str:
        name = _NUMBER_NAMES.get(int(match.group()))
        return name if name and rng.random() < rate else match.group()

    return re.sub(r"(?<=[a-z] )\d{1,2}(?= [a-z])", replace, question)

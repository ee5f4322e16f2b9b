"""Stories in which something comes or goes, once or more often, with any of the quantities unknown.

A scene has sentences for what is there, what comes, what goes and what is asked.
"""

import dataclasses
import random

from . import grammar, lexicon
from .example import Example
from .family import Slots, as_condition, word_slots


@dataclasses.dataclass(frozen=True)
class Scene:
    """Where an amount changes. Templates have {n} for the number; `unit` counts it."""

    have: list[str]
    gain: list[str]
    lose: list[str]
    now: list[str]
    ask_now: list[str]
    ask_start: list[str]
    ask_gain: list[str]
    ask_lose: list[str]
    name: str = "{x}"  # of the program's variable


def _owned(
    gain: list[str], lose: list[str], gained: list[str], lost: list[str], source: str = "{x}"
) -> Scene:
    x = source
    return Scene(
        [
            f"{{A}} [had|has|owned] {{n}} {x}.",
            f"{{A}} [had|has] {{n}} {x} in {{A_his}} [room|bag|box|collection|house|drawer].",
            f"There [were|are] {{n}} {x} in {{A}}'s [box|bag|drawer|collection|basket].",
            f"{{A}} [started with|began with|starts with] {{n}} {x}.",
            f"{{A}} [collected|gathered|counted] {{n}} {x}.",
            f"{{A}}'s [box|collection|bag] [had|held|contained] {{n}} {x}.",
        ],
        gain,
        lose,
        [
            f"Now {{A_he}} has {{n}} {x}.",
            f"{{A}} [now has|ended up with|has now] {{n}} {x}.",
            f"[In the end|After that|Then] {{A_he}} had {{n}} {x}[ left|].",
        ],
        [
            f"How many {x} does {{A}} have [now|left|in the end|in all now]?",
            f"How many {x} [are left|remain|are there now]?",
            f"How many {x} did {{A}} end up with?",
            f"[What is the number of|Find the number of] {x} {{A}} has now[?|.]",
            f"How many {x} [remained|were left] [with {{A}}|for {{A}}|]?",
        ],
        [
            (
                f"How many {x} did {{A}} have [at first|in the beginning|to start"
                " with|initially|before|originally|to begin with]?"
            ),
            f"[With how many {x} did {{A}} start|How many {x} did {{A}} start with]?",
            f"What was the number of {x} [in the beginning|at the start|at first]?",
        ],
        gained,
        lost,
        source,
    )


_GIVE = _owned(
    [
        "{B} gave {A_him} {n} more.",
        "{A_he} [bought|found|got|received|picked up|won] {n} more.",
        (
            "{A} [bought|found|got|received] {n} [more |other |additional |]{x}[ from {B}| at the"
            " {place}| on {day}|]."
        ),
        (
            "{A_his} [mother|father|uncle|aunt|sister|brother|friend {B}|grandmother|teacher]"
            " [gave|handed|sent|brought] {A_him} {n} [more |]{x}."
        ),
        "Then {A_he} [added|collected] {n} [more |]{x}.",
    ],
    [
        "{A_he} gave {n} [of them |{x} |]to {B}.",
        "{A_he} lost {n}[ of them| {x}|].",
        "{A_he} [sold|gave away|threw away|donated] {n} {x}[ on {day}| at the {place}|].",
        "{B} [took|borrowed] {n} [of them|of the {x}].",
        "{A} [gave|handed|sent|lent] {B} {n} {x}.",
        "{n} of the {x} [broke|got lost|were stolen|were given away|were sold].",
        "{A_he} shared {n} {x} with {B}.",
    ],
    [
        "How many {x} did {A_he} [get|receive|add]?",
        "How many [more |]{x} [did {A} get|were added|came in addition]?",
        "How many {x} did {B} give {A}?",
    ],
    [
        "How many {x} did {A} [give away|lose|part with]?",
        "How many {x} did {A_he} give to {B}?",
        "How many [of the |]{x} [are gone|were given away]?",
        "What number of {x} did {B} get from {A}?",
    ],
)


_EAT = _owned(
    [
        "{A_he} [baked|bought|made|picked|got] {n} more.",
        "{B} [brought|baked|bought|gave {A_him}] {n} [more |]{f}.",
        "Then {A_his} [mother|father|aunt] [made|brought] {n} [more|other {f}|{f}].",
    ],
    [
        "{A_he} ate {n}[ of them| {f}|].",
        "{B} ate {n} of [them|the {f}].",
        "{n} of [them|the {f}] [went bad|were eaten|were rotten|fell on the floor].",
        "{A_his} [friends|guests|children|family] ate {n} {f}.",
        "{A} [packed|sold|served] {n} {f}.",
    ],
    [
        "How many [more |]{f} [were brought|did {A} get|were made later]?",
        "How many {f} were added?",
    ],
    ["How many {f} [were eaten|are gone|did they eat]?", "How many [of the |]{f} did {A} eat?"],
    "{f}",
)


_MONEY = Scene(
    [
        "{A} [had|has] ${n}[ in {A_his} wallet| in the bank| in {A_his} piggy bank|].",
        "{A} [had saved|saved|took along] {n} dollars.",
        "There [were|was] ${n} in {A}'s [account|wallet|purse].",
    ],
    [
        (
            "{A_he} [earned|got|received|found|was given] ${n}[ more| for helping {B}| for {A_his}"
            " birthday|]."
        ),
        "{B} gave {A_him} {n} dollars.",
        "{A_his} [aunt|grandfather|boss] paid {A_him} ${n}.",
        "{A_he} sold a {x1} for ${n}.",
    ],
    [
        "{A_he} [spent|paid] ${n} [on|for] a {x1}.",
        "{A_he} [bought|paid for] {x} for ${n}.",
        "A {x1} cost {A_him} {n} dollars.",
        "{A_he} [lent|gave] {B} ${n}.",
        "{A_he} lost ${n} at the {place}.",
    ],
    ["{A_he} has ${n} [now|left].", "Now there are {n} dollars left.", "{A} ended up with ${n}."],
    [
        "How much [money |]does {A} have [now|left]?",
        "How many dollars [are left|does {A} have now|remain]?",
        "How much [money |]is left?",
    ],
    [
        "How much [money |]did {A} have [at first|in the beginning|before that|to start with]?",
        "How many dollars did {A_he} have at the start?",
    ],
    ["How much [money |]did {A_he} get?", "How many dollars [did {A} receive|were added]?"],
    [
        "How much [money |]did {A_he} [spend|pay|lose]?",
        "How many dollars [did {A} spend|were spent]?",
    ],
    "money",
)


_BUS = Scene(
    [
        "There were {n} [people|passengers|children|students] on [a|the] [bus|train|boat|ferry].",
        "A [bus|train|tram] [left|started] with {n} [people|passengers] [on board|on it].",
    ],
    [
        "At the [next|first|following] [stop|station] {n} [people |more |more people |]got on.",
        "{n} [more |]passengers [boarded|got on|climbed in].",
    ],
    [
        "[Then |At the next stop |At the station ]{n} [people |]got off.",
        "{n} passengers [left|got out|got off][ at the {place}|].",
    ],
    ["Now there are {n} [people|passengers] on [it|board].", "Then {n} people were on it."],
    ["How many [people|passengers] are [on it|on board] now?", "How many are [still |]on board?"],
    ["How many [people|passengers] were on it [at first|in the beginning|before]?"],
    ["How many people got on?"],
    ["How many [people |]got off?"],
    "passengers",
)


_PLACE = Scene(
    [
        "There [were|are] {n} {s} [{in}].",
        "[A|The] [place|spot] had {n} {s}[: they were {in}|].",
        "{A} [saw|counted] {n} {s} {in}.",
        "{n} {s} were {in}.",
    ],
    [
        "{n} [more |]{s} [came|arrived|joined them|came along|were added].",
        "[Then|Later|After a while] {n} {s} [came|joined|arrived].",
        "Another {n} {s} [joined|came|showed up].",
    ],
    [
        "{n} [of them |of the {s} |{s} ][left|went away|went home|disappeared|moved away].",
        "[Then|Later|After lunch] {n} {s} [left|went away|departed].",
    ],
    ["Now there are {n} {s} [there|{in}].", "[In the end|Then] {n} {s} were [left|there]."],
    [
        "How many {s} are [there |]{in} now?",
        "How many {s} are [left|there now|still there]?",
        "How many {s} [remain|remained|stayed]?",
    ],
    [
        "How many {s} were [there |]{in} [at first|in the beginning|before that|at the"
        " start|initially]?"
    ],
    ["How many {s} [came|joined|arrived|were added]?"],
    ["How many {s} [left|went away|are gone]?"],
    "{s}",
)


_AMOUNT = Scene(
    [
        "A [tank|barrel|bucket|pool] [had|held|contained] {n} liters of water.",
        "There were {n} liters of [water|milk|juice|oil] in a [tank|barrel|container].",
    ],
    ["{A} [poured in|added] {n} [more |]liters.", "[Rain|A pump|{B}] added {n} liters."],
    [
        "{n} liters [leaked out|were used|ran out|were drained].",
        "{A} [used|took out|poured away] {n} liters.",
    ],
    ["Now {n} liters are in it.", "It has {n} liters now."],
    [
        "How many liters are in it now?",
        "How much is left, in liters?",
        "How many liters [remain|does it hold now]?",
    ],
    ["How many liters were in it at first?"],
    ["How many liters were added?"],
    ["How many liters [are gone|were taken out|were lost]?"],
    "liters",
)


_LENGTH = Scene(
    [
        "A [rope|ribbon|wire|cable|piece of cloth] [was|is] {n} [meters|feet|inches|cm] long.",
        "{A} had a [rope|ribbon|board] of {n} [meters|feet|inches].",
    ],
    ["{A} [tied|joined|glued] {n} more to it."],
    ["{A} cut off {n}.", "{n} [were cut off|were used|of it were used]."],
    ["Now it is {n} long."],
    ["How long is it now?", "What length is left?"],
    ["How long was it at first?", "What was its length before?"],
    ["By how much did it grow?", "How long was the piece that was added?"],
    ["How much was cut off?", "How long was the piece that was cut off?"],
    "length",
)


_READING = Scene(
    [
        "{A}'s [book|novel] has {n} pages [to read|left].",
        "There are {n} [exercises|pages|chapters|tasks] on {A}'s list.",
    ],
    ["{A_his} teacher [added|gave {A_him}] {n} more."],
    [
        "{A_he} [read|finished|did|completed] {n} [of them |]on {day}.",
        "[Yesterday|Today|On {day}] {A_he} [did|finished] {n}.",
    ],
    ["{n} are left.", "Now {A_he} has {n} left[ to do| to go|]."],
    [
        "How many [are left|does {A_he} still have to do|remain]?",
        "How many more [must|does] {A_he} [do|have to do]?",
    ],
    ["How many were there at first?"],
    ["How many were added?"],
    ["How many [has {A_he} done|did {A_he} finish|are done]?"],
    "todo",
)


_WEIGHTS = [
    (_GIVE, 9),
    (_EAT, 5),
    (_MONEY, 4),
    (_BUS, 2),
    (_PLACE, 6),
    (_AMOUNT, 1),
    (_LENGTH, 1),
    (_READING, 1),
]


_SITES = [
    (lexicon.ANIMALS, "in the [barn|field|garden|zoo|cage|pond|yard|meadow]"),
    (lexicon.ANIMALS, "on the [farm|hill|fence|roof|lake|branch]"),
    (lexicon.MEMBERS, "in the {place}"),
    (lexicon.MEMBERS, "at the [party|game|concert|beach|meeting|{place}]"),
    (lexicon.VEHICLES, "in the [parking lot|garage|yard]"),
    (lexicon.GOODS, "in the [store|shop|cupboard|attic]"),
    (lexicon.FOOD, "[in the kitchen|in the basket|on the tray|on the table]"),
    (lexicon.COLLECTED, "[on the desk|in the drawer|in the {place}|on the floor]"),
]


def _amount(rng: random.Random) -> int:
    return rng.randint(2, rng.choice([10, 20, 50, 100, 100, 1000, 5000]))


def _scene_slots(rng: random.Random) -> Slots:
    slots = word_slots(rng)
    source, site = rng.choice(_SITES)
    slots["s"] = lexicon.noun(rng.choice(source))[1]
    slots["in"] = grammar.choose(rng, site)
    return slots


def _events(rng: random.Random, count: int) -> tuple[int, list[int]]:
    """A start and changes that never take it below zero."""
    start = _amount(rng)
    level, changes = start, []
    for _ in range(count):
        size = max(1, min(_amount(rng), level - 1)) if level > 1 else 1
        change = -size if level > 2 and rng.random() < 0.55 else _amount(rng)
        level += change
        changes.append(change)
    return start, changes


def change_story(rng: random.Random) -> Example:
    """One scene, one to three events, one of the numbers unknown."""
    scene = rng.choices([s for s, _ in _WEIGHTS], weights=[w for _, w in _WEIGHTS])[0]
    slots = _scene_slots(rng)
    start, changes = _events(rng, rng.choices([1, 2, 3], weights=[60, 30, 10])[0])
    end = start + sum(changes)
    unknown = rng.choices(["now", "start", "change"], weights=[50, 25, 25])[0]
    hidden = rng.randrange(len(changes))
    sentences = []
    if unknown != "start":
        sentences.append(rng.choice(scene.have).replace("{n}", str(start)))
    elif scene in (_GIVE, _EAT) and rng.random() < 0.6:
        sentences.append(f"{{A}} [had|has] [some|a number of|a lot of] {scene.name}.")
    for i, change in enumerate(changes):
        template = rng.choice(scene.gain if change > 0 else scene.lose)
        if unknown == "change" and i == hidden:
            template = (
                template.replace("${n}", "some money")
                .replace("{n} dollars", "some dollars")
                .replace("{n}", "some")
            )
        sentences.append(template.replace("{n}", str(abs(change))))
    if unknown != "now":
        sentences.append(rng.choice(scene.now).replace("{n}", str(end)))
    ask = {
        "now": scene.ask_now,
        "start": scene.ask_start,
        "change": scene.ask_gain if changes[hidden] > 0 else scene.ask_lose,
    }[unknown]
    sentences.insert(rng.randint(1, len(sentences)), str(slots["noise"]))
    question = _assemble(rng, sentences, rng.choice(ask), slots)
    program = _change_program(start, changes, end, unknown, hidden)
    return Example("change", question, [program])


def _assemble(rng: random.Random, sentences: list[str], ask: str, slots: Slots) -> str:
    texts = [grammar.write(rng, s, slots) for s in [*sentences, ask] if s]
    return as_condition(rng, " ".join(texts))


def _change_program(start: int, changes: list[int], end: int, unknown: str, hidden: int) -> str:
    """What comes is added and what goes is subtracted; backwards from the end for the start."""
    if unknown == "now":
        return f"print({start}{_terms(changes)})"
    if unknown == "start":
        return f"print({end}{_terms([-c for c in reversed(changes)])})"
    others = [c for i, c in enumerate(changes) if i != hidden]
    if not others:
        return f"print({end} - {start})" if changes[hidden] > 0 else f"print({start} - {end})"
    known = f"left = {start}{_terms(others)}\n"
    return known + (f"print({end} - left)" if changes[hidden] > 0 else f"print(left - {end})")


def _terms(changes: list[int]) -> str:
    return "".join(f" {'+' if c > 0 else '-'} {abs(c)}" for c in changes)

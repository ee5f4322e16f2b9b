"""Short word problems of one to three steps, in the manner of school books.

Change (something comes or goes), compare, part and whole, equal groups, rates and
money, with any of the quantities unknown and with numbers that do not matter.
`change_story` makes the first kind out of scenes and events; the others are
families with templates.
"""

import dataclasses
import random

from . import grammar, lexicon
from .example import Example
from .family import Family, Slots, as_condition, word_slots


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


def _identifier(text: str) -> str:
    return "".join(ch if ch.isalnum() else "_" for ch in text.lower())


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
    program = _change_program(
        _identifier(grammar.fill(scene.name, slots)), start, changes, end, unknown, hidden
    )
    return Example("change_story", question, [program])


def _assemble(rng: random.Random, sentences: list[str], ask: str, slots: Slots) -> str:
    texts = [grammar.write(rng, s, slots) for s in [*sentences, ask] if s]
    return as_condition(rng, " ".join(texts))


def _change_program(
    name: str, start: int, changes: list[int], end: int, unknown: str, hidden: int
) -> str:
    terms = "".join(f" {'+' if c > 0 else '-'} {abs(c)}" for c in changes)
    if unknown == "now":
        return (
            f"# start, then what comes is added and what goes is subtracted\n{name} ="
            f" {start}{terms}\nprint({name})"
        )
    if unknown == "start":
        back = "".join(f" {'-' if c > 0 else '+'} {abs(c)}" for c in reversed(changes))
        return f"# go back from the end: undo every change\nstart = {end}{back}\nprint(start)"
    others = "".join(
        f" {'+' if c > 0 else '-'} {abs(c)}" for i, c in enumerate(changes) if i != hidden
    )
    if changes[hidden] > 0:
        return (
            f"# without the unknown gain\nwithout = {start}{others}\ngained = {end} -"
            " without\nprint(gained)"
        )
    return (
        f"# without the unknown loss\nwithout = {start}{others}\nlost = without -"
        f" {end}\nprint(lost)"
    )


def _numbers(rng: random.Random) -> Slots:
    """n > k > d, a total of groups, and more that templates ask for."""
    n = rng.randint(5, rng.choice([20, 60, 100, 1000, 9000]))
    k = rng.randint(2, n - 1)
    d = rng.randint(1, k)
    per, groups = rng.randint(2, rng.choice([10, 25, 90])), rng.randint(2, rng.choice([10, 25, 90]))
    spare = rng.randint(0, per - 1)
    return {
        "n": n,
        "k": k,
        "d": d,
        "per": per,
        "gr": groups,
        "tot": per * groups,
        "p": n + k,
        "more": rng.randint(1, 60),
        "uneven": per * groups + spare,
        "u": rng.randint(2, 60),
        "w": rng.randint(2, 60),
        "w2": rng.randint(2, 60),
        "few": rng.randint(2, 9),
    }


_TWO = (
    "[{A} [has|had] {n} {x} and {k} {y}.|There are {n} {x} and {k} {y} in [a|the] {place}.|{A}"
    " [bought|found|picked|counted] {n} {x} and {k} {y}.|{A} has {k} {y} and {n} {x}.|The {place}"
    " has {n} {x}. It [also |]has {k} {y}.|In the {c1} are {n} {x} and {k} {y}.]"
)
_OTHERS = (
    "[{A} has {n} {x}.|{A} [collected|found|bought|sold|picked] {n} {x}.] {noise} [{B} has {k}"
    " {x}.|{B} [has only|got] {k} {x}.|{B} has {k} of them.]"
)
_GROUPS = (
    "[There are {gr} {c} with {per} {x} [each|in each|in every {c1}].|{A} has {gr} {c} of {x}."
    " [Each|Every] {c1} [has|holds|contains] {per} {x}.|Each of {gr} {c} [holds|has|contains] {per}"
    " {x}.|{A} packed {per} {x} in each of {gr} {c}.|{A} bought {gr} {c} of {x}, {per} in each.]"
)

FAMILIES = [
    Family(
        "compare_kinds",
        _numbers,
        "print({n} - {k})",
        [
            _TWO + " {noise} How many more {x} than {y} [are there|are there]?",
            _TWO + " How many fewer {y} than {x} are there?",
            _TWO + " What is the difference between the number of {x} and the number of {y}?",
            (
                "{A} [had|ate|used|sold|made] {n} {adj} {x} and {k} {adj2} {x}. {noise} How many"
                " more {adj} {x} than {adj2} {x} were there?"
            ),
            (
                "[On {day}|In {month}] {n} {m} came to the {place}, and {k} came the"
                " [next|following] [day|time]. How many more came the first time?"
            ),
        ],
        [
            "{n} {x} and {k} {y} are laid out in two rows. By how much is the row of {x} longer?",
            "There are {k} {y} but {n} {x}. How many {x} have no {y1} to go with?",
        ],
        False,
    ),
    Family(
        "compare_people",
        _numbers,
        "print({n} - {k})",
        [
            _OTHERS + " How many more {x} does {A} have than {B}?",
            _OTHERS + " How many fewer {x} does {B} have than {A}?",
            _OTHERS
            + " How many [more |additional ]{x} [does|would|must] {B} [need|get] to have as many as"
            " {A}?",
            (
                "{A} is {n} [years old|cm tall|pounds heavy] and {B} is {k}. {noise} [What is the"
                " difference|How much more is that for {A}]?"
            ),
            (
                "{A} [ran|walked|drove|rode] {n} [miles|kilometers|meters]. {B}"
                " [ran|walked|drove|rode] {k}. [How much farther did {A} go|How many more was that"
                " for {A}]?"
            ),
            (
                "{A} [did|scored|read|wrote] {n} [push-ups|points|pages|letters], {B} [did|got|had]"
                " {k}. {noise} [How many more did {A} have|By how many is {A} ahead|How many more"
                " does {A} have than {B}]?"
            ),
        ],
        ["{A} beats {B} by some {x}: {A} has {n}, {B} has {k}. By how many?"],
        False,
    ),
    Family(
        "relative_more",
        _numbers,
        "print({n} + {d})",
        [
            (
                "{A} has {n} {x}. {B} has {d} more [{x} |]than {A}. {noise} How many {x} does {B}"
                " have?"
            ),
            (
                "{B} [collected|found|made|ate|sold] {d} more {x} than {A}. {A} [collected|had]"
                " {n}. How many {x} did {B} have?"
            ),
            (
                "{A} has {n} {x}, [which is|that is] {d} fewer than {B}[ has|]. How many {x} does"
                " {B} have?"
            ),
            "{A} has {d} fewer {x} than {B}. {noise} If {A} has {n} {x}, how many does {B} have?",
            "There are {n} {x}. There are {d} more {y} than {x}. How many {y} are there?",
            "{A} [ran|walked] {n} [miles|kilometers], {d} less than {B}. How far did {B} go?",
        ],
        ["The {n} {x} of {A} are {d} short of what {B} has. What does {B} have?"],
        False,
    ),
    Family(
        "relative_less",
        _numbers,
        "print({n} - {d})",
        [
            (
                "{A} has {n} {x}. {B} has {d} fewer [{x} |]than {A}. {noise} How many {x} does {B}"
                " have?"
            ),
            (
                "{A} has {n} {x}, [which is|that is] {d} more than {B}[ has|]. How many {x} does"
                " {B} have?"
            ),
            (
                "{A} has {d} more {x} than {B}. {noise} If {A} has {n} {x}, how many [{x} |]does"
                " {B} have?"
            ),
            "There are {n} {x}. There are {d} fewer {y} than {x}. {noise} How many {y} are there?",
            "{A} [did|made|read] {n} {x}, {d} more than {B}. How many did {B} have?",
        ],
        [
            "Without the {d} {x} by which {A} is ahead, {A} would have as many as {B}. {A} has {n}."
            " What does {B} have?"
        ],
        False,
    ),
    Family(
        "relative_total",
        _numbers,
        "other = {n} + {d}\nprint({n} + other)",
        [
            (
                "{A} has {n} {x}. {B} has {d} more [{x} |]than {A}. How many {x} do they have"
                " [together|in all|altogether|in total]?"
            ),
            (
                "{A} [found|picked|made] {n} {x} and {B} [found|picked|made] {d} more than {A}."
                " {noise} How many {x} [is that in total|did they get together]?"
            ),
        ],
        ["{B}'s {x} outnumber {A}'s {n} by {d}. What is the count of both put together?"],
        False,
    ),
    Family(
        "part_whole_sum",
        _numbers,
        "print({n} + {k})",
        [
            _TWO
            + " {noise} How many [things|items] [is that|are there|are these] [in all|altogether|in"
            " total|together]?",
            (
                "{A} [has|had] {n} {adj} {x} and {k} {adj2} {x}. {noise} How many {x} are there [in"
                " all|altogether|in total]?"
            ),
            (
                "{n} {m} went to the {place} on {day} and {k} on {day2}. {noise} How many [{m}"
                " |]went [in all|altogether|on these two days]?"
            ),
            (
                "{A} [sold|made|found|picked] {n} {x} in the morning and {k} in the"
                " [afternoon|evening]. {noise} How many {x} [is that|were there] [in"
                " all|altogether]?"
            ),
            _OTHERS + " How many {x} do they have [together|altogether|in all|in total]?",
            (
                "{A} [spent|paid] ${n} on {x} and ${k} on {y}. {noise} How much did {A_he}"
                " [spend|pay] [in all|in total|altogether]?"
            ),
            (
                "{A} gave away {n} {x} and [still has|has|kept] {k}. How many {x} did {A_he} have"
                " [at first|before]?"
            ),
            (
                "[After|When] {A} used {n} {x}, {k} were left. {noise} How many were there [at"
                " first|before]?"
            ),
        ],
        ["A heap of {n} {x} is pushed together with a heap of {k}. How large is the new heap?"],
        False,
    ),
    Family(
        "part_whole_part",
        _numbers,
        "print({n} - {k})",
        [
            (
                "There are {n} {x}. {k} [of them |]are {adj}[,| and] the others are {adj2}. {noise}"
                " How many are {adj2}?"
            ),
            (
                "{A} has {n} {x}. {k} are {adj} and the rest are {adj2}. How many {adj2} {x} does"
                " {A_he} have?"
            ),
            "Of {n} {m}[ in a {g1}|], {k} are girls. {noise} How many are boys?",
            (
                "{A} [needs|wants] {n} {x} and [already |]has {k}. {noise} How many more [{x}"
                " |]does {A_he} need?"
            ),
            "A {x1} costs ${n}. {A} has ${k}. {noise} How much more [money |]does {A_he} need?",
            (
                "{A} wants to [read|walk|swim|save] {n} [pages|miles|laps|dollars]. So far {A_he}"
                " has done {k}. {noise} How many are left?"
            ),
            "{n} {x} are in {A}'s {c1} and some are {adj}. {k} are not {adj}. How many are {adj}?",
            "{A} and {B} have {n} {x} together. {A} has {k}. {noise} How many does {B} have?",
            (
                "The {place} is {n} [miles|meters|kilometers] away. {A} has gone {k}. How much"
                " farther is it?"
            ),
            (
                "{A} counted {n} [{m}|{x}] in all, {k} of them on {day}. {noise} The others were"
                " counted on {day2}. How many were those?"
            ),
        ],
        ["Out of {n} {x}, all but {k} are {adj}. How many {adj} ones are there?"],
        False,
    ),
    Family(
        "groups_total",
        _numbers,
        "print({gr} * {per})",
        [
            _GROUPS + " {noise} How many {x} [are there|is that] [in all|altogether|in total]?",
            (
                "{A} [reads|writes|makes|sells|solves] {per} [pages|letters|{x}|puzzles]"
                " [a|each|every|per] day. {noise} How many [is that|are those] in {gr} days?"
            ),
            (
                "{A} bought {gr} {x} for ${per} each. {noise} How much did {A_he} [pay|spend][ in"
                " all|]?"
            ),
            "{gr} {m} got {per} {x} each. How many {x} [were given out|is that]?",
            "There are {gr} {g} of {m}. Each {g1} has {per} {m}. {noise} How many {m} are there?",
            "{A} earns ${per} [an hour|per hour]. {noise} How much does {A_he} earn in {gr} hours?",
            "[Each|One|A] {x1} costs {per} dollars. {noise} [What|How much] do {gr} {x} cost?",
        ],
        ["A pattern needs {per} {x}. The pattern is laid {gr} times. How many {x} does that take?"],
        False,
    ),
    Family(
        "groups_size",
        _numbers,
        "print({tot} / {gr})",
        [
            (
                "{A} [has|had|bought] {tot} {x} and [puts|put|divides] them [equally |evenly |]into"
                " {gr} {c}. {noise} How many {x} are in each {c1}?"
            ),
            (
                "{tot} {x} are [shared|split|divided] [equally|evenly] [among|between] {gr} {m}."
                " How many {x} does each [get|receive]?"
            ),
            (
                "There are {tot} {m} in {gr} {g}, the same number in each. {noise} How many {m} are"
                " in [each|one] {g1}?"
            ),
            "{gr} {x} cost ${tot}[ in all|]. {noise} [How much|What] does one {x1} cost?",
            (
                "{A} [read|walked|earned] {tot} [pages|miles|dollars] in {gr} days, the same"
                " [amount |]each day. How many [was that|is that] [per|a] day?"
            ),
            (
                "{A} has to [read|solve|make] {tot} [pages|exercises|{x}] in {gr} days. How many"
                " must {A_he} do each day?"
            ),
            (
                "{gr} {c} [hold|have] {tot} {x} [in all|together], [each the same number|all the"
                " same]. How many are in one {c1}?"
            ),
        ],
        ["{tot} {x} fill {gr} {c} exactly and alike. What does one of the {c} hold?"],
        False,
    ),
    Family(
        "groups_count",
        _numbers,
        "print({tot} / {per})",
        [
            (
                "{A} [has|had] {tot} {x} and puts {per} in each {c1}. {noise} How many {c} does"
                " {A_he} [need|fill]?"
            ),
            "{tot} {m} go in {g} of {per}. {noise} How many {g} are there?",
            "Each {c1} holds {per} {x}. How many {c} are needed for {tot} {x}?",
            (
                "{A} [reads|solves|makes|sells] {per} [pages|exercises|{x}] a day. {noise} How many"
                " days does {A_he} need for {tot}?"
            ),
            "A {x1} costs ${per}. How many {x} can {A} buy [with|for] ${tot}?",
            "{A} earned ${tot} at ${per} an hour. {noise} How many hours did {A_he} work?",
            (
                "{A} gave {per} {x} to each of several people. {A_he} gave away {tot} {x}. How many"
                " people got {x}?"
            ),
        ],
        ["How often can {per} {x} be taken out of a {c1} with {tot} until it is empty?"],
        False,
    ),
    Family(
        "groups_left_over",
        _numbers,
        "print({uneven} % {per})",
        [
            (
                "{A} has {uneven} {x} and puts {per} in each {c1} until {A_he} cannot fill another."
                " How many {x} are left over?"
            ),
            "{uneven} {x} are packed in {c} of {per}. How many are left [over|unpacked]?",
            (
                "{A} shares {uneven} {x} equally among {per} [friends|children|people] and keeps"
                " what is left. How many does {A_he} keep?"
            ),
        ],
        ["Only full {c} of {per} are sold. Of {uneven} {x}, how many cannot be sold?"],
        False,
    ),
    Family(
        "groups_rounded_up",
        _numbers,
        "print(-(-{uneven} // {per}))",
        [
            (
                "{uneven} {m} go on a trip. Each {v1} [holds|takes|has room for] {per}. How many"
                " {v} are needed?"
            ),
            (
                "{A} has {uneven} {x}. A {c1} holds {per}. How many {c} does {A_he} need to"
                " [hold|store|pack] all of them?"
            ),
        ],
        ["A lift carries {per} at a time. How many rides are needed for {uneven} {m}?"],
        False,
    ),
    Family(
        "groups_then_change",
        _numbers,
        "total = {gr} * {per}\nprint(total + {more})",
        [
            _GROUPS
            + " {noise} [{A}|{B}] [adds|finds|brings] {more} more. How many {x} are there [now|in"
            " all]?",
            (
                "{A} has {more} {x} and buys {gr} {c} of {per} {x}. How many {x} does {A_he} have"
                " then?"
            ),
            (
                "{A} has {more} {x}. {B} gives {A_him} {gr} {c} of {per} {x}[ each|]. How many does"
                " {A_he} have now?"
            ),
            (
                "A {place} charges ${more} to enter and ${per} per [hour|ride|game]. {A} stays for"
                " {gr}. What does {A_he} pay?"
            ),
        ],
        ["Beside {more} single {x} there are {gr} full {c} of {per}. What is the count of {x}?"],
        False,
    ),
    Family(
        "groups_then_loss",
        lambda r: (s := _numbers(r)) | {"gone": r.randint(1, int(s["tot"]) - 1)},
        "total = {gr} * {per}\nprint(total - {gone})",
        [
            _GROUPS
            + " {noise} {gone} [of the {x} |of them |]are [sold|given away|lost|taken out]. How"
            " many {x} are left?",
            (
                "A [baker|farmer|gardener] fills {gr} {c} with {per} {x} each and sells {gone} of"
                " the {x}. How many {x} are left?"
            ),
            (
                "{A} buys {gr} {x} for ${per} each and has a coupon for ${gone}. How much does"
                " {A_he} pay?"
            ),
            (
                "There are {gr} {g} of {per} {m}. {gone} [of them |{m} |]are [sick|absent|away]."
                " How many are [there|present]?"
            ),
        ],
        ["Of the {x} in {gr} {c}, {per} to a {c1}, {gone} turn out to be {adj}. How many are not?"],
        False,
    ),
    Family(
        "sum_in_groups",
        lambda r: (s := _numbers(r)) | {
            "h1": (h := r.randint(1, int(s["tot"]) - 1)),
            "h2": int(s["tot"]) - h,
        },
        "total = {h1} + {h2}\nprint(total / {gr})",
        [
            (
                "{A} has {h1} {adj} and {h2} {adj2} {x}. {A_he} puts [all of |]them [equally |]in"
                " {gr} {c}. How many are in each {c1}?"
            ),
            (
                "{A} has {h1} {x} and {B} has {h2}. They [share|split] them equally with others,"
                " {gr} people in all. How many does each get?"
            ),
            (
                "{h1} [girls|women] and {h2} [boys|men] form {gr} equal {g}. How many people are in"
                " a {g1}?"
            ),
            (
                "{A} picked {h1} {f} and {B} picked {h2}. Together they fill {gr} {c}, all with the"
                " same number. How many are in [each|one] {c1}?"
            ),
        ],
        [
            "First {h1} {x} and then {h2} are dealt out evenly over {gr} {c}. What does each {c1}"
            " end up with?"
        ],
        False,
    ),
    Family(
        "groups_of_one_kind",
        _numbers,
        "print({tot} / {per})",
        [
            (
                "{A} has {tot} {x} and {n} {y}. {A_he} puts {per} {x} in each {c1}. How many {c} of"
                " {x} does {A_he} have?"
            ),
            (
                "There are {n} {y} and {tot} {x}. The {x} are in {c} of {per}. How many {c} of {x}"
                " are there?"
            ),
            (
                "{A} packs {n} {y} and {tot} {x}. Each {c1} of {x} holds {per}. How many {c} of {x}"
                " are there?"
            ),
        ],
        ["{y}: {n}. {x}: {tot}, in {c} of {per}. What is the number of {c} with {x}?"],
        False,
    ),
    Family(
        "table_sum",
        _numbers,
        "print({n} + {w})",
        [
            (
                "{A} has {n} {adj} {x} and {k} {adj2} {x}. {B} has {w} {adj} {x} and {w2} {adj2}"
                " {x}. How many {adj} {x} do they have [together|in all|in total]?"
            ),
            (
                "On {day} {A} [saw|counted|sold] {n} {x} and {k} {y}, on {day2} {w} {x} and {w2}"
                " {y}. How many {x} [is that|were there] [in all|altogether]?"
            ),
            (
                "{A} bought {n} {x} and {k} {y}. {B} bought {w} {x} and {w2} {y}. How many {x} did"
                " they buy [together|altogether]?"
            ),
            (
                "In one {c1} there are {n} {x} and {k} {y}, in another {w} {x} and {w2} {y}. How"
                " many {x} are there in [both|the two {c}]?"
            ),
        ],
        [
            "Two lists name {n} {x} with {k} {y} and {w} {x} with {w2} {y}. What is the number of"
            " {x} on both lists?"
        ],
        False,
    ),
    Family(
        "table_difference",
        _numbers,
        "print(({n} + {k}) - {d})",
        [
            (
                "{A} has {n} {x} and {k} {y}. {B} has {d} {x}. How many more [things|items] does"
                " {A} have than {B}?"
            ),
            (
                "{A} [had|picked] {n} {f} on {day} and {k} on {day2}. {A_he} [ate|gave away|used]"
                " {d} of them. How many are left?"
            ),
            "{A} earned ${n} on {day} and ${k} on {day2}. {A_he} spent ${d}. How much is left?",
            "{n} {m} and {k} others came, but {d} went home. How many stayed?",
            (
                "{A} buys a {x1} for ${n} and a {y1} for ${k}. {A_he} has a voucher of ${d}. How"
                " much must {A_he} pay?"
            ),
        ],
        ["Together {n} and {k} {x} were made, and {d} of all these were bad. How many were good?"],
        False,
    ),
    Family(
        "shopping_change",
        lambda r: (s := _numbers(r)) | {"paid": int(s["tot"]) + r.randint(1, 60)},
        "cost = {gr} * {per}\nprint({paid} - cost)",
        [
            (
                "{A} buys {gr} {x} at ${per} each and pays with ${paid}. How much change does"
                " {A_he} get?"
            ),
            "{A} has ${paid}. {A_he} buys {gr} {x} for ${per} each. How much [money |]is left?",
            (
                "A {x1} costs ${per}. {A} takes {gr} and hands over ${paid}. [What|How much] does"
                " {A_he} get back?"
            ),
        ],
        [
            "With ${paid} in hand, {A} takes {gr} {x} of ${per} apiece to the till. What is left of"
            " the money?"
        ],
        False,
    ),
    Family(
        "two_products",
        _numbers,
        "print({few} * {per} + {gr} * {u})",
        [
            (
                "{A} buys {few} {x} at ${per} each and {gr} {y} at ${u} each. How much does {A_he}"
                " [pay|spend] [in all|altogether|in total]?"
            ),
            "There are {few} {c} of {per} {x} and {gr} {c} of {u} {x}. How many {x} are there?",
            (
                "{A} works {few} hours at ${per} an hour and {gr} hours at ${u} an hour. How much"
                " does {A_he} earn?"
            ),
            (
                "{A} reads {per} pages a day for {few} days and then {u} pages a day for {gr} days."
                " How many pages is that?"
            ),
            "A {place} sells {x} for ${per} and {y} for ${u}. What do {few} {x} and {gr} {y} cost?",
        ],
        ["On the bill: {few} times {x} at ${per}, {gr} times {y} at ${u}. What is the sum?"],
        False,
    ),
    Family(
        "times_as_many",
        _numbers,
        "print({n} * {few})",
        [
            "{A} has {n} {x}. {B} has {few} times as many. {noise} How many {x} does {B} have?",
            "There are {n} {x} and {few} times as many {y}. How many {y} are there?",
            "{A} [ran|walked] {n} miles. {B} went {few} times as far. How far did {B} go?",
            "{A} saved ${n}, and {B} saved {few} times as much. How much did {B} save?",
        ],
        ["For every {x1} of {A}, {B} has {few}. {A} has {n}. What does {B} have?"],
        False,
    ),
    Family(
        "times_total",
        _numbers,
        "other = {n} * {few}\nprint({n} + other)",
        [
            (
                "{A} has {n} {x}. {B} has {few} times as many. How many {x} do they have"
                " [together|in all]?"
            ),
            (
                "There are {n} {x} and {few} times as many {y}. How many {x} and {y} are there"
                " [together|altogether]?"
            ),
        ],
        ["{A}'s {n} {x} and {B}'s {few} times larger number are put together. How many are there?"],
        False,
    ),
    Family(
        "times_as_many_back",
        _numbers,
        "print({tot} / {gr})",
        [
            (
                "{A} has {tot} {x}, [which is|that is] {gr} times as many as {B}. How many does {B}"
                " have?"
            ),
            (
                "{A} has {gr} times as many {x} as {B}. {A} has {tot}. {noise} How many {x} does"
                " {B} have?"
            ),
            "{tot} {m} came today, {gr} times as many as yesterday. How many came yesterday?",
        ],
        ["{A}'s {tot} {x} are {gr} times what {B} owns. What does {B} own?"],
        False,
    ),
    Family(
        "half_left",
        lambda r: {"n": 2 * r.randint(2, 200), "d": r.randint(1, 60), "k": r.randint(2, 90)},
        "left = {n} / 2\nprint(left + {d})",
        [
            (
                "{A} had {n} {x}. {A_he} gave half of them to {B} and then got {d} more. How many"
                " {x} does {A_he} have now?"
            ),
            "{A} had ${n}, spent half of it and then earned ${d}. How much does {A_he} have?",
            "Of {n} {m}, half went home. Then {d} came. How many are there now?",
        ],
        ["A {c1} of {n} {x} is emptied by half, and {d} are put in. What does it hold?"],
        False,
    ),
    Family(
        "daily_use",
        lambda r: (lambda a, d: {"start": a * d + r.randint(1, 50), "a": a, "days": d})(
            r.randint(2, 20), r.randint(2, 12)
        ),
        "used = {a} * {days}\nprint({start} - used)",
        [
            (
                "{A} has {start} {f} and eats {a} [a|each|every] day. How many are left after"
                " {days} days?"
            ),
            (
                "A {place} has {start} {x} and sells {a} [a|per] day. How many [are left|remain]"
                " after {days} days?"
            ),
            (
                "{A} must read {start} pages and reads {a} [a|every] day. How many are left after"
                " {days} days?"
            ),
        ],
        ["Every day {a} of the {start} {x} go. What is there when {days} days are over?"],
        False,
    ),
    Family(
        "weekly_total",
        lambda r: {"a": r.randint(1, 20), "b": r.randint(1, 20), "w": r.randint(2, 12)},
        "per_week = 5 * {a} + 2 * {b}\nprint({w} * per_week)",
        [
            (
                "{A} [works|trains|reads] {a} hours on weekdays and {b} hours on each day of the"
                " weekend. How many hours is that in {w} weeks?"
            ),
            (
                "A {place} sells {a} {x} each day from Monday to Friday and {b} each day on"
                " Saturday and Sunday. How many {x} does it sell in {w} weeks?"
            ),
        ],
        [
            "Five days a week {a} {x} are used, the other two days {b} each. What is used in {w}"
            " weeks?"
        ],
        False,
    ),
]

"""Word problems of one or two steps: compare, more and fewer, part and whole, tables."""

import random

from .family import Family, Slots


def numbers(rng: random.Random) -> Slots:
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

FAMILIES = [
    Family(
        "compare_kinds",
        numbers,
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
        numbers,
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
                "{A} [did|scored|read|wrote] {n} [laps|points|pages|drawings], {B} [did|got|had]"
                " {k}. {noise} [How many more did {A} have|By how many is {A} ahead|How many more"
                " does {A} have than {B}]?"
            ),
        ],
        ["{A} beats {B} by some {x}: {A} has {n}, {B} has {k}. By how many?"],
        False,
    ),
    Family(
        "relative_more",
        numbers,
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
        numbers,
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
        numbers,
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
        numbers,
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
        numbers,
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
        "table_sum",
        numbers,
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
        numbers,
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
]

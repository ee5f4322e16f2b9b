"""More word problems: two steps, two kinds of things, numbers that do not matter."""

import random

from .family import Family, Slots


def _n(rng: random.Random, low: int = 2) -> int:
    return rng.randint(low, rng.choice([10, 20, 50, 100, 100, 1000, 9000]))


def _kinds(rng: random.Random) -> Slots:
    """a1 >= b1 and a2 >= b2 of two kinds; u, w, r do not depend on them."""
    b1, b2 = _n(rng, 1), _n(rng, 1)
    return {
        "a1": b1 + _n(rng),
        "b1": b1,
        "a2": b2 + _n(rng),
        "b2": b2,
        "u": _n(rng),
        "w": _n(rng),
        "r": _n(rng),
    }


def _groups(rng: random.Random) -> Slots:
    per, g, per2, g2 = (
        rng.randint(2, 30),
        rng.randint(2, 30),
        rng.randint(2, 60),
        rng.randint(2, 60),
    )
    left = rng.randint(1, 60)
    return {
        "per": per,
        "gr": g,
        "tot": per * g,
        "per2": per2,
        "gr2": g2,
        "tot2": per2 * g2,
        "left": left,
        "sum": per * g + left,
        "r": _n(rng),
        "cut": rng.randint(1, per * g),
        "extra": rng.randint(1, 80),
    }


def _split(rng: random.Random) -> Slots:
    """stay < n, gone = n - stay, with gone > stay."""
    stay = _n(rng, 1)
    gone = stay + _n(rng, 1)
    return {"n": stay + gone, "stay": stay, "gone": gone, "r": _n(rng)}


def _excess(rng: random.Random) -> Slots:
    small = _n(rng)
    d = _n(rng, 1)
    return {
        "big": small + d,
        "small": small,
        "d": d,
        "all": 2 * small + d,
        "r": _n(rng),
        "e": _n(rng),
    }


def _price(rng: random.Random) -> Slots:
    off = rng.randint(1, 60)
    price = off + rng.randint(2, 90)
    n = rng.randint(2, 12)
    return {
        "price": price,
        "off": off,
        "n": n,
        "paid": (price - off) * n,
        "r": _n(rng),
        "cheap": price - off,
        "tax": rng.randint(1, (price) * n),
        "budget": price * n,
    }


def _chain(rng: random.Random) -> Slots:
    a, k, d = rng.randint(3, 60), rng.randint(2, 6), rng.randint(1, 30)
    word = {2: "twice", 3: "three times"}.get(k, f"{k} times")
    return {
        "a": a,
        "k": k,
        "d": d,
        "word": word,
        "e": rng.randint(1, 40),
        "h": 2 * rng.randint(2, 50),
        "p": rng.choice([10, 20, 25, 50]),
    }


def _plan(rng: random.Random) -> Slots:
    return {
        "n": rng.randint(2, 9),
        "p": rng.randint(2, 30),
        "m2": rng.randint(2, 9),
        "q": rng.randint(2, 30),
        "w": rng.randint(2, 12),
        "s": rng.randint(1, 20),
        "off": rng.choice([10, 20, 25, 50]),
        "days": rng.randint(2, 6),
    }


_PAIR = (
    "[{A} had {a1} {adj} {x} and {a2} {adj2} {x}.|{A} has {a1} {adj} and {a2} {adj2} {x}.|There"
    " were {a2} {adj2} {x} and {a1} {adj} {x} in the {place}.|{A} [bought|made|collected] {a1}"
    " {adj} {x} and {a2} {adj2} {x}.]"
)
_USED = (
    "[{A_he} [ate|used|sold|gave away|lost] {b1} {adj} {x} and {b2} {adj2} {x}.|{A_he} [sold|gave"
    " away] {b2} of the {adj2} and {b1} of the {adj} {x}.|{B} took {b1} {adj} {x} and {b2} {adj2}"
    " ones.]"
)
_PAIR_XY = (
    "[{A} had {a1} {x} and {a2} {y}.|There were {a1} {x} and {a2} {y} in the {place}.|A"
    " [farmer|shop|teacher|collector] had {a2} {y} and {a1} {x}.|{A} [collects|keeps|sells] {x} and"
    " {y}. {A_he} had {a1} {x} and {a2} {y}.]"
)
_USED_XY = (
    "[{A_he} [used|sold|gave away|lost] {b1} {x} and {b2} {y}.|{b1} {x} and {b2} {y} were"
    " [sold|lost|taken].|[After {A} gave some to {B}, {A_he} had {b1} {x} and {b2} {y} fewer.|{B}"
    " got {b1} {x} and {b2} {y} from {A}.]]"
)
_LEFT_XY = (
    "[{A} [gave some of them to {B} and |]now has {b1} {x} and {b2} {y} [left|]. |Then some were"
    " [sold|given away|lost], and {b1} {x} and {b2} {y} were left. ]"
)

FAMILIES = [
    Family(
        "kind_left",
        _kinds,
        "print({a1} - {b1})",
        [
            _PAIR + " " + _USED + " How many {adj} {x} [are left|remain|were left]?",
            _PAIR_XY + " " + _USED_XY + " How many {x} [are left|remain|are there now]?",
            _PAIR_XY
            + " {b1} {x} [were sold|were lost|were given away|are gone]. How many {x} are left?",
            (
                "{A} [had|made] {a1} {x}. {A_he} [also |]had {a2} {y}. {A_he} [gave|sold] {b1} {x}"
                " [to {B}|]. How many {x} does {A_he} have [left|now]?"
            ),
            (
                "{A} [needs|wants] {a1} {x} and {a2} {y}. {A_he} [already |]has {b1} {x}[ and {b2}"
                " {y}|]. How many more {x} does {A_he} need?"
            ),
            (
                "A recipe [calls for|needs] {a1} cups of {f} and {a2} cups of [sugar|flour|milk]."
                " {A} has [put in|added] {b1} cups of {f}. How many more cups of {f} are needed?"
            ),
            (
                "{A} did {a1} {x} and {a2} {y} on {day}, and {b1} {x} on {day2}. How many more {x}"
                " were done on {day}?"
            ),
        ],
        ["Of the {a1} {x} and {a2} {y}, {b1} {x} are out of use. How many {x} can still be used?"],
        False,
    ),
    Family(
        "kinds_difference_after",
        _kinds,
        "print(({a1} - {b1}) + ({a2} - {b2}))",
        [
            _PAIR + " " + _USED + " How many {x} [are left|remain] [in all|altogether|in total]?",
            _PAIR_XY
            + " "
            + _USED_XY
            + " How many [things|items|{x} and {y}] are left [in all|altogether|together]?",
        ],
        ["What remains in sum when {b1} of {a1} {x} and {b2} of {a2} {y} are taken?"],
        False,
    ),
    Family(
        "kind_taken",
        _kinds,
        "print({a1} - {b1})",
        [
            _PAIR_XY + " " + _LEFT_XY + "How many {x} are gone?",
            (
                "{A} had {a1} {x} and {a2} {y}. After giving some to {B}, {A_he} [had|has] {b1} {x}"
                " and {b2} {y} left. How many {x} did {A_he} give to {B}?"
            ),
            (
                "[At first|Yesterday] there were {a1} {x} and {a2} {y}. Now there are {b1} {x}. How"
                " many {x} [went missing|are missing|were taken]?"
            ),
        ],
        ["The count of {x} fell from {a1} to {b1}, while {a2} {y} stayed. How many {x} went?"],
        False,
    ),
    Family(
        "more_left_than_stayed",
        _split,
        "left = {n} - {stay}\nprint(left - {stay})",
        [
            (
                "There were {n} {m} [in|at] the {place}. After some left, {stay} were still there."
                " How many more [left than stayed|{m} left than stayed behind]?"
            ),
            (
                "{A} had {n} {x}. {A_he} gave some away and kept {stay}. How many more did {A_he}"
                " give away than keep?"
            ),
            (
                "Of {n} {x}, {stay} are {adj} and the others {adj2}. How many more {adj2} than"
                " {adj} {x} are there?"
            ),
        ],
        ["{n} came, {stay} remain. By how much is the number of those who went larger?"],
        False,
    ),
    Family(
        "both_groups",
        _kinds,
        "print({a1} + {a2})",
        [
            (
                "[In|At] a [school|club|camp|company] there are {a1} girls and {a2} boys. There are"
                " [also |]{r} [teachers|dogs|cars]. How many children are there[ in all|]?"
            ),
            (
                "{a1} {m} [stay|stayed] home and the other {a2} [go|went] [to camp|to the"
                " {place}|on a trip]. How many {m} are there [in all|altogether]?"
            ),
            (
                "{a1} {m} came to the {place} on {day}, {a2} on {day2}. The {place} has {r} {y}."
                " How many {m} came on the two days?"
            ),
            (
                "{A} has {a1} {x}, {a2} {y} and {r} {z}. How many {x} and {y} does {A_he} have"
                " together?"
            ),
            (
                "{A} [received|wrote|sent] {a1} letters in the morning and {a2} in the"
                " [afternoon|evening]. {A_he} also [got|made] {r} [calls|visits]. How many letters"
                " [was that|were there] that day?"
            ),
        ],
        ["Not counting the {r} {z}, what do {a1} {x} and {a2} {y} make?"],
        False,
    ),
    Family(
        "three_parts",
        _kinds,
        "print({u} + {w} + {r})",
        [
            (
                "{A} [got|received|sold|picked|saw] {u} {x} in the morning, {w} [{x} |]in the"
                " afternoon and {r} in the evening. How many {x} [is that|was that] [in all|that"
                " day|altogether]?"
            ),
            (
                "There are {u} {adj}, {w} {adj2} and {r} {adj3} {x}. How many {x} are there [in"
                " all|altogether|in total]?"
            ),
            (
                "{A} has {u} {x}, {B} has {w} and {C} has {r}. How many [{x} |]do they have"
                " [together|in all]?"
            ),
            (
                "On {day} {u} {m} came, on {day2} {w} and on {day3} {r}. How many {m} came in"
                " [all|these three days]?"
            ),
        ],
        ["The three piles hold {u}, {w} and {r} {x}. What is the total?"],
        False,
    ),
    Family(
        "two_of_three",
        _kinds,
        "print({u} + {w})",
        [
            (
                "{A} [got|sold|picked] {u} {x} in the morning, {r} in the afternoon and {w} in the"
                " evening. How many {x} [was that|were there] in the morning and the evening"
                " [together|]?"
            ),
            "There are {u} {adj}, {r} {adj2} and {w} {adj3} {x}. How many are {adj} or {adj3}?",
            "{A} has {u} {x}, {B} has {r} and {C} has {w}. How many do {A} and {C} have together?",
            (
                "{u} {m} came on {day}, {r} on {day2} and {w} on {day3}. How many came on {day} and"
                " {day3}?"
            ),
        ],
        ["Leaving {B}'s {r} {x} aside, {A}'s {u} and {C}'s {w} are added. What is the sum?"],
        False,
    ),
    Family(
        "difference_of_two_in_three",
        _kinds,
        "print({a1} - {b1})",
        [
            (
                "{A} [got|sold|picked|ate] {a1} {x} in the morning, {r} in the afternoon and {b1}"
                " in the evening. How many more {x} [was that|were there] in the morning than in"
                " the evening?"
            ),
            (
                "There are {b1} {adj}, {r} {adj2} and {a1} {adj3} {x}. How many more {adj3} than"
                " {adj} {x} are there?"
            ),
            "{A} has {a1} {x}, {B} has {r} and {C} has {b1}. How many more does {A} have than {C}?",
            (
                "Every day {A} spends {a1} minutes on [reading|running|English], {b1} on"
                " [chess|music|Spanish] and {r} on [painting|maths|cooking]. How many more minutes"
                " are spent on the first than on the second?"
            ),
            (
                "{a1} {m} came on {day}, {r} on {day2} and {b1} on {day3}. How many more came on"
                " {day} than on {day3}?"
            ),
            (
                "{a1} {m} stayed at home and {b1} went to [camp|the {place}]. There are {r} {y}"
                " there. How many more {m} stayed at home than went [away|there]?"
            ),
        ],
        ["Look only at the {a1} {x} and the {b1} {z}, not at the {r} {y}. What is the difference?"],
        False,
    ),
    Family(
        "body_change",
        _kinds,
        "print({a1} - {b1})",
        [
            (
                "{A} weighed {a1} pounds before {A_he} [began|started] [to run|jogging|a diet]."
                " {A_he} lost {b1} pounds. How much does {A_he} weigh now?"
            ),
            (
                "[After|Since] {A} started [swimming|to run], {A_he} lost {b1} kilograms. {A_he}"
                " weighed {a1} [kilograms |]before. How much does {A_he} weigh now?"
            ),
            (
                "A [tree|plant|candle] was {a1} [inches|cm] tall. {b1} [inches|cm] [were cut"
                " off|burned down|broke off]. How tall is it now?"
            ),
            (
                "The [cave|tunnel|trail|road] is {a1} [feet|meters|miles] long. {A} has gone {b1}."
                " How much [farther|more] [is it|must {A_he} go]?"
            ),
            "The temperature was {a1} degrees. It fell by {b1}. [What|How high] is it now?",
        ],
        ["From {a1} pounds {A} came down by {b1}. What do the scales show?"],
        False,
    ),
    Family(
        "group_size_of_one_kind",
        _groups,
        "print({tot} / {gr})",
        [
            (
                "There are {tot} {x} and {tot2} {y}. The {x} are [in|put into|organized in] {gr}"
                " [groups|{c}] and the {y} in {gr2}. How [many {x} are in each|big is each group of"
                " {x}]?"
            ),
            (
                "{A} has {tot} {x} and {r} {y}. {A_he} puts the {x} in {gr} {c}, the same number in"
                " each. How many {x} are in a {c1}?"
            ),
            (
                "{A} used {tot} {x} to make {gr} [necklaces|cakes|chains|gifts] for {r}"
                " [friends|guests]. How many {x} [are in each|did each need]?"
            ),
            (
                "{tot} {m} [sit|ride] in {gr} [seats|cars|boats|wagons], the same number in each."
                " [There are|The ride lasts] {r} [trees|minutes]. How many {m} are in each one?"
            ),
        ],
        ["With {tot} {x} in {gr} {c} and {tot2} {y} in {gr2}, what is in one of the {x} {c}?"],
        False,
    ),
    Family(
        "groups_of_kind_count",
        _groups,
        "print({tot} / {per})",
        [
            (
                "{A} has {tot} {x} and {tot2} {y}. {A_he} makes [groups|bags|boxes] of {per} {x}"
                " and of {per2} {y}. How many of them have {x}?"
            ),
            (
                "{A} has {tot} {x}. {per} {x} are needed for one gift. {A_he} has {r}"
                " [friends|cousins]. How many gifts can {A_he} make?"
            ),
            (
                "{A} has ${tot}. [Each|A] {x1} costs ${per} and a {y1} ${per2}. How many {x} can"
                " {A_he} buy?"
            ),
            (
                "{A} [bought|got] some {x} for ${tot}. Each cost ${per}. [A {y1} costs ${r}.|{A_he}"
                " paid with {r} coins.] How many {x} did {A_he} buy?"
            ),
        ],
        [
            "At {per} {x} a piece of work and {tot} {x} in stock, how many pieces of work are"
            " possible?"
        ],
        False,
    ),
    Family(
        "give_equal_keep_some",
        _groups,
        "given = {sum} - {left}\nprint(given / {gr})",
        [
            (
                "{A} had {sum} {x}. {A_he} gave equal numbers to {gr} friends and still had {left}"
                " left. How many did each friend get?"
            ),
            (
                "{A} has {sum} {x}. {left} [are left over|remain] after {A_he} fills {gr} {c}"
                " equally. How many {x} are in each {c1}?"
            ),
            (
                "{sum} {m} come. {left} [walk|go by bike] and the others go in {gr} {v}, the same"
                " number in each. How many are in each {v1}?"
            ),
        ],
        ["Take {left} off {sum} {x} and deal the rest to {gr} people alike. What does one get?"],
        False,
    ),
    Family(
        "groups_plus_extra",
        _groups,
        "print({gr} * {per} + {extra})",
        [
            (
                "{A} has {gr} [packages|{c}|rolls] of {x} with {per} in each, and {extra}"
                " [extra|more|single|loose] {x}. How many {x} [is that|does {A_he} have]?"
            ),
            (
                "There are {per} {x} in each {c1}. {A} has {gr} {c} and {extra} extra {x}. How many"
                " {x} does {A_he} have?"
            ),
            (
                "{A} earns ${per} [an hour|a day|every week]. {A_he} works {gr} of them and gets"
                " ${extra} extra. How much does {A_he} get?"
            ),
            (
                "A {place} has {gr} rows of {per} {x} and {extra} more at the side. How many {x}"
                " are there?"
            ),
        ],
        ["To {gr} times {per} {x} come another {extra}. What is the number now?"],
        False,
    ),
    Family(
        "earn_minus",
        _groups,
        "print({gr} * {per} - {cut})",
        [
            (
                "{A} earns ${per} [every|a|each] week [during|for] {gr} weeks. {A_he} [has to"
                " pay|pays|spends] ${cut} [for rent|in tax|on food]. How much [money |]does {A_he}"
                " have [at the end|left]?"
            ),
            (
                "{A} [collects|picks|makes] {per} {x} [a|every] day for {gr} days. {A_he} [throws"
                " away|gives away|sells] {cut} of them. How many are left?"
            ),
            "There are {gr} {c} of {per} {x}. {A} [used|sold|lost] {cut}. How many {x} are left?",
            (
                "They harvest {gr} sacks of {f} with {per} in each and discard {cut} [{f}|of"
                " these]. How many {f} are left?"
            ),
        ],
        ["{per} {x} come in on each of {gr} days, and {cut} go out in the end. What stays?"],
        False,
    ),
    Family(
        "smaller_plus_bigger",
        _excess,
        "small = {big} - {d}\nprint({big} + small)",
        [
            (
                "[In a school|In a club] there are {big} girls. There are {d} more girls than boys."
                " How many children are there[ in all|]?"
            ),
            "{A} has {big} {x}, {d} more than {B}. How many {x} do they have [together|in all]?",
            "There are {big} {x} and {d} fewer {y}. How many are there [together|in all|of both]?",
        ],
        ["{A} is ahead by {d} with {big} {x}. What have {A} and {B} together?"],
        False,
    ),
    Family(
        "second_part",
        _excess,
        "print({all} - {small})",
        [
            (
                "A book has {all} pages in two chapters. The [first|second] chapter has {small}"
                " pages. How many pages are in the other chapter?"
            ),
            (
                "{A} and {B} have {all} {x} [together|in all]. {B} has {small}. How many does {A}"
                " have?"
            ),
            (
                "{all} {m} were in the {place}. {small} of them were {adj2}. [There were {r} {y}"
                " too.|] How many were not {adj2}?"
            ),
            (
                "{A} [walked|drove|ran] {all} miles on {day} and {day2} together. On {day} it was"
                " {small} miles. How many [miles |]was it on {day2}?"
            ),
        ],
        [
            "One of two parts of {all} pages is {small} pages long. What is the length of the"
            " second?"
        ],
        False,
    ),
    Family(
        "more_than_inverse",
        _excess,
        "print({big} - {d})",
        [
            (
                "{A} brought {big} {x}[ to the {place}|]. {A} brought {d} more [{x} |]than {B}. How"
                " many {x} did {B} bring?"
            ),
            (
                "{A} has {big} {x} and {e} {y}. {A} has {d} more {x} than {B}. How many {x} does"
                " {B} have?"
            ),
            "{A} did {big} push-ups, {d} more than {B}[ did|]. How many did {B} do?",
            (
                "{A} did {d} more push-ups than {B}. {A} did {big}[ of them|]. {B} also did {e}"
                " sit-ups. How many push-ups did {B} do?"
            ),
            (
                "[Today|This year] {big} {m} came, which is {d} more than [yesterday|last year]."
                " How many came [then|before]?"
            ),
        ],
        ["{B} trails {A}, who has {big} {x}, by {d}. What does {B} have?"],
        False,
    ),
    Family(
        "less_than_inverse",
        _excess,
        "print({small} + {d})",
        [
            "{A} did {small} push-ups, {d} fewer than {B}. How many did {B} do?",
            (
                "{A} has {small} {x} and {e} {y}. {A} has {d} fewer {x} than {B}. How many {x} does"
                " {B} have?"
            ),
            (
                "{A} did {d} fewer [sit-ups|push-ups|laps] than {B}. {A} did {small}. How many did"
                " {B} do?"
            ),
            (
                "[Today|This year] {small} {m} came, {d} fewer than [yesterday|last year]. How many"
                " came [then|before]?"
            ),
        ],
        [
            "If {A} got {d} more {x} than the {small} {A_he} has, {A_he} would be level with {B}."
            " What does {B} have?"
        ],
        False,
    ),
    Family(
        "discount_each",
        _price,
        "print({price} - {off})",
        [
            (
                "Each [pack|box|set] of {x} costs {price} dollars. There is a discount of {off}"
                " dollars on each. How much [do you have to pay|is it] for one?"
            ),
            (
                "A {x1} [usually |normally |]costs ${price}. {A} got ${off} off. [It came with {r}"
                " {y}.|] How much did {A_he} pay?"
            ),
            (
                "A {x1} cost ${price} [last year|before]. Now it is ${off} cheaper. What does it"
                " cost now?"
            ),
        ],
        ["By ${off} the price of a {x1}, once ${price}, was cut. What is it?"],
        False,
    ),
    Family(
        "discount_many",
        _price,
        "each = {price} - {off}\nprint({n} * each)",
        [
            (
                "Each [pack|box|set] of {x} costs {price} dollars. There is a discount of {off}"
                " dollars on each. How much do {n} cost?"
            ),
            (
                "{A} buys {n} {x} at ${price} each, with ${off} off each one. How much does {A_he}"
                " pay?"
            ),
        ],
        ["${off} less than ${price} is asked for a {x1}. What do {n} of them come to?"],
        False,
    ),
    Family(
        "discounted_count",
        _price,
        "print({paid} / {cheap})",
        [
            (
                "[Each|A] {x1} costs {cheap} dollars. {A} [spent|paid] ${paid} [on {x}|for some]."
                " [A {y1} costs ${r}.|] How many {x} did {A_he} [buy|get]?"
            ),
        ],
        ["All in all ${paid} went for {x}, ${cheap} apiece. How many is that?"],
        False,
    ),
    Family(
        "cost_difference",
        _price,
        "print({price} - {cheap})",
        [
            (
                "{A} [spent|paid] ${price} [on|for] a {x1} and ${cheap} [on|for] a {y1}. How much"
                " more did the {x1} cost?"
            ),
            (
                "A {x1} costs ${price}. A {y1} costs ${cheap}. {A} has {n} dollars. How much more"
                " does the {x1} cost than the {y1}?"
            ),
            (
                "{A} spent {price} dollars on {day} and {cheap} on {day2}. How much more was it on"
                " {day}?"
            ),
        ],
        ["{x} go for ${price} and {y} for ${cheap}. By how much are {x} dearer?"],
        False,
    ),
    Family(
        "chain_of_two",
        _chain,
        "b = {k} * {a}\nc = b + {d}\nprint({a} + b + c)",
        [
            (
                "{A} has {a} {x}. {B} has {word} as many as {A}. {C} has {d} more than {B}. How"
                " many {x} do they have [together|in all|altogether]?"
            ),
            (
                "{A} [read|picked|sold] {a} {x}, {B} {word} as many and {C} {d} more than {B}. How"
                " many {x} is that in all?"
            ),
            (
                "There are {a} {x}, {word} as many {y}, and {d} more {z} than {y}. How many things"
                " are there?"
            ),
        ],
        [
            "Starting from {A}'s {a} {x}, {B} has {word} that number, and {C} beats {B} by {d}."
            " What is the sum of all three?"
        ],
        False,
    ),
    Family(
        "chain_last",
        _chain,
        "b = {k} * {a}\nprint(b + {d})",
        [
            (
                "{A} has {a} {x}. {B} has {word} as many as {A}. {C} has {d} more than {B}. How"
                " many {x} does {C} have?"
            ),
            (
                "{B} has {d} more than {word} as many {x} as {A}. {A} has {a}. How many {x} does"
                " {B} have?"
            ),
            (
                "{A} is {a} years old. {B} is {word} as old as {A}. {C} is {d} years older than"
                " {B}. How old is {C}?"
            ),
        ],
        ["Multiply {A}'s {a} {x} by {k} and add {d}: that is what {B} has. How many?"],
        False,
    ),
    Family(
        "chain_half",
        _chain,
        "b = {h} / 2\nprint({h} + b + {e})",
        [
            (
                "{A} has {h} {x}. {B} has half as many[ as {A}|]. {C} has {e}. How many {x} do"
                " [they|the three] have [together|in all]?"
            ),
            (
                "On {day} {h} {x} were sold, on {day2} half as many, and on {day3} {e}. How many"
                " {x} were sold [in all|altogether|on the three days]?"
            ),
        ],
        ["{h} {x}, half of that again, and {e} on top: what is the total?"],
        False,
    ),
    Family(
        "chain_percent",
        lambda r: (s := _chain(r)) | {"n": 20 * r.randint(1, 40)},
        "part = {n} * {p} / 100\nprint({n} - part)",
        [
            "{A} has {n} {x}. {A_he} gives {p}% of them to {B}. How many does {A_he} have left?",
            "There are {n} {m} in a school. {p}% [of them |]are absent. How many are there?",
            "{A} had ${n} and spent {p}% of it [on {x}|]. How much [is left|does {A_he} have]?",
            "A {place} had {n} {x} and sold {p} percent of them. How many are left?",
        ],
        ["All but {p}% of {n} {x} are still there. How many is that?"],
        False,
    ),
    Family(
        "shopping_list",
        _plan,
        "print({n} * {p} + {m2} * {q} + {s})",
        [
            (
                "{A} buys {n} {x} for ${p} each, {m2} {y} for ${q} each and a {z1} for ${s}. How"
                " much does {A_he} [pay|spend] [in all|altogether|in total]?"
            ),
            (
                "A {x1} costs ${p}, a {y1} ${q} and a {z1} ${s}. How much do {n} {x}, {m2} {y} and"
                " one {z1} cost?"
            ),
        ],
        [
            "The bill lists one {z1} at ${s}, {n} {x} at ${p} and {m2} {y} at ${q}. What does it"
            " come to?"
        ],
        False,
    ),
    Family(
        "shopping_discount",
        _plan,
        "total = {n} * {p} + {m2} * {q}\nprint(total - total * {off} / 100)",
        [
            (
                "{A} buys {n} {x} for ${p} each and {m2} {y} for ${q} each. {A_he} gets {off}% off"
                " [the total|everything]. How much does {A_he} pay?"
            ),
            (
                "{n} {x} at ${p} each and {m2} {y} at ${q} each are bought with a discount of"
                " {off}%. What is [paid|the price]?"
            ),
        ],
        [
            "{off}% is taken off a bill of {n} {x} at ${p} and {m2} {y} at ${q}. What is left to"
            " pay?"
        ],
        False,
    ),
    Family(
        "weekly_plan",
        _plan,
        "per_week = {n} * {days}\nprint(per_week * {w})",
        [
            (
                "{A} [runs|walks|rides] {n} miles a day, {days} days a week. How many miles is that"
                " in {w} weeks?"
            ),
            (
                "{A} [eats|uses|makes] {n} {x} a day on {days} days of every week. How many {x} is"
                " that in {w} weeks?"
            ),
            "A class meets {days} times a week for {n} hours. How many hours is that in {w} weeks?",
        ],
        ["In each of {w} weeks there are {days} days with {n} {x}. What is the number of {x}?"],
        False,
    ),
    Family(
        "weekly_pay",
        _plan,
        "pay = {n} * {p} * {days}\nprint(pay - {s})",
        [
            (
                "{A} works {n} hours a day for ${p} an hour, {days} days a week. {A_he} pays ${s}"
                " for [the bus|food|rent]. How much is left of a week's pay?"
            ),
            (
                "{A} works {n} hours on each of {days} days and gets ${p} an hour. {A_he} spends"
                " ${s}. How much does {A_he} have left?"
            ),
        ],
        [
            "{days} days, {n} hours each, ${p} for the hour, minus ${s} of costs: what does {A}"
            " take home?"
        ],
        False,
    ),
]

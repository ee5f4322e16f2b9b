"""Word problems about equal groups, prices and multiples."""

from .family import Family
from .stories_compare import numbers

_GROUPS = (
    "[There are {gr} {c} with {per} {x} [each|in each|in every {c1}].|{A} has {gr} {c} of {x}."
    " [Each|Every] {c1} [has|holds|contains] {per} {x}.|Each of {gr} {c} [holds|has|contains] {per}"
    " {x}.|{A} packed {per} {x} in each of {gr} {c}.|{A} bought {gr} {c} of {x}, {per} in each.]"
)

FAMILIES = [
    Family(
        "groups_total",
        numbers,
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
        numbers,
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
        numbers,
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
                "A {c1} has room for {per} {x}. {A} filled some {c} with {tot} {x}. How many {c}"
                " are full?"
            ),
        ],
        ["How often can {per} {x} be taken out of a {c1} with {tot} until it is empty?"],
        False,
    ),
    Family(
        "groups_left_over",
        numbers,
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
        numbers,
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
        numbers,
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
        lambda r: (s := numbers(r)) | {"gone": r.randint(1, int(s["tot"]) - 1)},
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
        lambda r: (s := numbers(r)) | {
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
        numbers,
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
        "shopping_change",
        lambda r: (s := numbers(r)) | {"paid": int(s["tot"]) + r.randint(1, 60)},
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
        numbers,
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
        numbers,
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
        numbers,
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
        numbers,
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

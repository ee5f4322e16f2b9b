"""Plots (see plots.py) about money, time, work, distances, sizes and averages."""

from .gsm8k import Worked
from .plots import Kind, Plot, times_word


def shopping(plot: Plot) -> Worked:
    """Two or three things at prices that may depend on each other; then discount, tax or change."""
    n, m, p, d = plot.draw(2, 12), plot.draw(2, 12), plot.draw(2, 40), plot.draw(1, 20)
    q, k = plot.draw(2, 40), plot.draw(2, 4)
    price, expression = plot.rng.choice(
        [
            (f"[a|each] {{y1}} costs ${q}", str(q)),
            (f"a {{y1}} costs ${d} more than a {{x1}}", f"{p} + {d}"),
            (f"a {{y1}} costs ${d} less than a {{x1}}", f"{p} - {d}"),
            (f"a {{y1}} costs {times_word(plot, k)} as much as a {{x1}}", f"{k} * {p}"),
            ("a {y1} costs half as much as a {x1}", f"{p} / 2"),
        ]
    )
    price = plot.phrase(price)
    told = [
        f"[A|Each] {{x1}} costs ${p}[, and| and|;] {price}.",
        f"{{A}} [buys|bought] {n} {{x}} and {m} {{y}}.",
    ]
    if plot.chance(0.3):
        told.reverse()
    for text in told:
        plot.say(text)
    if not expression.isdigit():
        plot.step(f"For the price, {price}", "price", expression)
        expression = "price"
    plot.step(f"The {n} {{x}} cost", "first", f"{n} * {p}")
    plot.step(f"The {m} {{y}} cost", "second", f"{m} * {expression}")
    if plot.chance(0.15):
        plot.step("The difference of the two", "difference", "first - second")
        return plot.finish("How much more [did|does] {A_he} pay for the {x} than for the {y}?")
    plot.step("Together they cost", "total", "first + second")
    return _settle(plot)


def _settle(plot: Plot) -> Worked:
    """What is paid of a `total` in the end."""
    kind = plot.rng.choice(["total", "change", "discount", "coupon", "shared", "short", "tax"])
    p, off = plot.draw(5, 50, 5), plot.draw(2, 30)
    if kind == "change":
        paid = int(plot.value("total")) + plot.draw(1, 60)
        plot.say(f"{{A_he}} [pays with|has|hands over] ${paid}.")
        plot.step(f"From the ${paid} that {{A_he}} has", "left", f"{paid} - total")
        return plot.finish(
            "How much [change does {A_he} get|money is left|money does {A_he} have left]?"
        )
    if kind == "discount":
        plot.say(
            f"{{A_he}} [gets|has] [a discount of {p}% on|{p}% off] [the total|the whole price]."
        )
        plot.step(f"The discount is {p}% of the total", "discount", f"total * {p} / 100", False)
        plot.step("The total without the discount", "cost", "total - discount", False)
        return plot.finish("How much does {A_he} pay[ in the end| in dollars|]?")
    if kind == "tax":
        plot.say(f"[There is|{{A_he}} must add] {p}% tax.")
        plot.step(f"The tax is {p}% of the total", "tax", f"total * {p} / 100", False)
        plot.step("The total with the tax", "cost", "total + tax", False)
        return plot.finish("How much does {A_he} pay with tax?")
    if kind == "coupon":
        plot.say(f"{{A_he}} has a [coupon|voucher] for ${off}.")
        plot.step(f"The coupon takes ${off} off", "cost", f"total - {off}")
        return plot.finish("How much does {A_he} [have to |]pay?")
    if kind == "shared":
        people = plot.draw(2, 6)
        plot.step(f"{people} people share the cost", "each", f"total / {people}", False)
        return plot.finish(
            f"If {people} people share the cost equally, how much does each one pay?"
        )
    if kind == "short":
        have = max(1, int(plot.value("total")) - plot.draw(1, 60))
        plot.say(f"{{A_he}} has [only|saved] ${have}.")
        plot.step(f"Above the ${have} that {{A_he}} has", "missing", f"total - {have}")
        return plot.finish("How much more [money |]does {A_he} need?")
    return plot.finish("How much does {A_he} [pay|spend] [in all|altogether|in total|]?")


def earning(plot: Plot) -> Worked:
    """Pay by the hour, day or piece; costs, bonuses, saving towards something."""
    p, h, days, weeks = plot.draw(5, 40), plot.draw(2, 10), plot.draw(2, 6), plot.draw(2, 8)
    kind = plot.rng.choice(["weekly", "two rates", "pieces"])
    if kind == "weekly":
        plot.say(
            f"{{A}} [earns|makes|is paid] ${p} [an hour|per hour|for each hour]. {{A_he}} works {h}"
            f" hours [a|each|per] day, {days} days a week."
        )
        plot.step(f"{h} hours a day at ${p} an hour", "daily", f"{h} * {p}")
        plot.step(f"{days} days a week", "money", f"daily * {days}")
        if plot.chance(0.5):
            plot.step(f"{weeks} weeks", "income", f"money * {weeks}")
            plot.say(f"{{A_he}} [does this|works] for {weeks} weeks.")
            return _saving(plot, "income")
        return _saving(plot, "money")
    if kind == "two rates":
        extra, more = plot.draw(2, 20), plot.draw(2, 8)
        text, expression = plot.rng.choice(
            [
                (f"${p + extra} [an hour|per hour] on [the weekend|Sundays]", str(p + extra)),
                (f"${extra} more per hour on [the weekend|Sundays]", f"{p} + {extra}"),
                ("[twice|double] as much [an hour|per hour] on [the weekend|Sundays]", f"2 * {p}"),
            ]
        )
        plot.say(
            f"{{A}} earns ${p} an hour on weekdays and {text}.".replace("double as", "twice as")
        )
        plot.say(f"{{A_he}} worked {h * 3} hours on weekdays and {more} hours on the weekend.")
        rate = expression
        if not expression.isdigit():
            plot.step("The pay for an hour on the weekend", "rate", expression)
            rate = "rate"
        plot.step(f"{h * 3} hours on weekdays at ${p}", "first", f"{h * 3} * {p}")
        plot.step(f"{more} hours on the weekend", "second", f"{more} * {rate}")
        plot.step("Both together", "income", "first + second")
        return _saving(plot, "income")
    cost = plot.draw(1, p)
    n = plot.draw(3, 60)
    plot.say(
        f"{{A}} [makes|buys] {{x}} for ${cost} each and sells them for ${p} each. {{A_he}} sold {n}"
        " of them."
    )
    plot.step("The profit on one {x1}", "profit", f"{p} - {cost}")
    plot.step(f"The profit on {n} {{x}}", "income", f"profit * {n}")
    return _saving(plot, "income")


def _saving(plot: Plot, money: str) -> Worked:
    """What becomes of the money."""
    kind = plot.rng.choice(["earned", "left", "share", "things", "goal"])
    spent, n = plot.draw(2, 90), plot.draw(2, 8)
    if kind == "left":
        plot.say(f"{{A_he}} [spends|pays] ${spent} [on|for] [rent|food|the bus|a {{y1}}].")
        plot.step(f"After spending ${spent}", "left", f"{money} - {spent}")
        return plot.finish("How much [money |]does {A_he} have left?")
    if kind == "share":
        p = plot.draw(10, 60, 5)
        plot.say(f"{{A_he}} [saves|gives away|spends] {p}% of [it|the money].")
        verb = "save" if "saves" in plot.last else "give away" if "gives" in plot.last else "spend"
        plot.step(f"{p}% of the money", "part", f"{money} * {p} / 100", False)
        return plot.finish(f"How much [money |]does {{A_he}} {verb}?")
    if kind == "things":
        plot.step(f"At ${n} for a {{y1}}", "number", f"{money} / {n}")
        return plot.finish(
            f"How many {{y}} can {{A_he}} buy with [it|that money] if one costs ${n}?"
        )
    if kind == "goal":
        goal = int(plot.value(money)) + plot.draw(10, 200)
        plot.say(f"{{A_he}} wants [to buy |]a {{y1}} that costs ${goal}.")
        plot.step(f"The {{y1}} costs ${goal}", "missing", f"{goal} - {money}")
        return plot.finish("How much [more money does|more does] {A_he} need?")
    return plot.finish("How much [money |]does {A_he} [earn|make|get] [in all|altogether|]?")


def weeks_to_goal(plot: Plot) -> Worked:
    """Saved week by week until a price is reached."""
    get, use, have, weeks = plot.draw(8, 60), plot.draw(1, 30), plot.draw(5, 80), plot.draw(2, 20)
    rate = get - use
    if rate <= 0:
        rate = get
    goal = have + rate * weeks
    unit = plot.pick("week", "month", "day")
    plot.say(f"{{A}} wants a {{x1}} [that costs|for] ${goal}. {{A_he}} has ${have}.")
    if rate == get:
        plot.say(f"{{A_he}} [saves|puts aside|earns] ${get} [every|each|a] {unit}.")
    else:
        plot.say(f"{{A_he}} gets ${get} [every|each|a] {unit} but spends ${use} of it.")
        plot.step(f"Saved in a {unit}", "saved", f"{get} - {use}")
    plot.step(f"Still needed, as {{A_he}} has ${have}", "missing", f"{goal} - {have}")
    plot.step(f"The {unit}s that takes", f"{unit}s", f"missing / {'saved' if rate != get else get}")
    return plot.finish(
        f"[How many {unit}s does {{A_he}} have to save|After how many {unit}s can {{A_he}} buy"
        f" it|How many {unit}s will that take]?"
    )


def making(plot: Plot) -> Worked:
    """Things made over days, some of no use, the rest packed or sold."""
    r, h, days = plot.draw(2, 30), plot.draw(2, 10), plot.draw(2, 10)
    k, lost, per = plot.draw(2, 8), plot.draw(1, 40), plot.draw(2, 12)
    who = plot.pick("{A}", "A machine", "A worker", "A baker")
    plot.say(f"{who} makes {r} {{x}} [an hour|per hour|every hour] and works {h} hours a day.")
    plot.step(f"{{x}} in a day of {h} hours", "daily", f"{r} * {h}")
    name = "daily"
    if plot.chance(0.45):
        plot.say(f"There are {k} such [machines|workers|places].")
        plot.step(f"All {k} of them in a day", "many", f"daily * {k}")
        name = "many"
    plot.step(f"In {days} days", "total", f"{name} * {days}")
    kind = plot.rng.choice(["total", "lost", "packed", "money"])
    if kind == "lost":
        plot.say(f"{lost} of the {{x}} made in {days} days are [thrown away|no good|broken].")
        plot.step(f"Without the {lost} {{x}}", "left", f"total - {lost}")
        return plot.finish("How many {x} are [left|good]?")
    if kind == "packed":
        plot.step(f"{per} {{x}} go into each {{c1}}", "boxes", f"total / {per}")
        return plot.finish(
            f"If {per} {{x}} go into each {{c1}}, how many {{c}} are [needed|filled] in {days}"
            " days?"
        )
    if kind == "money":
        plot.step(f"Each {{x1}} is sold for ${per}", "money", f"total * {per}")
        return plot.finish(
            f"How much money [is that|do they bring] in {days} days at ${per} [each|apiece]?"
        )
    return plot.finish(f"How many {{x}} are made in {days} days?")


def supply(plot: Plot) -> Worked:
    """Eaters and rations: what is used, how long it lasts, what it costs."""
    n, r, days = plot.draw(2, 12), plot.draw(1, 6), plot.draw(2, 14)
    per, p = plot.draw(2, 12), plot.draw(2, 15)
    eater = plot.pick("dogs", "cats", "horses", "children", "guests", "campers", "rabbits")
    plot.say(
        f"{{A}} has {n} {eater} [to feed|that must be fed]. Each of them eats {r + 1} {{f}} a day."
    )
    plot.step(f"{n} {eater} eat {r + 1} {{f}} each a day", "daily", f"{n} * {r + 1}")
    if plot.chance(0.4):
        stock = n * (r + 1) * days
        plot.step(f"The {stock} {{f}} last for", "days", f"{stock} / daily")
        return plot.finish(f"How many days do {stock} {{f}} last?")
    plot.step(f"In {days} days", "total", f"daily * {days}")
    if plot.chance(0.4):
        return plot.finish(f"How many {{f}} [does {{A_he}} need|are eaten] in {days} days?")
    plot.say(f"{{f}} [come|are sold] in {{c}} of {per}.")
    plot.step(f"{per} {{f}} are in a {{c1}}", "boxes", f"total / {per}")
    if plot.chance(0.5):
        return plot.finish(f"How many {{c}} does {{A_he}} need for {days} days?")
    plot.step(f"Each {{c1}} costs ${p}", "cost", f"boxes * {p}")
    return plot.finish(f"If a {{c1}} costs ${p}, how much does {{A_he}} pay for {days} days?")


def trip(plot: Plot) -> Worked:
    """Legs of a way at speeds, fuel, or the time that is left."""
    s, t, s2, t2 = plot.draw(3, 70), plot.draw(2, 7), plot.draw(3, 70), plot.draw(2, 7)
    unit = plot.pick("miles", "kilometers")
    plot.say(
        f"{{A}} [drives|rides|travels] for {t} hours at {s} {unit} per hour and then for {t2} hours"
        f" at {s2} {unit} per hour."
    )
    plot.step(f"In the first {t} hours", "first", f"{t} * {s}")
    plot.step(f"In the other {t2} hours", "second", f"{t2} * {s2}")
    kind = plot.rng.choice(["total", "left", "average", "fuel", "more"])
    if kind == "more":
        plot.step("The difference", "difference", "second - first")
        return plot.finish(f"How many more {unit} is the second part than the first?")
    plot.step("The whole way", "distance", "first + second")
    if kind == "left":
        goal = int(plot.value("distance")) + plot.draw(5, 300)
        plot.step(f"Of the {goal} {unit} there are left", "left", f"{goal} - distance")
        return plot.finish(f"The {{place}} is {goal} {unit} away. How far is it still?")
    if kind == "average":
        plot.step("The whole time", "time", f"{t} + {t2}")
        plot.step("The average speed", "speed", "distance / time", False)
        return plot.finish(f"What is {{A_his}} average speed in {unit} per hour?")
    if kind == "fuel":
        per = plot.draw(5, 40)
        plot.step(f"{per} {unit} for each gallon", "gas", f"distance / {per}")
        return plot.finish(
            f"If {{A_he}} gets {per} {unit} to the gallon, how many gallons is that?"
        )
    return plot.finish(f"How many {unit} is [that|the whole way|that altogether]?")


_UNITS = [
    ("minutes", "hours", 60),
    ("inches", "feet", 12),
    ("days", "weeks", 7),
    ("seconds", "minutes", 60),
    ("ounces", "pounds", 16),
    ("cents", "dollars", 100),
    ("eggs", "dozens of eggs", 12),
    ("months", "years", 12),
]


def units(plot: Plot) -> Worked:
    """Many small things of one unit, asked for in another."""
    small, big, size = plot.rng.choice(_UNITS)
    per, n, k = plot.draw(2, 60), plot.draw(2, 40), plot.draw(2, 9)
    if plot.chance(0.5):
        plot.say(f"[Each {{x1}} takes|{{A}} needs for each {{x1}}|One {{x1}} needs] {per} {small}.")
        plot.say(f"There are {n} {{x}}[ in each of {k} {{c}}|].")
        count = str(n)
        if "of " + str(k) in plot.last:
            plot.step(f"{n} {{x}} in each of {k} {{c}}", "number", f"{n} * {k}")
            count = "number"
        plot.step(f"{per} {small} for each of them", "total", f"{count} * {per}")
        plot.step(f"{size} {small} make one of the {big}", "amount", f"total / {size}", False)
        return plot.finish(f"How many {big} is that for all {{x}}?")
    plot.say(f"{{A}} has {n} {big}. {{A_he}} uses {per} {small} for each {{x1}}.")
    plot.step(f"{n} {big} in {small}", "total", f"{n} * {size}")
    plot.step(f"{per} {small} for each {{x1}}", "number", f"total / {per}")
    return plot.finish("For how many {x} is that enough?")


def area(plot: Plot) -> Worked:
    """Fences around and floors within rectangles, with what they cost."""
    w, d, p, unit = (
        plot.draw(3, 40),
        plot.draw(2, 20),
        plot.draw(2, 20),
        plot.pick("feet", "meters"),
    )
    k = plot.draw(2, 4)
    place = plot.pick("garden", "field", "yard", "floor", "room", "pool")
    text, expression = plot.rng.choice(
        [
            (f"{d} {unit} longer than it is wide", f"{w} + {d}"),
            (f"{times_word(plot, k)} as long as it is wide", f"{k} * {w}"),
            (f"{w + d} {unit} long", str(w + d)),
        ]
    )
    plot.say(f"A {place} is {w} {unit} wide and {text}.")
    length = expression
    if not expression.isdigit():
        plot.step(f"It is {text}", "length", expression)
        length = "length"
    if plot.chance(0.5):
        plot.step("All four sides", "around", f"2 * ({w} + {length})")
        if plot.chance(0.4):
            return plot.finish(f"How many {unit} of fence are needed to go around it?")
        plot.step(f"Each of the {unit} costs ${p}", "cost", f"around * {p}")
        return plot.finish(
            f"A fence costs ${p} for each of the {unit}. What does a fence around it cost?"
        )
    plot.step("Length times width", "area", f"{w} * {length}")
    if plot.chance(0.3):
        return plot.finish(f"What is its area in square {unit}?")
    if plot.chance(0.4):
        plot.step(f"{p} square {unit} for each bag", "bags", f"area / {p}")
        return plot.finish(
            f"One bag of seed is enough for {p} square {unit}. How many bags are needed?"
        )
    plot.step(f"Each square costs ${p}", "cost", f"area * {p}")
    return plot.finish(f"What does it cost to cover it at ${p} for each square of 1 by 1 {unit}?")


def average(plot: Plot) -> Worked:
    """Of amounts that are told or follow from each other; or one that is missing."""
    a, b, c = plot.draw(5, 90), plot.draw(5, 90), plot.draw(5, 90)
    what, unit = plot.pick(
        "scored|points", "sold|{x}", "read|pages", "walked|miles", "earned|dollars"
    ).split("|")
    days = ["{day}", "{day2}", "{day3}"]
    if plot.chance(0.5):
        k = plot.draw(2, 4)
        relation, expression = plot.rng.choice(
            [
                (f"{b} more than that", f"{a} + {b}"),
                (f"{times_word(plot, k)} as many", f"{k} * {a}"),
            ]
        )
        plot.say(
            f"{{A}} {what} {a} {unit} on {days[0]}, {relation} on {days[1]} and {c} on {days[2]}."
        )
        plot.step(f"On {days[1]} {{A_he}} {what} {relation}", "second", expression)
        plot.step("The three days together", "total", f"{a} + second + {c}")
        if plot.chance(0.4):
            return plot.finish(f"How many {unit} is that [in all|on the three days]?")
        plot.step("The average of three days", "average", "total / 3")
        return plot.finish(
            f"How many {unit} [is that a day on average|is the average of the three days]?"
        )
    mean = plot.draw(20, 90)
    plot.say(
        f"{{A}} wants an average of {mean} {unit} in three [games|days|weeks]. So far {{A_he}} has"
        f" {a} and {b}."
    )
    plot.step(f"Three times {mean} are needed", "total", f"3 * {mean}")
    plot.step("So far {A_he} has", "scored", f"{a} + {b}")
    plot.step("Still needed", "missing", "total - scored")
    return plot.finish(f"How many {unit} does {{A_he}} need in the third one?")


def two_plans(plot: Plot) -> Worked:
    """Two people or offers that are worked out by themselves and then compared or added."""
    a, b, c, d = plot.draw(2, 30), plot.draw(2, 20), plot.draw(2, 30), plot.draw(2, 20)
    base, fee = plot.draw(1, 50), plot.draw(1, 50)
    what, unit, each = plot.rng.choice(
        [
            ("picks", "{f}", "in each of"),
            ("reads", "pages", "on each of"),
            ("earns", "dollars", "in each of"),
            ("runs", "miles", "on each of"),
            ("sells", "{x}", "on each of"),
        ]
    )
    span = "days" if each.startswith("on") else plot.pick("hours", "weeks", "days")
    first, second = f"{a} * {b}", f"{c} * {d}"
    texts = [
        f"{{A}} {what} {a} {unit} {each} {b} {span}.",
        f"{{B}} {what} {c} {unit} {each} {d} {span}.",
    ]
    if plot.chance(0.4):
        first, texts[0] = f"{base} + {first}", f"{texts[0][:-1]} and {base} {unit} before that."
    if plot.chance(0.4):
        second, texts[1] = (
            f"{second} - {fee}",
            f"{texts[1][:-1]} but [loses|gives away] {fee} of them.",
        )
    for text in texts:
        plot.say(text)
    plot.step(f"The {unit} of {{A}}", "first", first)
    plot.step(f"The {unit} of {{B}}", "second", second)
    if plot.chance(0.5):
        plot.step("Both together", "total", "first + second")
        return plot.finish(f"How many {unit} is that for both [together|of them together]?")
    if plot.value("first") == plot.value("second"):
        plot.step("Both together", "total", "first + second")
        return plot.finish(f"How many {unit} is that for both together?")
    high, low, a_name, b_name = "first", "second", "{A}", "{B}"
    if plot.value("first") < plot.value("second"):
        high, low, a_name, b_name = "second", "first", "{B}", "{A}"
    plot.step("The difference", "difference", f"{high} - {low}")
    return plot.finish(f"How many more {unit} is that for {a_name} than for {b_name}?")


KINDS: list[Kind] = [
    (shopping, 7),
    (earning, 6),
    (weeks_to_goal, 2),
    (making, 4),
    (supply, 3),
    (trip, 3),
    (units, 3),
    (area, 2),
    (average, 3),
    (two_plans, 3),
]

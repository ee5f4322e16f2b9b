"""Families about areas, volumes, angles and distances."""

import random

from .family import Family, Slots


def _rectangle(rng: random.Random) -> Slots:
    unit = rng.choice(["cm", "m", "meters", "feet", "inches", "centimeters", "yards"])
    w, h = rng.randint(2, 60), rng.randint(2, 60)
    return {
        "w": w,
        "h": h,
        "unit": unit,
        "area": w * h,
        "around": 2 * (w + h),
        "p4": 4 * rng.randint(2, 60),
        "what": rng.choice(
            [
                "rectangle",
                "garden",
                "room",
                "field",
                "carpet",
                "yard",
                "rectangular park",
                "playground",
                "floor",
            ]
        ),
    }


def _triangle(rng: random.Random) -> Slots:
    triples = [(3, 4, 5), (5, 12, 13), (8, 15, 17), (7, 24, 25), (20, 21, 29), (9, 40, 41)]
    (a, b, c), k = rng.choice(triples), rng.randint(1, 9)
    return {
        "a": a * k,
        "b": b * k,
        "hyp": c * k,
        "base": 2 * rng.randint(1, 40),
        "height": rng.randint(2, 50),
        "unit": rng.choice(["cm", "m", "inches", "feet"]),
    }


def _box(rng: random.Random) -> Slots:
    return {
        "l": rng.randint(2, 30),
        "w": rng.randint(2, 30),
        "h": rng.randint(2, 30),
        "s": rng.randint(2, 30),
        "unit": rng.choice(["cm", "m", "inches", "feet", "centimeters"]),
        "what": rng.choice(
            [
                "box",
                "tank",
                "rectangular box",
                "crate",
                "room",
                "container",
                "aquarium",
                "rectangular prism",
            ]
        ),
    }


def _polygon(rng: random.Random) -> Slots:
    n = rng.randint(5, 30)
    return {"n": n, "x1a": rng.randint(20, 80), "x2a": rng.randint(20, 80)}


def _points(rng: random.Random) -> Slots:
    (a, b, _), k = rng.choice([(3, 4, 5), (5, 12, 13), (8, 15, 17), (6, 8, 10)]), rng.randint(1, 4)
    x, y = rng.randint(-10, 10), rng.randint(-10, 10)
    return {"px": x, "py": y, "qx": x + a * k, "qy": y + b * k}


FAMILIES = [
    Family(
        "rectangle_area",
        _rectangle,
        "print({w} * {h})",
        [
            "[What is|Find|Compute] the area of a {what} of {w} {unit} by {h} {unit}[?|.]",
            "A {what} is {w} {unit} long and {h} {unit} wide. What is its area?",
            (
                "A {what} has sides of {w} and {h} {unit}. [What is its area|How large is its"
                " area|How many square {unit} is it]?"
            ),
            (
                "The length of a {what} is {w} {unit} and its width is {h} {unit}. [Find its"
                " area.|What is the area?]"
            ),
        ],
        ["How much surface, in square {unit}, does a {what} of {w} by {h} {unit} cover?"],
        False,
    ),
    Family(
        "rectangle_perimeter",
        _rectangle,
        "print(2 * ({w} + {h}))",
        [
            "[What is|Find] the perimeter of a {what} with sides {w} {unit} and {h} {unit}[?|.]",
            "A {what} is {w} {unit} long and {h} {unit} wide. What is its perimeter?",
            (
                "How many {unit} of fence [are needed|does {A} need] to go around a {what} that is"
                " {w} {unit} long and {h} {unit} wide?"
            ),
            (
                "A {what} measures {w} by {h} {unit}. How [long is the way|far is it] [once"
                " |]around it?"
            ),
        ],
        [
            "{A} walks once along all four edges of a {what} of {w} by {h} {unit}. How many {unit}"
            " is that?"
        ],
        False,
    ),
    Family(
        "rectangle_side",
        _rectangle,
        "print({area} / {w})",
        [
            (
                "The area of a {what} is {area} square {unit} and its length is {w} {unit}. What is"
                " its width?"
            ),
            (
                "A {what} [has an area of|covers] {area} square {unit}. It is {w} {unit} long. How"
                " wide is it?"
            ),
        ],
        [
            "A {what} of {area} square {unit} has one side of {w} {unit}. How long is the other"
            " side?"
        ],
        False,
    ),
    Family(
        "square_from_perimeter",
        _rectangle,
        "side = {p4} // 4\nprint(side ** 2)",
        [
            "The perimeter of a square is {p4} {unit}. What is its area?",
            "A square has a perimeter of {p4} {unit}. Find its area[ in square {unit}|].",
        ],
        ["A square garden needs {p4} {unit} of fence. How many square {unit} does it cover?"],
        False,
    ),
    Family(
        "triangle_area",
        _triangle,
        "print({base} * {height} / 2)",
        [
            (
                "[What is|Find] the area of a triangle with base {base} {unit} and height {height}"
                " {unit}[?|.]"
            ),
            (
                "A triangle has a base of {base} {unit} and a height of {height} {unit}. What is"
                " its area?"
            ),
        ],
        [
            "Above a base line of {base} {unit} a triangle rises to a height of {height} {unit}."
            " How large is it in square {unit}?"
        ],
        False,
    ),
    Family(
        "hypotenuse",
        _triangle,
        "from math import isqrt\nprint(isqrt({a} ** 2 + {b} ** 2))",
        [
            (
                "The legs of a right triangle are {a} and {b}[ {unit}|]. [How long|What] is the"
                " hypotenuse?"
            ),
            (
                "[What is|Find] the hypotenuse of a right triangle with legs {a} {unit} and {b}"
                " {unit}[?|.]"
            ),
            "A rectangle is {a} {unit} by {b} {unit}. How long is its diagonal?",
            (
                "A right triangle has legs of length {a} and {b}. What is the length of its longest"
                " side?"
            ),
        ],
        [
            "{A} walks {a} {unit} north and then {b} {unit} east. How far is {A_he} from the start,"
            " in a straight line?"
        ],
        False,
    ),
    Family(
        "leg",
        _triangle,
        "from math import isqrt\nprint(isqrt({hyp} ** 2 - {a} ** 2))",
        [
            (
                "A right triangle has a hypotenuse of {hyp} and one leg of {a}. [How long|What] is"
                " the other leg?"
            ),
            (
                "The hypotenuse of a right triangle is {hyp} {unit} and one leg is {a} {unit}. Find"
                " the other leg."
            ),
            (
                "A ladder of {hyp} {unit} leans against a wall. Its foot is {a} {unit} from the"
                " wall. How high does it reach?"
            ),
        ],
        [
            "A {hyp} {unit} rope runs from the top of a mast to a point on the ground {a} {unit}"
            " from its foot. How tall is the mast?"
        ],
        False,
    ),
    Family(
        "box_volume",
        _box,
        "print({l} * {w} * {h})",
        [
            (
                "[What is|Find] the volume of a {what} that is {l} {unit} long, {w} {unit} wide and"
                " {h} {unit} high[?|.]"
            ),
            "A {what} measures {l} by {w} by {h} {unit}. What is its volume?",
            "A {what} has length {l}, width {w} and height {h}. [What is|Find] its volume[?|.]",
        ],
        [
            "How many cubes with sides of one unit fit in a {what} with edges of {l}, {w} and {h}"
            " units?"
        ],
        False,
    ),
    Family(
        "box_surface",
        _box,
        "print(2 * ({l} * {w} + {l} * {h} + {w} * {h}))",
        [
            (
                "[What is|Find] the surface area of a {what} that is {l} {unit} long, {w} {unit}"
                " wide and {h} {unit} high[?|.]"
            ),
            "A closed {what} measures {l} by {w} by {h} {unit}. What is its surface area?",
        ],
        [
            "All six sides of a {what} of {l} by {w} by {h} {unit} are painted. How many square"
            " {unit} of paint is that?"
        ],
        False,
    ),
    Family(
        "cube",
        _box,
        "print({s} ** 3)",
        [
            "[What is|Find] the volume of a cube with [an edge|a side|sides] of {s} {unit}[?|.]",
            "The edge of a cube is {s} {unit}. What is its volume?",
            "Each [side|edge] of a cube is {s} {unit} long. How many cubic {unit} is its volume?",
        ],
        [
            "A dice-shaped tank is {s} {unit} in every direction. What does it hold, in cubic"
            " {unit}?"
        ],
        False,
    ),
    Family(
        "polygon_angles",
        _polygon,
        "print(({n} - 2) * 180)",
        [
            (
                "[What is|Find] the sum of the [interior|inner] angles of a polygon with {n}"
                " sides[?|.]"
            ),
            "How many degrees are all [interior|inner] angles of a {n}-gon together?",
            "What do the interior angles of a {n}-sided polygon add up to in degrees?",
        ],
        [
            "A shape is bounded by {n} straight sides. What is the total of the angles at its"
            " corners, in degrees?"
        ],
        False,
    ),
    Family(
        "polygon_diagonals",
        _polygon,
        "print({n} * ({n} - 3) // 2)",
        [
            "How many diagonals does a [convex |]polygon with {n} sides have?",
            "[Find|What is] the number of diagonals of a [convex |]{n}-gon[.|?]",
        ],
        [
            "Corners of a {n}-sided polygon that are not neighbors are joined by lines. How many"
            " lines are there?"
        ],
        False,
    ),
    Family(
        "third_angle",
        _polygon,
        "print(180 - {x1a} - {x2a})",
        [
            (
                "Two angles of a triangle are {x1a} and {x2a} degrees. [What|How large] is the"
                " third[ angle|]?"
            ),
            (
                "A triangle has angles of {x1a}° and {x2a}°. [What is|Find] the"
                " [third|other|missing] angle[?|.]"
            ),
        ],
        [
            "In a triangle, {x1a} degrees lie at one corner and {x2a} at another. How many degrees"
            " remain for the last?"
        ],
        False,
    ),
    Family(
        "point_distance",
        _points,
        "from math import isqrt\nprint(isqrt(({qx} - ({px})) ** 2 + ({qy} - ({py})) ** 2))",
        [
            (
                "[What is|Find|Compute] the distance between [the points |]({px}, {py}) and ({qx},"
                " {qy})[?|.]"
            ),
            "How far is ({px}, {py}) from ({qx}, {qy})?",
            "How far apart are the points ({px}, {py}) and ({qx}, {qy})?",
        ],
        ["A straight line segment joins ({px}, {py}) with ({qx}, {qy}). What is its length?"],
        False,
    ),
]

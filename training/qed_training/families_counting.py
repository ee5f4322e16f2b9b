"""Families about counting, probability and fractions."""

import random

from .family import Family, Slots


def _choose(rng: random.Random) -> Slots:
    n = rng.randint(4, 25)
    return {
        "n": n,
        "k": rng.randint(2, min(n - 1, 7)),
        "people": rng.choice(["students", "players", "members", "books", "friends", "cards"]),
    }


def _word(rng: random.Random) -> Slots:
    words = """banana letter apple pepper mississippi cheese balloon coffee level summer school success hammer kitten
    rabbit bottle paper orange garden planet number puzzle tomato window basket cookie carrot dinner butter ladder
    possess committee parallel statistics tennessee alaska canada arrange""".split()
    return {"word": rng.choice(words)}


def _marbles(rng: random.Random) -> Slots:
    a, b, c = rng.randint(1, 15), rng.randint(1, 15), rng.randint(1, 15)
    colors = rng.sample("red blue green yellow white black purple orange".split(), 3)
    return {
        "na": a,
        "nb": b,
        "nc": c,
        "ca": colors[0],
        "cb": colors[1],
        "cc": colors[2],
        "ball": rng.choice("marbles balls beads buttons counters tokens candies chips".split()),
    }


def _dice(rng: random.Random) -> Slots:
    return {"s": rng.randint(3, 11), "n": rng.randint(3, 10), "k": rng.randint(1, 3)}


def _inclusion(rng: random.Random) -> Slots:
    p, q = rng.sample([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13], 2)
    return {"p": p, "q": q, "n": rng.randint(30, rng.choice([100, 500, 2000]))}


def _fraction(rng: random.Random) -> Slots:
    def one() -> str:
        d = rng.randint(2, 15)
        return f"{rng.randint(1, d - 1)}/{d}"

    a, b = one(), one()
    operation, word = rng.choice(
        [("+", "sum"), ("-", "difference"), ("*", "product"), ("+", "sum")]
    )
    to_code = lambda f: "Fraction({}, {})".format(*f.split("/"))
    return {"fa": a, "fb": b, "op": operation, "opword": word, "ca": to_code(a), "cb": to_code(b)}


FAMILIES = [
    Family(
        "combinations",
        _choose,
        "from math import comb\nprint(comb({n}, {k}))",
        [
            (
                "[In how many ways|In how many different ways] can {k} {people} be"
                " [chosen|selected|picked] from {n}?"
            ),
            "How many [different |]ways are there to [choose|select|pick] {k} of {n} {people}?",
            (
                "How many [groups|sets|selections|committees] of {k} can be [formed|made|chosen]"
                " from {n} {people}?"
            ),
            "[What is|Compute|Find] {n} choose {k}[?|.]",
            "[Compute|Find] the binomial coefficient C({n}, {k}).",
            (
                "{A} may take {k} of {n} different {x}. How many [choices|selections] [are"
                " possible|does {A_he} have]?"
            ),
        ],
        [
            "A team of {k} is to be put together out of {n} candidates, order aside. How many"
            " different teams are possible?"
        ],
    ),
    Family(
        "permutations",
        _choose,
        "from math import perm\nprint(perm({n}, {k}))",
        [
            (
                "In how many ways can {k} of {n} {people} be [arranged|lined up|placed] in a"
                " [row|line]?"
            ),
            (
                "How many ordered [selections|arrangements] of {k} [out of|from] {n} {people} are"
                " there?"
            ),
            "How many ways are there to [arrange|line up] {k} of {n} different {x} in a row?",
            (
                "{n} {m} [run a race|take part in a race]. In how many ways can the first {k}"
                " places be [filled|taken]?"
            ),
        ],
        [
            "From {n} people, {k} are given different jobs, one each. How many ways are there to do"
            " that?"
        ],
    ),
    Family(
        "pairs",
        _choose,
        "from math import comb\nprint(comb({n}, 2))",
        [
            (
                "{n} [people|guests|friends] [meet|are at a party] and [each|everyone] shakes hands"
                " with [everyone else|each other person] once. How many handshakes are there?"
            ),
            (
                "[In a tournament|In a league] [with|of] {n} [teams|players] [each|every one] plays"
                " every other once. How many [games|matches] are [played|there]?"
            ),
            (
                "How many [line segments|lines|straight lines] can be drawn between {n} points if"
                " no three are on one line?"
            ),
        ],
        ["Every two of {n} cities are joined by a road of their own. How many roads is that?"],
    ),
    Family(
        "letter_arrangements",
        _word,
        'from math import factorial\nword = "{word}"\ncount = factorial(len(word))\nfor letter in'
        " set(word):\n    count //= factorial(word.count(letter))\nprint(count)",
        [
            'In how many [different |]ways can the letters of "{word}" be [arranged|ordered]?',
            "How many [different|distinct] arrangements of the word {word} are there?",
            (
                "How many [distinct|different] [words|strings] can be [made|formed] [from|with] all"
                " letters of {word}?"
            ),
            (
                "[Find|Count] the [distinct |]permutations of the letters in {word}. [How many are"
                " there?|]"
            ),
        ],
        [
            "Cards with the letters of {word} are shuffled and laid in a row. How many different"
            " rows can appear?"
        ],
    ),
    Family(
        "marble_probability",
        _marbles,
        "from fractions import Fraction\nprint(Fraction({na}, {na} + {nb} + {nc}))",
        [
            (
                "A [bag|box|jar|bowl] [contains|has|holds] {na} {ca}, {nb} {cb} and {nc} {cc}"
                " {ball}. One is [drawn|taken|picked] at random. What is the probability that it is"
                " {ca}? [Give a fraction.|]"
            ),
            (
                "{A} has {na} {ca} {ball}, {nb} {cb} {ball} and {nc} {cc} {ball} in a bag. {A_he}"
                " takes one without looking. What is the probability [that it is|of a] {ca}[ one|]?"
            ),
            (
                "There are {na} {ca}, {nb} {cb} and {nc} {cc} {ball} in a [drawer|basket]."
                " [Find|What is] the probability of [drawing|picking] a {ca} one[.|?]"
            ),
        ],
        [
            "Of the {ball} in a sack {nb} are {cb}, {nc} are {cc} and {na} are {ca}. How likely is"
            " it, as a fraction, that a blind pick is {ca}?"
        ],
    ),
    Family(
        "two_draws",
        _marbles,
        "from fractions import Fraction\nn = {na} + {nb}\nprint(Fraction({na}, n) * Fraction({na} -"
        " 1, n - 1))",
        [
            (
                "A [bag|box|jar] [contains|has|holds] {na} {ca} and {nb} {cb} {ball}. Two are"
                " [drawn|taken|picked] [at random|] without replacement. What is the probability"
                " that both are {ca}?"
            ),
            (
                "{A} takes two {ball} [at random |]from a bag with {na} {ca} and {nb} {cb} ones."
                " What is the probability that both are {ca}?"
            ),
            (
                "[Find|What is] the probability that two {ball} [drawn|taken] at random from {na}"
                " {ca} and {nb} {cb} ones are both {ca}[.|?]"
            ),
        ],
        [
            "{na} {ca} and {nb} {cb} {ball} are mixed. Someone grabs two at once. With what"
            " probability has she grabbed two {ca} ones?"
        ],
    ),
    Family(
        "dice_sum",
        _dice,
        "from fractions import Fraction\nhits = sum(1 for a in range(1, 7) for b in range(1, 7) if"
        " a + b == {s})\nprint(Fraction(hits, 36))",
        [
            (
                "Two [fair |][dice|six-sided dice] are [rolled|thrown]. What is the probability"
                " that the sum is {s}?"
            ),
            (
                "[What is|Find] the probability of [rolling|getting] a [sum|total] of {s} with two"
                " [fair |]dice[?|.]"
            ),
            "{A} [rolls|throws] two dice. What is the probability that the [sum|total] is {s}?",
        ],
        ["A pair of dice falls. How likely is it that the points together are {s}?"],
    ),
    Family(
        "coin_tosses",
        _dice,
        "from math import comb\nfrom fractions import Fraction\nprint(Fraction(comb({n}, {k}), 2 **"
        " {n}))",
        [
            (
                "A [fair |]coin is [tossed|flipped] {n} times. What is the probability of [getting"
                " |]exactly {k} heads?"
            ),
            (
                "{A} [tosses|flips] a coin {n} times. What is the probability that it [shows|lands"
                " on] heads exactly {k} times?"
            ),
            (
                "[What is|Find] the probability of exactly {k} heads in {n} [tosses|flips] of a"
                " fair coin[?|.]"
            ),
        ],
        [
            "{n} coins are thrown together. How likely is it that {k} of them show heads and the"
            " others tails?"
        ],
    ),
    Family(
        "divisible_by_either",
        _inclusion,
        "print(sum(1 for n in range(1, {n} + 1) if n % {p} == 0 or n % {q} == 0))",
        [
            (
                "How many [integers|numbers|positive integers] from 1 to {n} are [divisible"
                " by|multiples of] {p} or {q}?"
            ),
            (
                "How many [positive integers|numbers] [up to|not greater than] {n} are [divisible"
                " by|multiples of] {p} or {q}?"
            ),
            (
                "[Count|Find the number of] integers between 1 and {n} that are divisible by {p} or"
                " {q}."
            ),
        ],
        [
            "Strike out of 1, 2, ..., {n} all multiples of {p} and all multiples of {q}. How many"
            " numbers are struck out?"
        ],
    ),
    Family(
        "divisible_by_neither",
        _inclusion,
        "print(sum(1 for n in range(1, {n} + 1) if n % {p} != 0 and n % {q} != 0))",
        [
            (
                "How many [integers|numbers|positive integers] from 1 to {n} are divisible by"
                " neither {p} nor {q}?"
            ),
            (
                "How many [positive integers|numbers] up to {n} are [not divisible by {p} or"
                " {q}|multiples of neither {p} nor {q}]?"
            ),
            (
                "[Count|Find the number of] integers between 1 and {n} that are divisible neither"
                " by {p} nor by {q}."
            ),
        ],
        [
            "Strike out of 1, 2, ..., {n} all multiples of {p} and all multiples of {q}. How many"
            " numbers stay?"
        ],
    ),
    Family(
        "fractions",
        _fraction,
        "from fractions import Fraction\nprint({ca} {op} {cb})",
        [
            "[What is|Compute|Calculate|Find] {fa} {op} {fb}[?|.]",
            "[Compute|Find|What is] {fa} {op} {fb} as a fraction[ in lowest terms|][.|?]",
            "[What is|Find] the {opword} of {fa} and {fb}[?|.]",
            "[Simplify|Work out] {fa} {op} {fb}.",
        ],
        ["Give the exact fraction that equals {fa} {op} {fb}, fully reduced."],
    ),
]

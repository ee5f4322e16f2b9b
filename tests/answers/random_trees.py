"""Random answers as trees whose value is known: how to make, print, change and evaluate
them. Nothing here is the reader's: this is what it is tested against.

A tree is a tuple: ("n", Fraction), ("v", name), and operators over trees: + - * / neg pow
sqrt cbrt abs fact sin cos ln exp binom.
"""
import cmath
import math
from fractions import Fraction

VARIABLES = "xynkabcRrtMm"
LEAVES = ("n", "v")


class NoValue(Exception):
    """The tree has none at this point, or it cannot be computed in floating point."""


# --- Making --------------------------------------------------------------------------


def make(random, depth):
    if depth == 0 or random.random() < 0.12:
        if random.random() < 0.5:
            return ("v", random.choice(VARIABLES))
        return number(random)
    kind = random.choices(
        ("+", "-", "*", "/", "pow", "root", "call", "fact", "binom", "neg"),
        (6, 4, 6, 6, 6, 3, 3, 1, 1, 1))[0]
    if kind in ("+", "-", "*", "/"):
        return (kind, make(random, depth - 1), make(random, depth - 1))
    if kind == "pow":
        if random.random() < 0.5:
            base = make(random, depth - 1)
            if base[0] == "n" and base[1] > 99:  # it would swamp what is added to it
                base = ("v", random.choice(VARIABLES))
            return ("pow", base, ("n", Fraction(random.randint(2, 4))))
        base = ("n", Fraction(random.choice((2, 3, 10))))
        return ("pow", base, linear(random))
    if kind == "root":
        return (random.choice(("sqrt", "sqrt", "cbrt")), make(random, depth - 1))
    if kind == "call":
        return (random.choice(("abs", "sin", "cos", "ln", "exp")), make(random, depth - 1))
    if kind == "fact":
        return ("fact", random.choice((("v", "n"), linear(random), ("n", Fraction(
            random.randint(3, 8))))))
    if kind == "binom":
        return ("binom", random.choice((("v", "n"), linear(random))), random.choice(
            (("n", Fraction(random.randint(1, 4))), ("v", "k"), linear(random))))
    return ("neg", make(random, depth - 1))


def number(random):
    kind = random.random()
    if kind < 0.7:
        return ("n", Fraction(random.randint(1, 12)))
    if kind < 0.85:
        return ("n", Fraction(random.randint(1, 99), random.choice((2, 4, 5, 10))))
    return ("n", Fraction(random.randint(100, 9999)))


def linear(random):
    """n-1, 2x+3, k: what stands in exponents."""
    variable = ("v", random.choice("nkxt"))
    if random.random() < 0.3:
        variable = ("*", ("n", Fraction(random.randint(2, 5))), variable)
    if random.random() < 0.3:
        return variable
    return (random.choice("+-"), variable, ("n", Fraction(random.randint(1, 3))))


# --- Values --------------------------------------------------------------------------


def value(tree, point):
    kind = tree[0]
    if kind == "n":
        return tree[1]
    if kind == "v":
        return point[tree[1]]
    result = OPERATIONS[kind](*(value(part, point) for part in tree[1:]))
    if isinstance(result, Fraction):
        if result.numerator.bit_length() > 2000 or result.denominator.bit_length() > 2000:
            raise NoValue
    elif not cmath.isfinite(result) or abs(result) > 1e120:
        raise NoValue
    return result


def divided(a, b):
    if abs(b) < 1e-9:
        raise NoValue
    return a / b


def powered(a, b):
    if isinstance(a, Fraction) and isinstance(b, Fraction) and b.denominator == 1:
        if abs(b) > 60 or (a == 0 and b <= 0):
            raise NoValue
        return a ** int(b)
    a_real = abs(complex(a).imag) < 1e-12
    if a == 0 or abs(complex(b)) > 300 or (a_real and complex(a).real < 0):
        raise NoValue  # a negative number has no power but whole ones
    return complex(a) ** complex(b)


def cube_root(a):
    a = complex(a)
    if abs(a.imag) < 1e-12 * (1 + abs(a)):
        return math.copysign(abs(a.real) ** (1 / 3), a.real)
    return a ** (1 / 3)


def factorial(a):
    if not isinstance(a, Fraction) or a.denominator != 1 or not 0 <= a <= 40:
        raise NoValue
    return Fraction(math.factorial(int(a)))


def binomial(n, k):
    if any(not isinstance(z, Fraction) or z.denominator != 1 or not 0 <= z <= 60 for z in (n, k)):
        raise NoValue
    if k > n:
        raise NoValue  # nearly all are zero, which would say that they agree
    return Fraction(math.comb(int(n), int(k)))


def function(apply):
    def evaluate(a):
        try:
            a = complex(a)
            if abs(a) > 300:
                raise NoValue
            result = apply(a)
            # No -0 in the imaginary part, which would choose the other root.
            return complex(result.real, 0.0) if result.imag == 0 else result
        except (ValueError, OverflowError):
            raise NoValue from None
    return evaluate


left_reals = []  # what took a root or a logarithm of a negative number since it was cleared


def square_root(a):
    a = complex(a)
    if abs(a.imag) < 1e-12 * (1 + abs(a)) and a.real < 0:
        left_reals.append("sqrt")
    return cmath.sqrt(a)


def logarithm(a):
    if a.real < 0 and abs(a.imag) < 1e-12 * (1 + abs(a)):
        left_reals.append("ln")
    return cmath.log(a)


OPERATIONS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": divided,
    "neg": lambda a: -a, "pow": powered, "abs": abs, "fact": factorial, "binom": binomial,
    "sqrt": square_root, "cbrt": cube_root, "sin": function(cmath.sin),
    "cos": function(cmath.cos), "ln": function(logarithm), "exp": function(cmath.exp),
}


def points(random):
    """Positive and negative, whole and between, small and large."""
    for low, high in ((1, 6), (-6, -1), (0, 1), (-20, 20), (7, 40), (-1, 0), (2, 9), (-3, 3)):
        yield {name: low + (high - low) * Fraction(random.randint(1, 100), 101)
               for name in VARIABLES + VARIABLES.upper() + VARIABLES.lower()}
    for high in (9, 9, 9, 9, 3, 3, 3):
        yield {name: Fraction(random.randint(1, high) + (20 if high == 3 and name in "nN" else 0))
               for name in VARIABLES + VARIABLES.upper() + VARIABLES.lower()}


def real_value(tree, point):
    """(value, whether no root or logarithm of a negative number was met)"""
    left_reals.clear()
    return complex(value(tree, point)), not left_reals


def differ(first, second, random):
    """True: they differ for sure where one of them is real. False: they agree wherever they were looked at. None: one
    cannot tell."""
    agreed = 0
    for point in points(random):
        try:
            a, first_is_real = real_value(first, point)
            b, second_is_real = real_value(second, point)
        except (NoValue, OverflowError, ZeroDivisionError):
            continue
        if not first_is_real and not second_is_real:
            continue  # out of the domain of both
        size = max(abs(a), abs(b))
        if abs(a - b) > 1e-5 * size:
            return True
        if abs(a - b) > 1e-9 * size:
            return None
        agreed += 1
    return False if agreed >= 4 else None


# --- Printing ------------------------------------------------------------------------


class Style:
    """How one writer writes."""

    def __init__(self, random):
        self.fraction = random.choice(("\\frac", "\\dfrac", "\\tfrac"))
        self.slash = random.random() < 0.15
        self.times = random.choice(("", "", "\\cdot ", " \\times ", " "))
        self.sized = random.random() < 0.3
        self.spaced = random.choice(("", "", " ", "\\,"))
        self.bare = random.random() < 0.4  # x^2 for x^{2}
        self.decimal = random.random() < 0.5
        self.bars = random.choice((("|", "|"), ("\\left|", "\\right|"), ("\\lvert ", "\\rvert ")))

    def brackets(self, text):
        return f"\\left({text}\\right)" if self.sized else f"({text})"


SUM, PRODUCT, POWER, ATOM = range(4)


def text(tree, style, least=SUM):
    """LaTeX that binds at least as tightly as asked for."""
    written, level = WRITERS.get(tree[0], write_call)(tree, style)
    return written if level >= least else style.brackets(written)


def write_number(tree, style):
    number = tree[1]
    if number.denominator == 1:
        return str(number), ATOM if number >= 0 else SUM
    if style.decimal and 10 % number.denominator == 0:
        return f"{float(number):.1f}", ATOM
    if style.slash:
        return f"{number.numerator}/{number.denominator}", PRODUCT
    return f"{style.fraction}{{{number.numerator}}}{{{number.denominator}}}", POWER


def write_sum(tree, style):
    right = text(tree[2], style, PRODUCT)
    return f"{text(tree[1], style)}{style.spaced}{tree[0]}{style.spaced}{right}", SUM


def write_product(tree, style):
    left, right = text(tree[1], style, PRODUCT), text(tree[2], style, POWER)
    close = style.times.strip() == "" and (right[0].isdigit() or right[0] == "." or (
        left.endswith("!") and right[0] == "!"))
    # A function takes what follows it, a number a fraction behind it, and a letter brackets.
    unclear = tree[1][0] not in LEAVES or right.startswith(("\\", "|", "("))
    joint = style.times
    if joint.strip() == "" and (close or unclear):
        joint = "\\cdot "
    return f"{left}{joint}{right}", PRODUCT


def write_quotient(tree, style):
    if style.slash:
        return f"{text(tree[1], style, POWER)}/{text(tree[2], style, ATOM)}", PRODUCT
    return f"{style.fraction}{{{text(tree[1], style)}}}{{{text(tree[2], style)}}}", POWER


def write_power(tree, style):
    base = text(tree[1], style, ATOM)
    exponent = text(tree[2], style)
    if not (style.bare and len(exponent) == 1):
        exponent = f"{{{exponent}}}"
    return f"{base}^{exponent}", POWER


def write_root(tree, style):
    inside = text(tree[1], style)
    degree = "[3]" if tree[0] == "cbrt" else ""
    if style.bare and len(inside) == 1 and not degree:
        return f"\\sqrt {inside}", POWER
    return f"\\sqrt{degree}{{{inside}}}", POWER


def write_negative(tree, style):
    return "-" + text(tree[1], style, PRODUCT), SUM


def write_factorial(tree, style):
    return text(tree[1], style, ATOM) + "!", ATOM - 1


def write_bars(tree, style):
    return f"{style.bars[0]}{text(tree[1], style)}{style.bars[1]}", POWER


def write_binomial(tree, style):
    return f"\\binom{{{text(tree[1], style)}}}{{{text(tree[2], style)}}}", POWER


def write_call(tree, style):
    if tree[0] == "exp":
        return f"e^{{{text(tree[1], style)}}}", POWER
    return f"\\{tree[0]}{style.brackets(text(tree[1], style))}", POWER


WRITERS = {"n": write_number, "v": lambda tree, style: (tree[1], ATOM), "+": write_sum,
           "-": write_sum, "*": write_product, "/": write_quotient, "pow": write_power,
           "sqrt": write_root, "cbrt": write_root, "neg": write_negative, "fact": write_factorial,
           "abs": write_bars, "binom": write_binomial}


# --- Changing ------------------------------------------------------------------------


def nodes(tree, path=()):
    yield path, tree
    if tree[0] not in LEAVES:
        for place, part in enumerate(tree[1:], 1):
            yield from nodes(part, path + (place,))


def put(tree, path, part):
    if not path:
        return part
    place = path[0]
    return tree[:place] + (put(tree[place], path[1:], part),) + tree[place + 1:]


def rearranged(tree, random):
    """Another order of terms and factors: the same value."""
    if tree[0] in LEAVES:
        return tree
    parts = tuple(rearranged(part, random) for part in tree[1:])
    if tree[0] in "+*" and random.random() < 0.5:
        parts = parts[::-1]
    if tree[0] == "-" and random.random() < 0.3:
        return ("+", ("neg", parts[1]), parts[0])
    return (tree[0],) + parts


def near_misses(tree):
    """What a slip of the pen makes of a node: a term or a factor out of its braces, another
    case, sign, bracket or number."""
    kind = tree[0]
    if kind == "v":
        yield ("v", tree[1].swapcase())
    elif kind == "n":
        yield ("n", tree[1] + 1)
        yield ("neg", tree)
        yield ("n", tree[1] * 10)
    elif kind in ("+", "-"):
        yield (("-" if kind == "+" else "+"),) + tree[1:]
        yield tree[1]
    elif kind == "*":
        yield ("/",) + tree[1:]
        if tree[1][0] in ("+", "-"):
            yield (tree[1][0], tree[1][1], ("*", tree[1][2], tree[2]))
    elif kind == "/":
        yield ("/", tree[2], tree[1])
        if tree[2][0] in ("+", "-"):
            yield (tree[2][0], ("/", tree[1], tree[2][1]), tree[2][2])
        if tree[2][0] == "*":
            yield ("*", ("/", tree[1], tree[2][1]), tree[2][2])
        if tree[1][0] in ("+", "-"):
            yield (tree[1][0], tree[1][1], ("/", tree[1][2], tree[2]))
    elif kind in ("pow", "exp"):
        exponent = tree[-1]
        base = tree[:-1]
        if exponent[0] in ("+", "-", "*"):
            yield (exponent[0], base + (exponent[1],), exponent[2])
        yield base + (("neg", exponent),)
        if kind == "pow":
            yield ("*", tree[1], tree[2])
    elif kind == "neg":
        yield tree[1]
    else:
        yield tree[1]
        if tree[1][0] in ("+", "-", "*"):
            yield (tree[1][0], (kind, tree[1][1]) + tree[2:], tree[1][2])


def mutated(tree, random):
    changes = [(path, change) for path, node in nodes(tree) for change in near_misses(node)]
    path, change = random.choice(changes)
    return put(tree, path, change)

"""Reads answers: LaTeX, or what people write instead, to sympy's expressions.

A value is an expression or a tuple: ("list", open, close, values) in order,
("set", values), ("matrix", rows), ("relation", operators, expressions). The text
is never evaluated as code, and numbers that could grow without bound (powers,
factorials) are refused. answer_equality.py follows in the same program.
"""
import re

import sympy

MAX_CHARACTERS = 1000
MAX_TOKENS = 400
MAX_DEPTH = 32
MAX_ITEMS = 40
MAX_BITS = 1 << 16  # of an exact power
MAX_EXPONENT = 10000
MAX_FACTORIAL = 1000


class Unreadable(Exception):
    """Not an answer in the notation that is understood, or one out of bounds."""


UNITS = (
    "mm|cm|km|dm|inches|inch|in|feet|foot|ft|yards|yard|miles|mile|meters|metres|meter|metre"
    "|centimeters|kilometers|units|unit|mph|kph|degrees|degree|radians|radian|dollars|dollar"
    "|cents|cent|seconds|second|sec|minutes|minute|min|hours|hour|days|day|weeks|week|months"
    "|month|years|year|kg|grams|gram|pounds|lbs|liters|litres|ml|percent|people|students"
)
FUNCTIONS = {
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "cot": sympy.cot, "sec": sympy.sec,
    "csc": sympy.csc, "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan,
    "asin": sympy.asin, "acos": sympy.acos, "atan": sympy.atan, "sinh": sympy.sinh,
    "cosh": sympy.cosh, "tanh": sympy.tanh, "ln": sympy.log, "log": sympy.log, "exp": sympy.exp,
    "abs": sympy.Abs,
}
CONSTANTS = {"pi": sympy.pi, "infty": sympy.oo, "infinity": sympy.oo, "inf": sympy.oo,
             "oo": sympy.oo, "e": sympy.E, "i": sympy.I}
GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "theta", "lambda", "mu", "nu",
         "rho", "sigma", "tau", "phi", "varphi", "omega", "Delta", "Gamma", "Omega", "ell", "xi"}
TIMES = {"*", "\\cdot", "\\times", "\\ast"}
OVER = {"/", "\\div"}
RELATIONS = {"=": "=", "\\in": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "\\lt": "<",
             "\\gt": ">", "\\le": "<=", "\\leq": "<=", "\\ge": ">=", "\\geq": ">=",
             "\\leqslant": "<=", "\\geqslant": ">=", "\\ne": "!=", "\\neq": "!=", "!=": "!="}
UNICODE = {"\u2212": "-", "\u2013": "-", "\u00d7": "\\times ", "\u00b7": "\\cdot ",
           "\u22c5": "\\cdot ", "\u00f7": "/", "\u03c0": "\\pi ", "\u221e": "\\infty ",
           "\u221a": "\\sqrt ", "\u2264": "\\le ", "\u2265": "\\ge ", "\u2260": "\\ne ",
           "\u222a": "\\cup ", "\u00b1": "\\pm ", "\u00b0": "", "\u00b2": "^2", "\u00b3": "^3"}
TEXT = r"\\(?:text|mbox|textrm|textnormal|mathrm|textbf|textit|mathbf|operatorname)"


# --- From text to tokens ---------------------------------------------------------


def drop_decoration(text):
    for character, latex in UNICODE.items():
        text = text.replace(character, latex)
    text = re.sub(r"\\(?:left|right|displaystyle|big|Big|bigl|bigr)(?![a-zA-Z])", "", text)
    text = re.sub(r"\\[()\[\]$]|\$", "", text)
    text = re.sub(r"\\[dtc]frac(?![a-zA-Z])", r"\\frac", text)
    text = re.sub(r"(?<=\d)(?:\{,\}|\\,|\\!,?\s*)(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"\\\\|\\[,;:! ]|~|\\q?quad(?![a-zA-Z])",
                  lambda m: m[0] if m[0] == "\\\\" else " ", text)
    text = re.sub(r"\^?\s*(?:\\circ|\{\s*\\circ\s*\})|\\degree(?![a-zA-Z])", "", text)
    return text.strip().rstrip(".").strip()


def drop_words(text):
    """Units behind the answer go; "or" and "and" are commas; other words stay."""
    text = re.sub(TEXT + r"\{\s*(?:or|and)\s*\}|\b(?:or|and)\b", ",", text)
    text = re.sub(r"(?<=\S)\s*" + TEXT + r"\{[^{}]*\}(?:\^\{?-?\d\}?)?$", "", text)
    text = re.sub(TEXT + r"\{([^{}]*)\}", r" \1 ", text).strip()
    text = re.sub(r"(?<=[\d})\s])\s*(?:square |cubic |sq\.? )?(?:" + UNITS +
                  r")(?:\s*\^\s*\{?\d\}?)?$", "", text)
    return re.sub(r"\\?%$", "", text).strip()


def join_numbers(text):
    """Thousands separators, where they cannot be a list's, and mixed numbers."""
    if not re.search(r"[()\[\]{}]", text):
        text = re.sub(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])",
                      lambda m: m[0].replace(",", ""), text)
        text = re.sub(r"(?<=\d)\s+(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<![\d.])(\d+)\s+(\d+)\s*/\s*(\d+)(?!\d)", r"(\1+\2/\3)", text)
    return re.sub(r"(?<![\d.^_])(\d+)\s*\\frac\s*(\{\d+\}|\d)\s*(\{\d+\}|\d)",
                  r"(\1+\\frac\2\3)", text)


TOKEN = re.compile(
    r"\s*(\d+(?:\.\d+)?[eE][+-]?\d{1,3}(?![\w^])"
    r"|(?:\d+(?:\.\d*)?|\.\d+)(?:\\overline\{\d+\})?"
    r"|\\(?:begin|end)\{[a-zA-Z]+\}|\\[a-zA-Z]+|\\.|[a-zA-Z]+|\*\*|<=|>=|!=|\S)", re.DOTALL)


def tokenize(text):
    tokens = []
    for match in TOKEN.finditer(text):
        token = match[1]
        name = token.lstrip("\\")
        splits = token[0].isalpha() and name not in FUNCTIONS and name not in CONSTANTS
        if splits and name != "sqrt":
            if len(token) > 4:
                raise Unreadable("a word")
            tokens.extend(token)  # each letter is a variable
        else:
            tokens.append("^" if token == "**" else token)
    if len(tokens) > MAX_TOKENS:
        raise Unreadable("too long")
    return tokens


# --- From tokens to values -------------------------------------------------------

def number(token):
    repeating = re.fullmatch(r"(\d*)\.(\d*)\\overline\{(\d+)\}", token)
    if repeating:
        whole, head, tail = repeating.groups()
        scale = 10 ** len(head)
        return (sympy.Rational(int(whole or 0)) + sympy.Rational(int(head or 0), scale) +
                sympy.Rational(int(tail), scale * (10 ** len(tail) - 1)))
    if "\\" in token:
        raise Unreadable("a line over a number")
    return sympy.Rational(token.rstrip(".") if token[-1] == "." else token)


def expression(value):
    if isinstance(value, tuple):
        raise Unreadable("no number")
    if value.has(sympy.zoo, sympy.nan):
        raise Unreadable("divides by zero")
    return value


def power(base, exponent):
    base, exponent = expression(base), expression(exponent)
    if exponent.is_number:
        size = sympy.Abs(exponent.evalf(15))
        if not size.is_number or not size.is_finite or size > MAX_EXPONENT:
            raise Unreadable("exponent out of bounds")
        if base.is_Rational:
            bits = max(abs(base.p).bit_length(), base.q.bit_length())
            if bits * size > MAX_BITS:
                raise Unreadable("power out of bounds")
    return sympy.Pow(base, exponent)


def factorial(value):
    value = expression(value)
    if value.is_number and not (value.is_Integer and 0 <= value <= MAX_FACTORIAL):
        raise Unreadable("factorial out of bounds")
    return sympy.factorial(value)


def binomial(top, bottom):
    top, bottom = expression(top), expression(bottom)
    for value in (top, bottom):
        if value.is_number and not (value.is_Integer and abs(value) <= MAX_FACTORIAL):
            raise Unreadable("binomial out of bounds")
    return sympy.binomial(top, bottom)


class Parser:
    """Recursive descent. `sign` is that of \\pm: an answer with one is read twice."""

    def __init__(self, tokens, sign):
        self.tokens = tokens
        self.position = 0
        self.depth = 0
        self.sign = sign
        self.has_sign = False

    def peek(self):
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, *expected):
        token = self.peek()
        if not token or (expected and token not in expected):
            raise Unreadable("unexpected " + (token or "end"))
        self.position += 1
        return token

    def accept(self, *tokens):
        if self.peek() and self.peek() in tokens:
            self.position += 1
            return True
        return False

    def answer(self):
        values = self.items()
        if self.peek():
            raise Unreadable("unexpected " + self.peek())
        return make_set(values)

    def items(self):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")
        values = [self.union()]
        while self.accept(",", ";"):
            values.append(self.union())
            if len(values) > MAX_ITEMS:
                raise Unreadable("too many items")
        self.depth -= 1
        return values

    def union(self):
        values = [self.relation()]
        while self.accept("\\cup"):
            values.append(self.relation())
        return make_set(values)

    def relation(self):
        """One name "=" a value is the value; other relations stay."""
        sides, operators, names = [], [], []
        while True:
            begin = self.position
            sides.append(self.sum())
            names.append(is_name("".join(self.tokens[begin:self.position])))
            if self.peek() not in RELATIONS:
                break
            operators.append(RELATIONS[self.take()])
        if not operators:
            return sides[0] if isinstance(sides[0], tuple) else expression(sides[0])
        if operators == ["="] and names[0]:
            return sides[1]
        if operators == ["="] and names[1]:
            return sides[0]
        sides = [expression(side) for side in sides]
        if all(operator in (">", ">=") for operator in operators):
            operators = [operator.replace(">", "<") for operator in reversed(operators)]
            sides.reverse()
        return ("relation", operators, sides)

    def sum(self):
        value = self.product()
        while self.peek() in ("+", "-", "\\pm", "\\mp"):
            sign = self.take_sign()
            value = expression(value) + sign * expression(self.product())
        return value

    def take_sign(self):
        token = self.take()
        if token in ("\\pm", "\\mp"):
            self.has_sign = True
            return self.sign if token == "\\pm" else -self.sign
        return -1 if token == "-" else 1

    def product(self):
        if self.peek() in ("+", "-", "\\pm", "\\mp"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise Unreadable("too deep")
            sign = self.take_sign()
            value = sign * expression(self.product())
            self.depth -= 1
            return value
        value = self.juxtaposed()
        while self.peek() in TIMES or self.peek() in OVER:
            over = self.take() in OVER
            # A sign may stand behind the operator: 2\cdot-3.
            sign = self.take_sign() if self.peek() in ("+", "-") else 1
            factor = sign * expression(self.factor() if over else self.juxtaposed())
            value = expression(value) / factor if over else expression(value) * factor
            if over:
                value = self.juxtaposed(value)
        return value

    def juxtaposed(self, value=None, functions=True):
        """Factors side by side: 2x, 3\\sqrt{2}, (x+1)(x-1)."""
        if value is None:
            value = self.factor()
        while self.begins_factor(functions):
            if self.peek()[0].isdigit() and self.tokens[self.position - 1][0].isdigit():
                raise Unreadable("two numbers side by side")
            value = expression(value) * expression(self.factor())
        return value

    def begins_factor(self, functions):
        token = self.peek()
        if not token or token in RELATIONS or token in TIMES or token in OVER:
            return False
        if token.lstrip("\\") in FUNCTIONS:
            return functions
        if token[0] == "\\":
            return token[1:] in CONSTANTS or token[1:] in GREEK or token in (
                "\\frac", "\\sqrt", "\\binom", "\\lfloor", "\\lceil", "\\{")
        return token[0].isalnum() or token[0] in ".({"

    def factor(self):
        value = self.atom()
        while True:
            if self.accept("^"):
                value = power(value, self.argument())
            elif self.accept("!"):
                value = factorial(value)
            else:
                return value

    def argument(self):
        """A group or one token, as LaTeX takes arguments; a sign may stand before it."""
        if self.accept("{"):
            return self.group("}")
        if self.accept("-"):
            return -expression(self.argument())
        token = self.peek()
        if token and token[0].isdigit() and len(token) > 1 and self.tokens[self.position - 1] != "^":
            # \frac12 takes digit by digit.
            self.tokens[self.position] = token[1:]
            return number(token[0])
        return self.atom()

    def group(self, close):
        values = self.items()
        self.take(close)
        return make_set(values)

    def atom(self):
        token = self.take()
        name = token.lstrip("\\")
        if token[0].isdigit() or token[0] == ".":
            return number(token)
        if name in FUNCTIONS:
            return self.function(name)
        if name == "sqrt":
            return self.root()
        if token == "\\frac":
            top = expression(self.argument())
            return top / expression(self.argument())
        if token == "\\binom":
            top = self.argument()
            return binomial(top, self.argument())
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in GREEK or token.isalpha():
            return self.symbol(name)
        return self.bracket(token)

    def symbol(self, name):
        if self.accept("_"):
            begin = self.position
            self.argument()
            name += "_" + re.sub(r"[{}]", "", "".join(self.tokens[begin:self.position]))
        return sympy.Symbol(name)

    def function(self, name):
        base = None
        exponent = None
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                base = expression(self.argument())
            else:
                exponent = self.argument()
        if name == "log" and base is None:
            base = sympy.Integer(10)
        if self.peek() == "(":
            argument = expression(self.atom())
        else:
            argument = expression(self.juxtaposed(functions=False))
        if exponent == -1 and name in ("sin", "cos", "tan"):
            name, exponent = "a" + name, None
        value = FUNCTIONS[name](argument)
        if base is not None:
            value = value / sympy.log(base)
        return value if exponent is None else power(value, exponent)

    def root(self):
        degree = sympy.Integer(2)
        if self.accept("["):
            degree = expression(self.group("]"))
        return power(self.argument(), 1 / degree)

    def bracket(self, opening):
        if opening == "{":
            return self.group("}")
        if opening == "\\{":
            values = self.items() if self.peek() != "\\}" else []
            self.take("\\}")
            return make_set(values)
        if opening == "|":
            value = expression(self.sum())
            self.take("|")
            return sympy.Abs(value)
        for name, rounding in (("floor", sympy.floor), ("ceil", sympy.ceiling)):
            if opening == "\\l" + name:
                value = expression(self.sum())
                self.take("\\r" + name)
                return rounding(value)
        if opening in ("(", "["):
            values = self.items()
            closing = self.take(")", "]")
            matching = opening + closing in ("()", "[]")
            return values[0] if len(values) == 1 and matching else ("list", opening, closing, values)
        if re.fullmatch(r"\\begin\{[pbB]?matrix\}", opening):
            return self.matrix("\\end" + opening[len("\\begin"):])
        raise Unreadable("unexpected " + opening)

    def matrix(self, end):
        rows = [[]]
        while True:
            rows[-1].append(self.sum())
            token = self.take("&", "\\\\", end)
            if token == end or (token == "\\\\" and self.accept(end)):
                return ("matrix", rows)
            if token == "\\\\":
                rows.append([])


def is_name(text):
    """What an answer may be said to be: x, x_1, f(x), \\theta."""
    return re.fullmatch(r"(?:[A-Za-z]|\\[a-z]+)(?:_(?:\w|\{\w+\}))?(?:\([a-z]\))?", text)


def make_set(values):
    """A set of one element is the element; equal elements count once."""
    flat = []
    for value in values:
        flat.extend(value[1] if isinstance(value, tuple) and value[0] == "set" else [value])
    if len(flat) > MAX_ITEMS:
        raise Unreadable("too many items")
    distinct = []
    for value in flat:
        if not any(equal_values(value, other) for other in distinct):
            distinct.append(value)
    return distinct[0] if len(distinct) == 1 else ("set", distinct)


def parse(text):
    if len(text) > MAX_CHARACTERS:
        raise Unreadable("too long")
    text = join_numbers(drop_words(drop_decoration(text)))
    tokens = tokenize(text)
    if not tokens:
        raise Unreadable("empty")
    first = Parser(list(tokens), 1)
    value = first.answer()
    if not first.has_sign:
        return value
    return make_set([value, Parser(list(tokens), -1).answer()])

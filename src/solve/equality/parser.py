"""From tokens to expressions, by recursive descent. tree.py says what comes out.

The text is never evaluated as code. answers.py, which reads whole answers, calls this
and is called back for what stands in brackets.
"""
from fractions import Fraction

from equality import tree, vocabulary
from equality.lexer import (BEGIN, COMMAND, END, LETTER, NUMBER, ROW, SEPARATOR, SYMBOL, Token,
                            WORD)
from equality.token_reader import TokenReader
from equality.unreadable import Unreadable

MATRICES = {"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array", "vmatrix"}
FUNCTION_LETTERS = set("fghFGH")
RATIONAL_SIGNS = ("+", "-", "+-", "-+")


class ExpressionParser(TokenReader):
    def __init__(self, tokens):
        super().__init__(tokens)
        self.bars = 0  # | that are open
        self.signs = 0  # of +- so far
        self.minus_plus = False

    # --- Sums and products ---------------------------------------------------------

    def sum(self):
        self.enter()
        total = self.term()
        while self.next_is(*RATIONAL_SIGNS):
            sign = self.take().text
            total = tree.add(total, self.signed(sign, self.product()))
        self.depth -= 1
        return total

    def term(self):
        """A product with the signs before it."""
        if self.next_is(*RATIONAL_SIGNS):
            self.enter()
            sign = self.take().text
            value = self.signed(sign, self.term())
            self.depth -= 1
            return value
        return self.product()

    def signed(self, sign, value):
        if sign in ("+", "-"):
            return tree.negate(value) if sign == "-" else value
        which = self.signs
        self.signs += 1
        self.minus_plus |= sign == "-+"
        return tree.multiply(("sign", which, 1 if sign == "+-" else -1), value)

    def product(self):
        value = self.juxtaposed(self.factor())
        while self.next_is("*", "/", "bmod", "mod"):
            operator = self.take().text
            sign = self.take().text if self.next_is("+", "-") else "+"
            factor = self.factor()
            if operator == "*":
                value = tree.multiply(value, self.signed(sign, self.juxtaposed(factor)))
            elif operator == "/":
                value = self.juxtaposed(tree.divide(value, self.signed(sign, factor)))
            else:
                value = ("call", "mod", value, self.signed(sign, factor))
        return value

    def juxtaposed(self, value, functions=True):
        """Factors side by side: 2x, 3\\sqrt{2}, (x+1)(x-1)."""
        while self.begins_factor(functions):
            if self.peek().kind == NUMBER and self.peek(-1).kind == NUMBER:
                raise Unreadable("two numbers side by side")
            value = tree.multiply(value, self.factor())
        return value

    def begins_factor(self, functions=True):
        token = self.peek()
        if token.kind == COMMAND:
            if token.text in vocabulary.FUNCTIONS and token.text != "sqrt":
                return functions
            return token.text in ("frac", "sqrt", "binom", "lfloor", "lceil", "pi", "infty", "sum",
                                  "prod", "overline")
        if token.kind == SYMBOL:
            return token.text in ("(", "{") or (token.text == "[" and self.closes_alike()) or (
                token.text == "|" and self.bars == 0)
        if token.kind == BEGIN:
            return token.text in MATRICES
        return token.kind in (NUMBER, LETTER) and not self.is_unit()

    def closes_alike(self):
        """Whether the bracket that opens here is a factor's, not an interval's."""
        return any(token.text == "]" for token in self.tokens[self.at:])

    def is_unit(self):
        """Upright or written-out units stand behind the answer."""
        token = self.peek()
        return (token.kind == LETTER and token.upright and token.text in vocabulary.UNITS
                and self.at > 0)

    # --- Factors -------------------------------------------------------------------

    def factor(self):
        self.enter()
        value = self.atom()
        while True:
            if self.accept("^"):
                value = tree.power(value, self.argument(whole_number=True))
            elif self.accept("!"):
                value = ("call", "double_factorial" if self.accept("!") else "factorial", value)
            elif self.next_is("°"):
                value = ("degrees", self.degrees(value))
            elif not self.accept("%"):
                self.depth -= 1
                return value

    def degrees(self, value):
        """30°15'20'' as a number of degrees."""
        self.take()
        for parts in (60, 3600):
            if self.peek().kind != NUMBER or self.peek(1).text != "'":
                break
            value = ("add", value, ("divide", self.literal(self.take().text), tree.number(parts)))
            while self.accept("'"):
                pass
        return value

    def argument(self, whole_number=False):
        """A group or one token, as LaTeX takes arguments: one digit, but a whole
        number behind ^, which is what people mean."""
        if self.accept("{"):
            return self.group()
        if self.next_is("-", "+"):
            return self.signed(self.take().text, self.argument(whole_number))
        token = self.peek()
        if token.kind != NUMBER:
            return self.atom()
        if not whole_number and len(token.text) > 1:
            self.tokens[self.at] = Token(NUMBER, token.text[1:])
            return self.literal(token.text[0])
        return self.literal(self.take().text)

    def group(self):
        """What is in { }, which only bind together."""
        bars, self.bars = self.bars, 0
        value = self.sum()
        if self.next_is("choose", "over"):
            chosen = self.take().text == "choose"
            below = self.sum()
            value = ("call", "binomial", value, below) if chosen else tree.divide(value, below)
        self.take("}")
        self.bars = bars
        return value

    def atom(self):
        token = self.take()
        if token.kind == NUMBER:
            return self.number(token)
        if token.kind == LETTER:
            return self.letter(token)
        if token.kind == WORD and len(token.text) <= 4 and not token.upright:
            self.at -= 1  # "km" where a factor must be: a product after all
            self.tokens[self.at:self.at + 1] = [Token(LETTER, c, run=-1) for c in token.text]
            return self.atom()
        if token.kind == COMMAND:
            return self.command(token.text)
        if token.kind == BEGIN:
            return self.matrix(token.text)
        return self.bracket(token)

    def command(self, name):
        if name == "frac":
            above = self.argument()
            return tree.divide(above, self.argument())
        if name == "sqrt":
            return self.root()
        if name == "binom":
            above = self.argument()
            return ("call", "binomial", above, self.argument())
        if name == "pi":
            return ("constant", "pi")
        if name == "infty":
            return ("infinity",)
        if name in ("sum", "prod"):
            return self.series("sum" if name == "sum" else "product")
        if name in ("lfloor", "lceil"):
            value = self.sum()
            self.take("r" + name[1:])
            return ("call", "floor" if name == "lfloor" else "ceiling", value)
        if name == "overline":
            return self.overlined()
        if name == "det":
            return self.determinant()
        if name in vocabulary.FUNCTIONS:
            return self.function(vocabulary.SAME_FUNCTION.get(name, name))
        raise Unreadable("unexpected " + name)

    def determinant(self):
        value = self.atom()
        if not tree.is_matrix(value):
            raise Unreadable("a determinant of no matrix")
        return tree.determinant(value)

    def overlined(self):
        begin = self.at
        self.argument()
        return ("symbol", "overline:" + "".join(t.text for t in self.tokens[begin:self.at]))

    # --- Numbers -------------------------------------------------------------------

    def literal(self, text):
        if "(" not in text:
            return tree.number(Fraction(text.rstrip(".")))
        whole, rest = text.split(".")
        head, block = rest.rstrip(")").split("(")
        scale = 10 ** len(head)
        return tree.number(Fraction(int(whole + head or 0), scale) + Fraction(
            int(block), scale * (10 ** len(block) - 1)))

    def number(self, token):
        if self.next_is("_") and token.text.isdigit():
            self.take()
            return self.based(token.text)
        value = self.literal(token.text)
        if token.text.isdigit():
            fraction = self.mixed_fraction()
            if fraction is not None:
                return ("add", value, fraction)
        return value

    def mixed_fraction(self):
        """The fraction of 1\\frac{1}{2} or 1 1/2, if one stands here."""
        texts = [self.peek(ahead).text for ahead in range(7)]
        if texts[0] == "frac" and texts[1] == "{" and texts[3:5] == ["}", "{"] and (
                texts[6] == "}" and texts[2].isdigit() and texts[5].isdigit()):
            self.at += 7
            return tree.divide(self.literal(texts[2]), self.literal(texts[5]))
        if texts[0] == "frac" and self.peek(1).kind == NUMBER and texts[1].isdigit() and (
                len(texts[1]) > 1 or texts[2].isdigit()):
            self.at += 1
            above = self.argument()
            return tree.divide(above, self.argument())
        if self.peek().kind == NUMBER and texts[0].isdigit() and self.peek().spaced and (
                texts[1] == "/" and self.peek(2).kind == NUMBER and texts[2].isdigit()):
            self.at += 3
            return tree.divide(self.literal(texts[0]), self.literal(texts[2]))
        return None

    def based(self, digits):
        """204_5: the number in that base, which is not the same answer as in another."""
        base = self.argument()
        if base[0] != "number" or base[1].denominator != 1 or not 2 <= base[1] <= 36:
            raise Unreadable("no base")
        if any(int(digit) >= base[1] for digit in digits):
            raise Unreadable("no digits of its base")
        return ("based", digits.lstrip("0") or "0", int(base[1]))

    # --- Names ---------------------------------------------------------------------

    def letter(self, token):
        if token.text in ("e", "i") and not self.next_is("_", "'"):
            return ("constant", token.text)
        name, index = token.text, None
        if self.accept("_"):
            name, index = self.subscript(name)
        while self.accept("'"):
            name += "'"
        if self.is_application(name):
            self.take("(")
            arguments = self.arguments(")")
            return ("value", name) + ((index,) if index else ()) + arguments
        return ("value", name, index) if index else ("symbol", name)

    def subscript(self, name):
        """The name with what is below it; its index where that may vary or be computed."""
        begin = self.at
        if self.accept("{"):
            depth = 1
            while depth:
                token = self.take()
                depth += (token.text == "{") - (token.text == "}")
        else:
            self.take()
        inside = [t for t in self.tokens[begin:self.at] if t.text not in ("{", "}")]
        if len(inside) > 1 and all(t.kind in (LETTER, WORD, NUMBER) for t in inside):
            return name + "_" + "".join(t.text for t in inside), None
        if len(inside) == 1 and inside[0].kind != LETTER:
            return name + "_" + inside[0].text, None
        self.at = begin
        return name + "_", self.argument()

    def is_application(self, name):
        """f(x), and P(0): a product with a number would be written the other way."""
        if not self.next_is("("):
            return False
        if name.rstrip("'")[0] in FUNCTION_LETTERS or "'" in name:
            return True
        place = self.at + 1
        if self.tokens[place:place + 1] and self.peek(1).text in ("-", "+"):
            place += 1
        following = self.tokens[place:place + 2]
        return (len(following) == 2 and following[0].kind == NUMBER and following[1].text == ")"
                and len(name) < 3)

    # --- Functions -----------------------------------------------------------------

    def function(self, name):
        base = exponent = None
        while self.next_is("_", "^"):
            if self.take().text == "_":
                base = self.argument()
            else:
                exponent = self.argument(whole_number=True)
        arguments = self.function_arguments(name)
        if name == "lg" or (name == "log" and base is None):
            base = tree.number(10)
        if exponent in (("negate", tree.ONE), tree.number(-1)) and name in (
                vocabulary.CIRCULAR + vocabulary.HYPERBOLIC):
            name, exponent = "arc" + name, None
        if name in ("log", "lg", "ln"):
            value = ("call", "log", arguments[0])
            value = value if base is None else ("divide", value, ("call", "log", base))
        elif name == "sqrt":
            value = ("root", tree.TWO, arguments[0])
        else:
            value = ("call", name) + arguments
        return value if exponent is None else tree.power(value, exponent)

    def function_arguments(self, name):
        if name in vocabulary.LIST_FUNCTIONS:
            opening = self.take("(", "\\{").text
            return self.arguments(")" if opening == "(" else "\\}")
        if self.next_is("("):
            self.take()
            return self.arguments(")")
        value = self.term() if self.next_is("-", "+") else self.juxtaposed(self.factor(), False)
        return (value,)

    def arguments(self, closing):
        bars, self.bars = self.bars, 0
        values = [self.sum()]
        while self.peek().kind == SEPARATOR and self.peek().text in (",", ";"):
            self.at += 1
            values.append(self.sum())
        self.take(closing)
        self.bars = bars
        return tuple(values)

    def root(self):
        degree = tree.TWO
        if self.accept("["):
            degree = self.sum()
            self.take("]")
        elif self.next_is("("):  # "sqrt(12)"
            self.take()
            return ("root", degree) + self.arguments(")")[:1]
        return ("root", degree, self.argument())

    def series(self, kind):
        self.take("_")
        self.take("{")
        index = self.take()
        if index.kind != LETTER:
            raise Unreadable("no index of a " + kind)
        self.take("=")
        first = self.sum()
        self.take("}")
        self.take("^")
        last = self.argument(whole_number=True)
        body = self.product()
        name = ("symbol", index.text)
        if index.text == "i":  # not the imaginary one here
            body = tree.replace(body, lambda part: name if part == ("constant", "i") else None)
        return (kind, index.text, first, last, body)

    # --- Brackets and matrices -----------------------------------------------------

    def bracket(self, token):
        if token.text == "{":
            return self.group()
        if token.text in ("(", "["):
            bars, self.bars = self.bars, 0
            value = self.sum()
            self.take(")" if token.text == "(" else "]")
            self.bars = bars
            return value
        if token.text in ("|", "||") and token.kind == SYMBOL:
            self.bars += 1
            value = self.sum()
            self.take(token.text)
            self.bars -= 1
            if tree.is_matrix(value):
                return tree.determinant(value)
            return ("call", "abs" if token.text == "|" else "norm", value)
        raise Unreadable("unexpected " + token.text)

    def matrix(self, name):
        if name not in MATRICES:
            raise Unreadable("unexpected " + name)
        rows = [[]]
        while True:
            rows[-1].append(self.sum())
            if self.accept("&"):
                continue
            ended = self.peek().kind != ROW
            self.at += not ended
            if ended or self.peek().kind == END:
                break
            rows.append([])
        if self.peek().kind != END or self.peek().text != name:
            raise Unreadable("a matrix without its end")
        self.at += 1
        if len({len(row) for row in rows}) != 1:
            raise Unreadable("rows of other lengths")
        value = ("matrix", tuple(map(tuple, rows)))
        return tree.determinant(value) if name == "vmatrix" else value

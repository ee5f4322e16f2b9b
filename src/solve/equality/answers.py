"""From tokens to what an answer says: values, and lists, names and words around them.

    ("expression", tree)                      ("words", letters)
    ("sequence", open, close, values)         a tuple or an interval
    ("set", values, joiner)                   in any order; joiner: "," "and" "or"
    ("union" | "intersection" | "difference", a, b)
    ("solutions", variable, conditions, joiner)   {x | x > 2}
    ("relation", operators, trees)            a chain of "=" "!=" "<" "<="
    ("named", name, value, relation or None)  x = 5
    ("assignment", names, values)             x = 1, y = 2 or (x, y) = (1, 2)
    ("ratio", trees, is_time)                 2:3; 12:30 may be a time of day
    ("residue", values, modulus)              3 (mod 7)
    ("choice", letter, value or None)         (C) 12
    ("quantity", value, unit)                 5 cm
"""
import itertools

from equality import names, tree, units, vocabulary
from equality.lexer import (BEGIN, COMMAND, END, LETTER, NUMBER, ROW, SEPARATOR, SYMBOL, WORD,
                            tokenize)
from equality.parser import ExpressionParser
from equality.statements import combine, conclude
from equality.token_reader import END_TOKEN
from equality.unreadable import Unreadable

MAX_ITEMS = 40
MAX_SIGNS = 4
RELATIONS = {"=": "=", "in": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=",
             "approx": "approx", "equiv": "equiv"}
OPENING = {"(", "[", "{", "\\{", "langle"}
CLOSING = {")", "]", "}", "\\}", "rangle"}
SET_OPERATIONS = {"cup": "union", "cap": "intersection", "setminus": "difference"}
SYSTEMS = {"cases", "aligned", "align", "align*", "gathered"}
ALL_REALS = ("sequence", "(", ")", (("expression", ("negate", ("infinity",))),
                                    ("expression", ("infinity",))))
EMPTY_SET = ("set", (), ",")


def parse(text):
    return parse_tokens(tokenize(text))


def parse_tokens(tokens):
    if not tokens:
        raise Unreadable("empty")
    parser = AnswerParser(tokens)
    value = parser.answer()
    if parser.peek() is not END_TOKEN:
        raise Unreadable("unexpected " + parser.peek().text)
    return value


class AnswerParser(ExpressionParser):
    def answer(self):
        choice = self.choice()
        return choice if choice is not None else combine(*self.items())

    def choice(self):
        """(C) 12, C: 12, C) 12 or C. 12, where the letter alone would be the answer."""
        texts = [self.peek(ahead).text for ahead in range(3)]
        bracketed = texts[0] == "(" and texts[2] == ")"
        letter, rest = (self.peek(1), 3) if bracketed else (self.peek(), 2)
        if letter.kind != LETTER or letter.text not in "ABCDEFGH" or len(self.tokens) <= rest or (
                not bracketed and texts[1] not in (":", ")", ".")):
            return None
        if self.peek(rest).kind == SEPARATOR or not (letter.upright or self.peek(rest).spaced):
            return None
        try:
            content = parse_tokens(self.tokens[rest:])
        except Unreadable:
            content = None
        self.at = len(self.tokens)
        return ("choice", letter.text, content)

    # --- Lists ---------------------------------------------------------------------

    def items(self, *closings):
        """The values up to a closing bracket, and what stands between them."""
        values, joiners = [], []
        while True:
            before = len(values)
            values.extend(self.item())
            joiners.extend([","] * (len(values) - before - 1))
            if len(values) > MAX_ITEMS:
                raise Unreadable("too many items")
            joiner = self.joiner()
            if joiner is None or self.next_is(*closings):
                return values, joiners
            joiners.append(joiner)

    def joiner(self):
        found = []
        while self.peek().kind == SEPARATOR:
            found.append(self.peek().text)
            self.at += 1
        return next((text for text in (";", "or", "and", ",") if text in found), None)

    def item(self):
        """One value, or those that its signs +- stand for."""
        system = self.system()
        if system is not None:
            return [system]
        words = self.words()
        if words is not None:
            return [words]
        signs, self.signs, self.minus_plus = self.signs, 0, False
        values = self.each_sign(self.chain())
        self.signs = signs
        return values

    def each_sign(self, value):
        if not self.signs:
            return [value]
        if self.minus_plus:
            choices = [(1,) * self.signs, (-1,) * self.signs]
        elif self.signs <= MAX_SIGNS:
            choices = itertools.product((1, -1), repeat=self.signs)
        else:
            raise Unreadable("too many signs")
        return [tree.replace(value, lambda part, chosen=chosen: tree.number(
            chosen[part[1]] * part[2]) if part[:1] == ("sign",) else None) for chosen in choices]

    def words(self):
        """What is written in words up to the next comma."""
        end = self.at
        while end < len(self.tokens) and (self.tokens[end].kind in (WORD, LETTER) or
                                          self.tokens[end].text in (".", "'", "-", "!", "?")):
            end += 1
        following = self.tokens[end] if end < len(self.tokens) else END_TOKEN
        taken = self.tokens[self.at:end]
        mixed = {t.upright for t in taken if t.kind in (WORD, LETTER)}
        says = any(t.kind == WORD and (t.upright or t.text.lower() not in vocabulary.UNITS)
                   for t in taken)
        if not says or len(mixed) > 1 or (
                following is not END_TOKEN and following.kind != SEPARATOR
                and following.text not in CLOSING):
            return None
        self.at = end
        text = "".join(t.text for t in taken if t.kind in (WORD, LETTER)).casefold()
        if text in vocabulary.SAYS_ALL_REALS:
            return ALL_REALS
        return ("expression", ("infinity",)) if text == "infinity" else ("words", text)

    def system(self):
        """Equations one below the other."""
        if self.peek().kind != BEGIN or self.peek().text not in SYSTEMS:
            return None
        self.at += 1
        self.tokens = [t for t in self.tokens if t.text != "&" or t.kind != SYMBOL]
        rows = []
        while self.peek().kind != END:
            row = self.chain()
            if row[0] not in ("named", "relation"):
                raise Unreadable("cases")
            rows.append(row)
            while self.peek().kind in (ROW, SEPARATOR):
                self.at += 1
        self.at += 1
        return combine(rows, ["and"] * (len(rows) - 1))

    # --- Relations -----------------------------------------------------------------

    def chain(self):
        """Sides with relations between them."""
        sides, operators = [], []
        while True:
            name = names.before_relation(self.tokens, self.at, RELATIONS)
            sides.append(self.named_side(name) if name else self.side())
            self.modulus(sides, operators)
            if self.peek().kind != SYMBOL or self.peek().text not in RELATIONS:
                return conclude(sides, operators)
            operators.append(RELATIONS[self.take().text])
            if len(sides) > MAX_ITEMS:
                raise Unreadable("too many sides")

    def named_side(self, name):
        """A side that is a name; where it is an expression, too, that as well."""
        signs, value, tokens = self.signs, None, list(self.tokens)
        try:
            value = self.sum()
        except Unreadable:
            pass
        if self.at - len(self.tokens) != name.end - len(tokens):  # words may be letters by now
            value = None
        self.at, self.signs, self.tokens = name.end, signs, tokens
        return ("name", name, value)

    def modulus(self, sides, operators):
        """(mod 7) behind a side makes it a residue."""
        token = self.peek()
        bracketed = token.text == "("
        word = "".join(t.text for t in self.tokens[self.at + bracketed:self.at + bracketed + 3])
        if token.kind == COMMAND and token.text in ("pmod", "mod", "pod"):
            self.at += 1
            modulus = self.argument(whole_number=True)
        elif word.startswith("mod") and (bracketed or token.kind in (LETTER, WORD)):
            self.at += bracketed
            self.at += 1 if self.peek().kind == WORD else 3
            modulus = self.sum()
            if bracketed:
                self.take(")")
        else:
            return
        if operators[-1:] == ["equiv"] or not operators:
            sides[-1] = ("residue", (sides[-1],), modulus)
        else:
            raise Unreadable("a modulus")

    # --- Sides ---------------------------------------------------------------------

    def side(self):
        value = self.operand()
        while self.peek().kind == COMMAND and self.peek().text in SET_OPERATIONS:
            operation = SET_OPERATIONS[self.take().text]
            value = (operation, value, self.operand())
        return value

    def operand(self):
        token = self.peek()
        if token.kind == COMMAND and token.text == "emptyset":
            self.at += 1
            return EMPTY_SET
        if token.kind == COMMAND and token.text == "mathbb:R":
            self.at += 1
            return ALL_REALS
        if token.kind == COMMAND and token.text.startswith("mathbb:"):
            self.at += 1
            return ("expression", ("symbol", token.text))
        if token.text in OPENING and token.kind in (SYMBOL, COMMAND):
            listed = self.bracketed_list()
            if listed is not None:
                return listed
        value = self.sum()
        if self.next_is(":"):
            return self.ratio(value)
        return self.with_unit(("expression", value))

    def bracketed_list(self):
        """A tuple, an interval or a set; None for brackets around an expression."""
        end, separated = self.matching_bracket()
        opening = self.peek().text
        closing = self.tokens[end].text
        alike = opening + closing in ("()", "[]", "{}")
        if not separated and opening not in ("\\{", "langle") and alike:
            return None
        self.at += 1
        bars, self.bars = self.bars, 0
        if opening in ("\\{", "{"):
            value = self.set_members(closing)
        else:
            value = ("sequence", "(" if opening == "langle" else opening,
                     ")" if closing == "rangle" else closing, self.members(closing))
        self.bars = bars
        return value

    def matching_bracket(self):
        """Where the bracket that stands here closes, and whether commas are in it."""
        depth, separated = 0, False
        for place in range(self.at, len(self.tokens)):
            token = self.tokens[place]
            if token.kind in (SYMBOL, COMMAND):
                depth += (token.text in OPENING) - (token.text in CLOSING)
                if depth == 0:
                    return place, separated
            separated |= depth == 1 and token.kind == SEPARATOR
        raise Unreadable("a bracket that does not close")

    def members(self, closing):
        values = [self.member()]
        while self.joiner() is not None:
            values.append(self.member())
            if len(values) > MAX_ITEMS:
                raise Unreadable("too many items")
        self.take(closing)
        return tuple(values)

    def member(self):
        words = self.words()
        return words if words is not None else self.chain()

    def set_members(self, closing):
        if self.accept(closing):
            return EMPTY_SET
        condition = self.set_builder(closing)
        if condition is not None:
            return condition
        values, joiners = self.items(closing)
        self.take(closing)
        return combine(values, joiners, braces=True)

    def set_builder(self, closing):
        begin, letter = self.at, self.peek()
        self.at += 1
        if letter.kind == LETTER and self.accept("in"):
            self.accept("mathbb:R")
        if letter.kind != LETTER or not self.accept("|", ":"):
            self.at = begin
            return None
        values, joiners = self.items(closing)
        self.take(closing)
        if not all(value[0] == "relation" or value[0] == "named" for value in values):
            raise Unreadable("no condition of a set")
        return ("solutions", letter.text, tuple(values), joiners[0] if joiners else ",")

    def ratio(self, first):
        begin = self.at
        terms = [first]
        while self.accept(":"):
            terms.append(self.sum())
        digits = [t.text for t in self.tokens[begin - 1:self.at] if t.kind == NUMBER]
        is_time = (len(terms) == 2 and len(digits) == 2 and all(map(str.isdigit, digits))
                   and len(digits[0]) <= 2 and len(digits[1]) == 2
                   and int(digits[0]) < 25 and int(digits[1]) < 60 and self.at == begin + 2)
        return self.with_unit(("ratio", tuple(terms), is_time))

    def with_unit(self, value):
        phrase, self.at = units.phrase(self.tokens, self.at)
        if not phrase:
            return value
        factor, unit = units.read(phrase)
        if factor != 1:
            if value[0] != "expression":
                raise Unreadable("a number of millions")
            value = ("expression", tree.multiply(value[1], tree.number(factor)))
        return ("quantity", value, unit) if unit else value

"""From an answer's text to tokens, in one pass from left to right.

LaTeX, or what people write instead. Spacing, sizing and math delimiters go; names
of commands that mean the same become one. Time is linear in the text.
"""
import re
from typing import NamedTuple

from equality import vocabulary
from equality.unreadable import Unreadable

MAX_CHARACTERS = 1000
MAX_TOKENS = 600

NUMBER, LETTER, WORD, COMMAND, SYMBOL, BEGIN, END, ROW, SEPARATOR = (
    "number", "letter", "word", "command", "symbol", "begin", "end", "row", "separator")


class Token(NamedTuple):
    kind: str
    text: str
    spaced: bool = False  # white space stood before it
    run: int = 0  # letters written together share a number
    upright: bool = False  # in \text, \mathrm and their like

    def same(self, other):
        """Spaces tell numbers apart, and nothing else that is of this kind."""
        return self.kind == other.kind and self.text == other.text


# The whole part of a number in groups of three. The comma alone may be a list's.
THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:(?: ?\{, ?\}|,\\!\s*|\\[,!; ]|[ ~]|,)\d{3}(?!\d))+")
DIGITS = re.compile(r"\d*")
SCIENTIFIC = re.compile(r"\d+(?:\.\d+)?[eE][+-]?\d{1,3}(?![\w^])")
REPEATING = re.compile(r"\s*(?:\\overline|\\bar|\\dot)\s*(?:\{(\d+)\}|(\d))|\((\d+)\)")
ELLIPSIS = re.compile(r"\s*(?:\.\.\.+|\\l?dots(?![a-zA-Z])|\\cdots(?![a-zA-Z]))")
LETTERS = re.compile(r"[a-zA-Z]+")
DEGREE = re.compile(r"\^?\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))")
PRIME = re.compile(r"\^\s*(?:\{((?:\s*\\prime)+)\s*\}|(\\prime(?![a-zA-Z])))")
ENVIRONMENT = re.compile(r"\s*\{([a-zA-Z]+\*?)\}")
ROW_SKIP = re.compile(r"\*?\s*\[\s*-?[\d.]+\s*[a-z]{2}\s*\]")
ESCAPED_TWICE = re.compile(r"\\\\(?=[a-zA-Z{}()\[\]%])")
LEADING_SPACE = re.compile(r"^(?:[ ~]|\\[ ,;:!])*")
LONG_OPERATORS = ("**", "<=", ">=", "==", "->")


def tokenize(text):
    if len(text) > MAX_CHARACTERS:
        raise Unreadable("too long")
    text = vocabulary.replace_unicode(text)
    if "\\begin" not in text:  # no rows to end: the text was escaped once too often
        text = ESCAPED_TWICE.sub(r"\\", text)
    return Lexer(text).run()


class Lexer:
    def __init__(self, text):
        self.text = text
        self.at = 0
        self.tokens = []
        self.spaced = False
        self.runs = 0
        self.depth = 0  # of brackets in which a comma separates
        self.closing = closing_braces(text)
        self.text_ends = []  # where the \text groups end that we are in
        self.frame_ends = set()  # closing braces of boxes, which go
        self.joined_until = 0  # digits before it are known not to be grouped by commas

    def run(self):
        while self.at < len(self.text):
            if self.text_ends and self.at == self.text_ends[-1]:
                self.text_ends.pop()
                self.at += 1
                self.spaced = True
            elif self.at in self.frame_ends:
                self.at += 1
            else:
                self.step()
            if len(self.tokens) > MAX_TOKENS:
                raise Unreadable("too long")
        while self.tokens and self.tokens[-1][:2] in ((SYMBOL, "."), (SEPARATOR, ","),
                                                      (SEPARATOR, ";")):
            self.tokens.pop()
        return self.tokens

    def emit(self, kind, text, run=0, upright=False):
        self.tokens.append(Token(kind, text, self.spaced, run, upright or bool(self.text_ends)))
        self.spaced = False

    def step(self):
        character = self.text[self.at]
        if character.isspace() or character == "~":
            self.at += 1
            self.spaced = True
        elif character == "\\":
            self.command()
        elif character.isdigit() or self.starts_decimal():
            self.number()
        elif character.isalpha() and character.isascii():
            self.letters()
        elif character.isalpha():
            self.foreign_word()
        elif character in vocabulary.CURRENCY:
            self.at += 1
        else:
            self.symbol(character)

    # --- Numbers -------------------------------------------------------------------

    def starts_decimal(self):
        following = self.text[self.at + 1:self.at + 2]
        return self.text[self.at] == "." and following.isdigit()

    def number(self):
        match = SCIENTIFIC.match(self.text, self.at)
        if match and "." not in self.text[match.end():match.end() + 1]:
            self.at = match.end()
            return self.emit(NUMBER, match[0])
        whole = self.grouped_digits()
        if whole is None:
            end = DIGITS.match(self.text, self.at).end()
            whole, self.at = self.text[self.at:end], end
        digits = whole
        if self.text[self.at:self.at + 1] == "." and not ELLIPSIS.match(self.text, self.at):
            end = DIGITS.match(self.text, self.at + 1).end()
            digits += "." + self.text[self.at + 1:end]
            self.at = end
        self.emit(NUMBER, self.with_repetition(digits))

    def grouped_digits(self):
        """1,234 or 1{,}234 or 1\\,234 as its digits; None if it is not grouped."""
        if self.at < self.joined_until:
            return None
        match = THOUSANDS.match(self.text, self.at)
        if not match:
            return None
        rest = self.text[match.end():match.end() + 2]
        bare_commas = re.search(r"(?<!\{),(?!\\!|\})", match[0])
        another = rest[:1] == "," and rest[1:].isdigit()
        if (bare_commas and (self.depth > 0 or another)) or (
                " " in match[0] and rest.lstrip()[:1] == "/"):
            self.joined_until = match.end()
            return None
        self.at = match.end()
        return re.sub(r"\D", "", match[0])

    def with_repetition(self, digits):
        """Digits "0.1" before \\overline{6} or "0.1666" before "..." become "0.1(6)"."""
        if "." not in digits:
            return digits
        match = REPEATING.match(self.text, self.at)
        if match:
            self.at = match.end()
            return f"{digits}({match[1] or match[2] or match[3]})"
        match = ELLIPSIS.match(self.text, self.at)
        if match:
            self.at = match.end()
            return repeated_tail(digits)
        return digits

    # --- Letters -------------------------------------------------------------------

    def letters(self):
        match = LETTERS.match(self.text, self.at)
        end = min([match.end()] + self.text_ends[-1:])
        name, self.at = self.text[self.at:end], end
        self.word(name)

    def foreign_word(self):
        end = self.at
        while end < len(self.text) and self.text[end].isalpha() and not self.text[end].isascii():
            end += 1
        name, self.at = self.text[self.at:end], end
        self.emit(WORD, name)

    def word(self, name):
        lower = name.lower()
        if lower in ("and", "or"):
            return self.emit(SEPARATOR, lower)
        for joiner in ("or", "and"):  # "(1,2)or(2,1)"
            rest = name[len(joiner):]
            if name.startswith(joiner) and rest and rest[0].isupper():
                self.emit(SEPARATOR, joiner)
                return self.word(rest)
        if self.text_ends and len(name) > 1:
            return self.emit(WORD, name)
        if name in vocabulary.FUNCTIONS or lower in vocabulary.CONSTANT_WORDS:
            return self.emit(COMMAND, vocabulary.CONSTANT_WORDS.get(lower, name))
        for function in vocabulary.PREFIX_FUNCTIONS:  # "sinx"
            rest = name[len(function):]
            if name.startswith(function) and 0 < len(rest) <= 2:
                self.emit(COMMAND, function)
                return self.word(rest)
        if len(name) > 1 and vocabulary.is_word(name):
            return self.emit(WORD, name)
        self.runs += 1
        for letter in name:
            self.emit(LETTER, letter, run=self.runs)

    # --- Commands ------------------------------------------------------------------

    def command(self):
        match = LETTERS.match(self.text, self.at + 1)
        if not match:
            return self.escaped(self.text[self.at + 1:self.at + 2])
        name = match[0]
        if name not in vocabulary.SPACES and name.lstrip("q").startswith("uad"):
            name = name[:name.index("d") + 1]  # "\quadx"
        self.at += 1 + len(name)
        name = vocabulary.SAME_COMMAND.get(name, name)
        if name in vocabulary.SPACES:
            self.spaced = True
        elif name in vocabulary.BOXES:
            if self.text[self.at:self.at + 1] == "{" and self.at in self.closing:
                self.frame_ends.add(self.closing[self.at])
                self.at += 1
        elif name in vocabulary.DROPPED:
            if name in ("left", "right") and self.text[self.at:self.at + 1] == ".":
                self.at += 1
        elif name in vocabulary.SYMBOL_COMMANDS:
            self.symbol(vocabulary.SYMBOL_COMMANDS[name], size=0)
        elif name in vocabulary.TEXT_COMMANDS or name in vocabulary.STYLE_COMMANDS:
            self.styled(name)
        elif name in ("begin", "end"):
            self.environment(name)
        elif name in ("cr", "newline"):
            self.emit(ROW, "\\\\")
        elif name == "degree" or (name == "circ" and self.tokens):
            self.emit(SYMBOL, "°")
        elif name in ("land", "wedge", "lor", "vee"):
            self.emit(SEPARATOR, "and" if name in ("land", "wedge") else "or")
        elif name in vocabulary.GREEK:
            self.runs += 1
            self.emit(LETTER, "\\" + name, run=self.runs)
        else:
            self.emit(COMMAND, name)

    def escaped(self, character):
        self.at += 2
        if not character:
            return
        if character == "\\":
            skip = ROW_SKIP.match(self.text, self.at)
            self.at = skip.end() if skip else self.at
            self.emit(ROW, "\\\\")
        elif character in "{}":
            self.depth += 1 if character == "{" else -1
            self.emit(SYMBOL, "\\" + character)
        elif character == "|":
            self.emit(SYMBOL, "||")
        elif character in "%#&_":
            self.emit(SYMBOL, character)
        elif character in "()[]$":
            pass
        else:
            self.spaced = True

    def environment(self, kind):
        match = ENVIRONMENT.match(self.text, self.at)
        if not match:
            raise Unreadable("an environment without a name")
        self.at = match.end()
        if kind == "begin" and match[1] in ("array", "tabular"):
            while self.at < len(self.text) and self.text[self.at].isspace():
                self.at += 1
            if self.text[self.at:self.at + 1] == "{":
                self.at = self.closing.get(self.at, self.at) + 1
        self.emit(BEGIN if kind == "begin" else END, match[1])

    def styled(self, name):
        """\\text{...}, \\mathrm{...}, \\mathbf x and the like."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        braced = self.text[self.at:self.at + 1] == "{" and self.at in self.closing
        begin = self.at + 1 if braced else self.at
        end = self.closing[self.at] if braced else min(begin + 1, len(self.text))
        after = end + 1 if braced else end
        content = self.text[begin:end].strip()
        if name in vocabulary.TEXT_COMMANDS:
            if braced:
                self.at = begin
                self.spaced = True
                self.text_ends.append(end)
        elif name == "mathbb":
            self.at = after
            self.emit(COMMAND, "mathbb:" + content)
        elif len(content) == 1 and content.isalpha():
            self.at = after
            self.styled_letter(name, content)
        elif content in vocabulary.FUNCTIONS:
            self.at = after
            self.emit(COMMAND, content)
        elif braced and name in vocabulary.UPRIGHT and LEADING_SPACE.sub("", content)[:1].isalpha():
            self.at = begin
            self.text_ends.append(end)

    def styled_letter(self, name, letter):
        """Bold and marked letters are vectors: no bold i is the imaginary one."""
        self.runs += 1
        if name in vocabulary.VECTOR_STYLES and letter.islower():
            letter = "vec:" + letter
        self.emit(LETTER, letter, run=self.runs, upright=name in vocabulary.UPRIGHT)

    # --- The rest ------------------------------------------------------------------

    def symbol(self, character, size=1):
        degree = DEGREE.match(self.text, self.at) if character == "^" else None
        prime = PRIME.match(self.text, self.at) if character == "^" else None
        text = next((operator for operator in LONG_OPERATORS
                     if size and self.text.startswith(operator, self.at)), character)
        if degree or prime:
            self.at = (degree or prime).end()
            text = "°" if degree else "'" * (degree or prime)[0].count("\\prime")
        elif self.text.startswith("!=", self.at) and size and self.is_unequal():
            self.at += 2
            text = "!="
        else:
            self.at += len(text) if size else 0
        self.depth += (text in "([") - (text in ")]") if len(text) == 1 else 0
        text = vocabulary.SAME_SYMBOL.get(text, text)
        if text in (",", ";"):
            self.emit(SEPARATOR, text)
        elif text == "'" * len(text) and text:
            for _ in text:
                self.emit(SYMBOL, "'")
        else:
            self.emit(SYMBOL, text)

    def is_unequal(self):
        """"x != 3" says that they differ; "5!=120" is a factorial."""
        return self.spaced or not self.tokens


def closing_braces(text):
    """Where each group ends, by where it begins."""
    closing, opened, at = {}, [], 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "{":
            opened.append(at)
        elif text[at] == "}" and opened:
            closing[opened.pop()] = at
        at += 1
    return closing


def repeated_tail(digits):
    """"0.1666" and so on: "0.1(6)". The shortest block that stands there twice."""
    whole, fraction = digits.split(".")
    for size in range(1, len(fraction) // 2 + 1):
        block = fraction[-size:]
        if fraction[-2 * size:-size] == block:
            while fraction.endswith(block):
                fraction = fraction[:-size]
            return f"{whole}.{fraction}({block})"
    raise Unreadable("it is not said how the digits go on")

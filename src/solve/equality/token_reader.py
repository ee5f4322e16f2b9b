"""Where a parser is among its tokens, and how deep."""
from equality.lexer import COMMAND, SYMBOL, Token
from equality.unreadable import Unreadable

MAX_DEPTH = 40
END_TOKEN = Token("end of the answer", "")


class TokenReader:
    def __init__(self, tokens):
        self.tokens = list(tokens)
        self.at = 0
        self.depth = 0

    def peek(self, ahead=0):
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else END_TOKEN

    def next_is(self, *texts):
        token = self.peek()
        return token.kind in (SYMBOL, COMMAND) and token.text in texts

    def accept(self, *texts):
        if self.next_is(*texts):
            self.at += 1
            return True
        return False

    def take(self, *texts):
        token = self.peek()
        if token is END_TOKEN or (texts and not self.next_is(*texts)):
            raise Unreadable("unexpected " + (token.text or token.kind))
        self.at += 1
        return token

    def enter(self):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")

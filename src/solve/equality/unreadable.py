class Unreadable(Exception):
    """Not an answer in the notation that is understood, or one out of bounds."""


class Undefined(Exception):
    """An expression has no value at a point, or none that can be computed."""

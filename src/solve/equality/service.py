"""Compares what is asked for on the standard input; runs in the jail (../sandbox_comparer.h).

    {"limit": seconds, "requests": [{"answer": text, "others": [[text, expected], ...]}, ...]}

where `expected` says that the other is the problem's expected answer. Prints a line for
each of the others in their order, "<index of the request> <verdict>", and goes on to the
next request after the first "equal" of one that is not the expected answer:

    equal | different | unreadable | timeout

"timeout" is of processor time, `limit` for each of them.
"""
import json
import signal
import sys

from equality.comparison import compare, read


class TimeUp(BaseException):
    """Not an Exception, so that nothing takes it for an error of its own."""


def on_time_up(_number, _frame):
    raise TimeUp


def within(limit, function, *arguments):
    """The function's value, or "timeout" after so much processor time."""
    try:
        signal.setitimer(signal.ITIMER_PROF, limit)
        try:
            return function(*arguments)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except TimeUp:
        return "timeout"


def verdicts(request, limit):
    """Yields the verdict on each of the others."""
    answer = request["answer"]
    readable = within(limit, read, answer) != "timeout"
    for other, expected in request["others"]:
        verdict = "timeout"
        if readable:
            pair = (other, answer) if expected else (answer, other)
            verdict = within(limit, compare, *pair, expected)
        yield verdict
        if verdict == "equal" and not expected:
            return


def serve():
    signal.signal(signal.SIGPROF, on_time_up)
    asked = json.load(sys.stdin)
    for index, request in enumerate(asked["requests"]):
        for verdict in verdicts(request, asked["limit"]):
            print(index, verdict, flush=True)

"""Runs programs and gives what QED's sandbox would print.

Like the sandbox: a session keeps its variables, the value of a last expression is
printed, an error is shown with one line for each frame of the program and ends
nothing. The programs are ours: they run in this process, under a limit on processor time
(a busy machine changes nothing).
"""

import ast
import contextlib
import importlib
import io
import linecache
import signal
import traceback
from collections.abc import Iterator

MAX_OUTPUT = 200  # characters: `--code-output-chars`


class TooSlow(Exception):
    """A program of ours ran into the time limit: our mistake."""


def _alarm(_number: int, _frame: object) -> None:
    raise TooSlow


def _frames(error: BaseException) -> Iterator[str]:
    """The program's own frames, and the innermost of a library."""
    ours = (__file__, ast.__file__, "<string>")
    entries = [e for e in traceback.extract_tb(error.__traceback__) if e.filename not in ours]
    for index, entry in enumerate(entries):
        if entry.filename.startswith("<cell "):
            yield f"    {entry.line}\n"
        elif index == len(entries) - 1:
            yield f"  File {entry.filename}:{entry.lineno} in {entry.name}\n    {entry.line}\n"


def error_text(error: BaseException) -> str:
    """The traceback as the sandbox prints it."""
    lines = traceback.format_exception_only(type(error), error)
    return (
        "Traceback (most recent call last):\n"
        + "".join(_frames(error))
        + "".join(line for line in lines if not line.startswith('  File "<cell '))
    )


def _run_cell(program: str, name: str, namespace: dict[str, object]) -> bool:
    linecache.cache[name] = (len(program), None, program.splitlines(True), name)
    try:
        tree = ast.parse(program, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
            if value is not None:
                print(repr(value))
        return True
    except TooSlow:
        raise
    except BaseException as error:
        print(error_text(error), end="")
        return False


def _shown(text: str) -> str:
    text = text.rstrip()
    if len(text) >= MAX_OUTPUT:
        return text[:MAX_OUTPUT] + "<output cut>"
    return text + "\n" if text else ""


def run_session(programs: list[str], seconds: float = 2.0) -> tuple[list[str], bool]:
    """Outputs of programs that share a session, and whether the last one ended well."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    outputs, ok = [], False
    if any("sympy" in program for program in programs):
        # Not under the limit: an import that is broken off leaves its lock taken.
        importlib.import_module("sympy")
    signal.signal(signal.SIGPROF, _alarm)
    for i, program in enumerate(programs):
        stream = io.StringIO()
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            with contextlib.redirect_stdout(stream):
                ok = _run_cell(program, f"<cell {i + 1}>", namespace)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        outputs.append(_shown(stream.getvalue()))
    return outputs, ok

"""One session: reads cells, runs them as a notebook would, reports how they ended.

Runs in the jail, as the session's first process. Whatever a cell writes to
descriptors 1 and 2 goes straight to the program, which cuts it; this file sends
one frame a cell over `connection`: how it ended. A cell may break any of this,
but only for its own session.
"""
import ast
import asyncio
import ctypes
import inspect
import io
import linecache
import os
import random
import signal
import struct
import sys
import traceback
import types
import zlib

COMPLETED, ERROR = 0, 1
MAX_CAUSES = 4  # exceptions of a chain that are shown


class Interrupts:
    """SIGINT means something while a cell runs, and nothing else does."""

    def __init__(self):
        self.in_cell = False
        self.arrived = False

    def handle(self, _number, _frame):
        if self.in_cell:
            self.arrived = True
            raise KeyboardInterrupt


def compile_cell(source, name):
    """(statements, last expression or None), both code objects."""
    tree = compile(source, name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    body = compile(tree, name, "exec", flags)
    return body, last and compile(last, name, "eval", flags)


def evaluate(code, namespace):
    """The value of `code`; code that awaits is run to its end."""
    value = eval(code, namespace)
    if code.co_flags & inspect.CO_COROUTINE:
        value = asyncio.run(value)
    return value


def source_lines(error):
    """One line for each frame of a cell and for the innermost of a library."""
    entries = [e for e in traceback.extract_tb(error.__traceback__)
               if e.filename not in ("<worker>", "<string>")]
    shown = []
    for index, entry in enumerate(entries):
        if entry.filename.startswith("<cell "):
            text = f"    {entry.line}\n"
        elif index == len(entries) - 1:
            text = f"  File {entry.filename}:{entry.lineno} in {entry.name}\n    {entry.line}\n"
        else:
            continue
        if shown and shown[-1][0] == text:
            shown[-1][1] += 1
        else:
            shown.append([text, 1])
    for text, count in shown:
        yield text
        if count > 1:
            yield f"    [repeated {count - 1} more times]\n"


def format_error(error):
    """The traceback as notebooks show it, without the frames of this file."""
    chain = [error]
    while len(chain) < MAX_CAUSES:
        cause = chain[-1].__cause__
        if cause is None and not chain[-1].__suppress_context__:
            cause = chain[-1].__context__
        if cause is None or cause in chain:
            break
        chain.append(cause)
    text = ""
    for position, one in enumerate(reversed(chain)):
        if position:
            text += ("\nThe above exception was the direct cause of the following exception:\n\n"
                     if one.__cause__ else
                     "\nDuring handling of the above exception, another exception occurred:\n\n")
        text += "Traceback (most recent call last):\n"
        text += "".join(source_lines(one))
        for line in traceback.format_exception_only(type(one), one):
            if not line.startswith('  File "<cell '):
                text += line
    return text


class Session:
    def __init__(self, connection):
        self.connection = connection
        self.process = os.getpid()
        self.interrupts = Interrupts()
        self.cells = 0
        self.streams = {}
        self.c_flush = ctypes.CDLL(None).fflush
        self.spare_fds = [os.dup(1), os.dup(2)]
        sys.stdin = open(0, closefd=False)
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        sys.argv = [""]
        self.namespace = main.__dict__
        self.namespace["__builtins__"] = __builtins__

    def seed(self, text):
        """The same session draws the same numbers: answers can be reproduced."""
        number = zlib.crc32(text)
        random.seed(number)
        sys.modules["numpy"].random.seed(number)

    def open_streams(self):
        """Standard streams that work, whatever the last cell did to them."""
        for fd, name in ((1, "stdout"), (2, "stderr")):
            try:
                os.fstat(fd)
            except OSError:
                os.dup2(self.spare_fds[fd - 1], fd)
            stream = self.streams.get(name)
            if stream is None or stream.closed:
                raw = io.FileIO(fd, "w", closefd=False)
                stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8",
                                          errors="backslashreplace", line_buffering=True)
                self.streams[name] = stream
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        if sys.stdin is None or sys.stdin.closed:  # as exit() leaves it
            sys.stdin = open(0, closefd=False)

    def flush(self):
        """Our streams, and those of C code in this process."""
        for stream in self.streams.values():
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        self.c_flush(None)

    def flush_foreign(self):
        """Streams that the cell put in place of ours: they may do anything."""
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name, None)
            if stream is not self.streams[name]:
                try:
                    stream.flush()
                except Exception:
                    pass

    def run_source(self, source):
        """COMPLETED or ERROR. Raises KeyboardInterrupt if the time is up."""
        name = f"<cell {self.cells}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        try:
            body, last = compile_cell(source, name)
            evaluate(body, self.namespace)
            if last is not None:
                value = evaluate(last, self.namespace)
                if value is not None:
                    self.namespace["_"] = value
                    print(repr(value))
            return COMPLETED
        except SystemExit as error:
            if error.code is None or error.code == 0:
                return COMPLETED
            if not isinstance(error.code, int):
                print(error.code, file=sys.stderr)
            return ERROR
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self.interrupts.arrived:
                raise
            print(format_error(error), end="")
            return ERROR

    def run_cell(self, source):
        self.cells += 1
        self.open_streams()
        self.interrupts.arrived = False
        signal.signal(signal.SIGINT, self.interrupts.handle)
        status = ERROR
        try:
            self.interrupts.in_cell = True
            status = self.run_source(source)
            self.flush_foreign()
            self.interrupts.in_cell = False
        except KeyboardInterrupt:
            self.interrupts.in_cell = False
        if os.getpid() != self.process:  # a child that the cell forked ran on
            self.flush()
            os._exit(0)
        self.interrupts.in_cell = False
        self.flush()
        self.end_children()
        return status

    def end_children(self):
        """A cell's processes end with it."""
        try:
            os.kill(-1, signal.SIGKILL)  # everything in the PID namespace but this process
            while os.waitpid(-1, 0):
                pass
        except (ProcessLookupError, ChildProcessError):
            pass

    def read(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.connection.recv(min(size - len(data), 1 << 16))
            if not part:
                os._exit(0)
            data += part
        return bytes(data)

    def serve(self):
        signal.signal(signal.SIGINT, self.interrupts.handle)
        while True:
            size, kind = struct.unpack("<Ic", self.read(5))
            payload = self.read(size - 1)
            if kind == b"I":
                self.seed(payload)
            elif kind == b"C":
                status = self.run_cell(payload[4:].decode(errors="replace"))
                self.connection.sendall(struct.pack("<Ic", 6, b"D") + payload[:4] +
                                        struct.pack("<B", status))


def run(connection):
    """Does not return. A reply that cannot be sent ends the session, silently."""
    try:
        Session(connection).serve()
    finally:
        os._exit(1)

"""One session: reads cells, runs them as a notebook would, reports how they ended.

Runs in the jail, as the session's first process. Whatever a cell writes to
descriptors 1 and 2 goes straight to the program, which cuts it; this file sends
one frame a cell over `connection`: how it ended. A cell may break any of this,
but only for its own session.
"""
import asyncio
import atexit
import ctypes
import inspect
import io
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import types
import zlib

COMPLETED, ERROR = 0, 1
IPYTHON, PYTHON, SHELL = 0, 1, 2  # CodeLanguage of client.h
SCRIPT_NAME = "main.py"
WAIT_FOR_ALL = 0x40000000  # __WALL: of any kind of clone()


class Interrupts:
    """SIGINT means something while a cell runs, and nothing else does."""

    def __init__(self):
        self.process = os.getpid()
        self.in_cell = False
        self.arrived = False

    def handle(self, _number, _frame):
        if self.in_cell and os.getpid() == self.process:
            self.arrived = True
            kill_children()  # so that code that waits for one goes on
            raise KeyboardInterrupt


def kill_children():
    # Where PID 1 is this process, -1 is everything else in its namespace. Where it
    # is not, no cell can start processes.
    if os.getpid() == 1:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass


def exit_status(error):
    if error.code is None or error.code == 0:
        return COMPLETED
    if not isinstance(error.code, int):
        print(error.code, file=sys.stderr)
    return ERROR


class Session:
    def __init__(self, connection):
        self.connection = connection
        self.interrupts = Interrupts()
        self.cells = 0
        self.received_fd = None
        self.loop = None
        self.streams = {}
        self.c_flush = ctypes.CDLL(None).fflush
        self.spare_fds = [os.dup(fd) for fd in (0, 1, 2)]
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        sys.argv = [""]
        sys.displayhook = self.show
        self.namespace = main.__dict__
        self.namespace["__builtins__"] = __builtins__

    def seed(self, text):
        """The same session draws the same numbers: answers can be reproduced."""
        number = zlib.crc32(text)
        random.seed(number)
        sys.modules["numpy"].random.seed(number)

    def open_input(self):
        """Descriptor 0 is what came with the cell, else empty."""
        fd, self.received_fd = self.received_fd, None
        os.dup2(self.spare_fds[0] if fd is None else fd, 0)
        if fd is not None:
            os.close(fd)
        sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="replace", closefd=False)

    def open_streams(self):
        """Standard streams that work, whatever the last cell did to them."""
        for fd, name in ((1, "stdout"), (2, "stderr")):
            try:
                os.fstat(fd)
            except OSError:
                os.dup2(self.spare_fds[fd], fd)
            stream = self.streams.get(name)
            if stream is None or stream.closed:
                raw = io.FileIO(fd, "w", closefd=False)
                stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8",
                                          errors="backslashreplace", line_buffering=True)
                self.streams[name] = stream
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)

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

    def show(self, value):
        """The value of a cell's last expression."""
        if value is not None:
            self.namespace["_"] = value
            print(repr(value))

    def evaluate(self, code):
        """The value of `code`; code that awaits is run to its end. Tasks live on."""
        value = eval(code, self.namespace)
        if not code.co_flags & inspect.CO_COROUTINE:
            return value
        if self.loop is None or self.loop.is_closed() or self.loop.is_running():
            self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(value)
        try:
            return self.loop.run_until_complete(task)
        except KeyboardInterrupt:
            task._log_destroy_pending = False
            self.loop = None
            raise

    def run_notebook_cell(self, source, verbosity):
        """COMPLETED or ERROR. Raises KeyboardInterrupt if the time is up."""
        name = f"<cell {self.cells}>"
        source = clean_source(source)
        remember_source(name, source)
        try:
            body, last = compile_cell(source, name)
            self.evaluate(body)
            if last is not None:
                sys.displayhook(self.evaluate(last))
            return COMPLETED
        except SystemExit as error:
            return exit_status(error)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self.interrupts.arrived:
                raise
            try:
                text = format_error(error, verbosity)
            except (Exception, GeneratorExit):  # of the cell's own making, or no memory
                traceback.clear_frames(error.__traceback__)
                text = f"{type(error).__name__}\n"
            print(text, end="")
            return ERROR

    def run_script(self, source):
        """The same for a program of its own: what `python main.py` would do."""
        remember_source(SCRIPT_NAME, source)
        sys.argv = [SCRIPT_NAME]
        sys.displayhook = sys.__displayhook__
        self.namespace["__file__"] = SCRIPT_NAME
        status = COMPLETED
        try:
            exec(compile_source(source, SCRIPT_NAME, 0), self.namespace)
        except SystemExit as error:
            status = exit_status(error)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self.interrupts.arrived:
                raise
            stack = error.__traceback__
            while stack is not None and stack.tb_frame.f_code.co_filename in OWN_FILES:
                stack = stack.tb_next
            traceback.print_exception(type(error), error, stack)
            status = ERROR
        threading._shutdown()
        atexit._run_exitfuncs()
        return status

    def run_shell(self, source):
        """The same for a program of the shell: what `bash script` would do."""
        path = os.path.join(os.getcwd(), ".script.sh")
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(source)
            process = subprocess.Popen(["/bin/bash", path], close_fds=True)
        except OSError as error:  # no room, or where code may start no processes
            print(f"the shell cannot be started: {error}", file=sys.stderr)
            return ERROR
        return COMPLETED if process.wait() == 0 else ERROR

    def run_cell(self, language, verbosity, source):
        self.cells += 1
        self.open_input()
        self.open_streams()
        self.interrupts.arrived = False
        signal.signal(signal.SIGINT, self.interrupts.handle)
        status = ERROR
        try:
            self.interrupts.in_cell = True
            if language == PYTHON:
                status = self.run_script(source)
            elif language == SHELL:
                status = self.run_shell(source)
            else:
                status = self.run_notebook_cell(source, verbosity)
            self.flush_foreign()
            self.interrupts.in_cell = False
        except KeyboardInterrupt:
            self.interrupts.in_cell = False
        if os.getpid() != self.interrupts.process:  # a child that the cell forked ran on
            self.flush()
            os._exit(0)
        self.interrupts.in_cell = False
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        self.flush()
        self.end_children()
        return status

    def end_children(self):
        """A cell's processes end with it."""
        kill_children()
        try:
            while os.waitpid(-1, WAIT_FOR_ALL):
                pass
        except ChildProcessError:
            pass

    def read(self, size):
        self.connection.setblocking(True)  # a cell may have changed that by a copy of it
        data = bytearray()
        while len(data) < size:
            part, fds, _, _ = socket.recv_fds(self.connection, min(size - len(data), 1 << 16), 1)
            if not part:
                os._exit(0)
            for fd in fds:
                self.received_fd = fd
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
                status = self.run_cell(payload[4], payload[5],
                                       payload[6:].decode(errors="replace"))
                self.connection.sendall(struct.pack("<Ic", 6, b"D") + payload[:4] +
                                        struct.pack("<B", status))


def run(connection):
    """Does not return. A reply that cannot be sent ends the session, silently."""
    try:
        Session(connection).serve()
    finally:
        os._exit(1)

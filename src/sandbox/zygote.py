"""The warm interpreter that every session is forked from.

Started by zygote.cc as `python3 -s -c "exec(open(5).read())" LIMITS... ALLOWED
PATHS...` with descriptor 3 the command socket, 4 the jail's shared object, 5 this file and
6 worker.py. It jails itself, imports what solutions import, and then turns each
spawn command into a session: a process with namespaces of its own that runs
worker.py. Frames are described in frame.h.
"""
import ctypes
import gc
import importlib.metadata
import importlib.util
import json
import os
import signal
import socket
import struct
import sys
import warnings

COMMAND_FD, JAIL_FD, WORKER_FD = 3, 4, 6
REQUIRED = ("sympy", "numpy", "mpmath")
# Packages that solutions ask for: whether they are here is told.
TOLD = ("sympy", "numpy", "mpmath", "scipy", "pandas", "matplotlib", "networkx")
WELCOME = (
    "scipy.optimize", "scipy.special", "scipy.linalg", "scipy.integrate", "scipy.stats",
    "asyncio", "bisect", "cmath", "collections", "copy", "datetime", "decimal", "fractions",
    "functools", "heapq", "itertools", "json", "math", "operator", "random", "re", "statistics",
    "string", "sympy.ntheory", "sympy.parsing.sympy_parser", "time", "typing",
)


class Limits(ctypes.Structure):
    """QedSessionLimits of jail.h."""

    _fields_ = [(name, ctypes.c_int64)
                for name in ("memory_bytes", "tmp_bytes", "cpu_seconds", "max_processes")]


class Jail:
    """The functions of jail.h; a failed one raises OSError with its line."""

    def __init__(self, fd):
        self._library = ctypes.CDLL(f"/proc/self/fd/{fd}")
        os.close(fd)

    def _call(self, name, *arguments):
        error = ctypes.create_string_buffer(512)
        if getattr(self._library, name)(*arguments, error, ctypes.c_size_t(len(error))) != 0:
            raise OSError(error.value.decode(errors="replace"))

    def leave_host(self, paths, allowed):
        array = (ctypes.c_char_p * len(paths))(*[os.fsencode(path) for path in paths])
        missing = ctypes.c_uint32()
        self._call("qed_jail_leave_host", array, ctypes.c_size_t(len(paths)),
                   ctypes.c_uint32(allowed), ctypes.byref(missing))
        self.missing = missing.value

    def start_zygote(self):
        self._call("qed_jail_start_zygote")

    def fork_session(self):
        """os.fork(), whose child is PID 1 of a namespace of its own."""
        self._call("qed_jail_before_fork")
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid:
                try:
                    self._call("qed_jail_after_fork")
                except OSError:  # it could not start another: be replaced
                    os._exit(1)
        return pid

    def leave_zygote(self):
        self._call("qed_jail_leave_zygote")

    def seal_session(self, limits):
        self._call("qed_jail_seal_session", ctypes.byref(limits))


def send_frame(connection, kind, payload=b"", fds=()):
    frame = struct.pack("<I", len(payload) + 1) + kind + payload
    if fds:
        socket.send_fds(connection, [frame], fds)
    else:
        connection.sendall(frame)


def send_handle(connection, pid):
    """A pidfd, by which the program can signal the process and see its end."""
    handle = os.pidfd_open(pid)
    send_frame(connection, b"P", fds=[handle])
    os.close(handle)


def import_packages():
    for name in REQUIRED:
        try:
            __import__(name)
        except ImportError as error:
            raise OSError(f"{sys.executable} cannot import {name} ({error}): install it, for "
                          f"example apt-get install python3-{name}") from error
    for name in WELCOME:
        try:
            __import__(name)
        except ImportError:
            pass


def told_packages():
    """JSON: the version of each that is installed, else null."""
    found = {}
    for name in TOLD:
        there = name in sys.modules or importlib.util.find_spec(name) is not None
        version = getattr(sys.modules.get(name), "__version__", None)
        try:
            found[name] = version or (importlib.metadata.version(name) if there else None)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "unknown version"
    return json.dumps(found).encode()


def enter_session(jail, limits, fds):
    """In a fork of the zygote: makes it a session. Returns its way to the program."""
    connection = socket.socket(fileno=fds[0])
    try:
        jail.leave_zygote()
        # The zygote's standard input is one open file for all of its forks: flags that
        # one session sets would show in the others.
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        for number, fd in ((1, fds[1]), (2, fds[2]), (COMMAND_FD, connection.detach())):
            os.dup2(fd, number, inheritable=number < COMMAND_FD)
        connection = socket.socket(fileno=COMMAND_FD)
        jail.seal_session(limits)
        send_frame(connection, b"R")
    except OSError as error:
        send_frame(connection, b"E", str(error).encode())
        os._exit(1)
    return connection


def start_session(jail, fds):
    """0 in the session's process. What fails is told to those who wait for it."""
    try:
        pid = jail.fork_session()
        if pid:
            with socket.socket(fileno=os.dup(fds[0])) as connection:
                send_handle(connection, pid)
        return pid
    except OSError as error:
        with socket.socket(fileno=os.dup(fds[0])) as connection:
            send_frame(connection, b"E", f"fork: {error}".encode())
        return -1


def serve(jail, limits, packages):
    """Forks a session for every spawn command; ends when the program does. Returns
    in a session's process only."""
    command = socket.socket(fileno=COMMAND_FD)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children need no reaping
    send_frame(command, b"R", struct.pack("<I", jail.missing) + packages)
    while True:
        data, fds, _, _ = socket.recv_fds(command, 5, 3)
        if not data:
            os._exit(0)
        if len(data) != 5 or data[4:] != b"S" or len(fds) != 3:
            os._exit(1)
        if start_session(jail, fds):
            for fd in fds:
                os.close(fd)
            continue
        # The numbers 0 to 3 are taken, so none of the three is one of them.
        command.detach()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return enter_session(jail, limits, fds)


def main():
    sys.path[:] = [path for path in sys.path if path]
    warnings.filterwarnings("ignore")
    with open(WORKER_FD, encoding="utf-8") as file:
        worker = compile(file.read(), "<worker>", "exec")
    limits = Limits(*[int(argument) for argument in sys.argv[1:5]])
    command = socket.socket(fileno=os.dup(COMMAND_FD))
    try:
        jail = Jail(JAIL_FD)
        jail.leave_host(sys.argv[6:], int(sys.argv[5]))
        zygote = os.fork()
        if zygote:
            send_handle(command, zygote)
            command.close()
            os.close(COMMAND_FD)
            os.wait()
            os._exit(0)
        jail.start_zygote()
        import_packages()
        packages = told_packages()
        scope = {"__name__": "worker"}
        exec(worker, scope)
        # Frozen objects are left alone by the collector, so sessions share their pages.
        gc.collect()
        gc.freeze()
    except OSError as error:
        send_frame(command, b"E", str(error).encode())
        os._exit(1)
    command.close()
    scope["run"](serve(jail, limits, packages))


main()

"""The warm interpreter that every session is forked from.

Started by zygote.cc as `python3 -s -c "exec(open(5).read())" LIMITS... ALLOWED
PATHS...` with descriptor 3 the command socket, 4 the jail's shared object, 5 this file and
6 worker.py. It jails itself, imports what solutions import, and then turns each
spawn command into a session: a process with namespaces of its own that runs
worker.py. Frames are described in frame.h.
"""
import ctypes
import gc
import os
import signal
import socket
import struct
import sys
import warnings

COMMAND_FD, JAIL_FD, WORKER_FD = 3, 4, 6
NO_PID_NAMESPACE = 1 << 2  # kPidNamespace of jail/mechanisms.h
REQUIRED = ("sympy", "numpy", "mpmath")
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


def fork_with_handle(connection):
    """Forks. The parent sends a handle on the child over `connection`."""
    pid = os.fork()
    if pid:
        send_handle(connection, pid)
    return pid


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
    # Frozen objects are left alone by the collector, so sessions share their pages.
    gc.collect()
    gc.freeze()


def start_session(jail, limits, fds):
    """In a fork of the zygote. Returns in the session's first process only."""
    connection = socket.socket(fileno=fds[0])
    try:
        jail.leave_zygote()
        if jail.missing & NO_PID_NAMESPACE:
            send_handle(connection, os.getpid())
        elif fork_with_handle(connection):
            os._exit(0)
        for number, fd in ((1, fds[1]), (2, fds[2]), (COMMAND_FD, connection.detach())):
            os.dup2(fd, number, inheritable=number < COMMAND_FD)
        connection = socket.socket(fileno=COMMAND_FD)
        jail.seal_session(limits)
    except OSError as error:
        send_frame(connection, b"E", str(error).encode())
        os._exit(1)
    return connection


def serve(jail, limits):
    """Forks a session for every spawn command; ends when the program does."""
    command = socket.socket(fileno=COMMAND_FD)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children need no reaping
    send_frame(command, b"R", struct.pack("<I", jail.missing))
    while True:
        data, fds, _, _ = socket.recv_fds(command, 5, 3)
        if not data:
            os._exit(0)
        if len(data) != 5 or data[4:] != b"S" or len(fds) != 3:
            os._exit(1)
        try:
            pid = os.fork()
        except OSError as error:  # of this session only
            with socket.socket(fileno=os.dup(fds[0])) as connection:
                send_frame(connection, b"E", f"fork: {error.strerror}".encode())
            pid = -1
        if pid:
            for fd in fds:
                os.close(fd)
            continue
        # The numbers 0 to 3 are taken, so none of the three is one of them.
        command.detach()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return start_session(jail, limits, fds)


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
        if fork_with_handle(command):
            command.close()
            os.close(COMMAND_FD)
            os.wait()
            os._exit(0)
        jail.start_zygote()
        import_packages()
    except OSError as error:
        send_frame(command, b"E", str(error).encode())
        os._exit(1)
    command.close()
    connection = serve(jail, limits)
    scope = {"__name__": "worker"}
    exec(worker, scope)
    scope["run"](connection)


main()

#!/usr/bin/env python3
"""Measures `qed sandbox` through its HTTP interface.

usage: bench_sandbox.py [--qed build/qed] [--sessions 240] [--cells 10000] [--json FILE]
                        [-- FLAGS of qed sandbox]

Prints each figure beside its goal: how soon a new session answers its first
cell, a round trip of print(1), many sessions at once (every output is checked),
how long after its time-out the processes of a cell are gone, and the memory of
an idle session (PSS: shared pages counted in parts). Linux, standard library only.
"""
import argparse
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

sys.path.append(str(pathlib.Path(__file__).parents[1] / "tests/support"))
import process_tree

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        break
while True:
    pass
"""


class Server:
    """A server of our own, with the requests it has been sent."""

    def __init__(self, binary, flags):
        self.process = subprocess.Popen(
            [binary, "sandbox", "--port", "0", *flags],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", line).group(1))

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)

    def descendants(self):
        return process_tree.descendants(self.process.pid)


class Client:
    """One connection, kept open."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self.overloads = 0

    def run(self, session, code, timeout=10):
        """The reply of a cell that ran; waits out an overload, as it is told to."""
        body = json.dumps({"generated_code": code, "timeout": timeout, "language": "ipython"})
        while True:
            self.connection.request("POST", "/execute", body, {
                "X-Session-ID": session, "Content-Type": "application/json"})
            response = self.connection.getresponse()
            reply = json.loads(response.read())
            if response.status == 200:
                return reply
            if response.status != 503:
                raise RuntimeError(f"{response.status}: {reply}")
            self.overloads += 1
            time.sleep(float(response.headers["Retry-After"]))

    def close(self, session):
        self.connection.request("DELETE", "/sessions/" + session)
        self.connection.getresponse().read()


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def milliseconds(values):
    return {f"p{p}": round(percentile(values, p) * 1e3, 2) for p in (50, 99)}


def session_start(server, count):
    client, seconds = Client(server), []
    for i in range(count):
        begin = time.perf_counter()
        reply = client.run(f"start-{i}", "pass")
        seconds.append(time.perf_counter() - begin)
        assert reply["new_session_created"], reply
        client.close(f"start-{i}")
    return milliseconds(seconds)


def round_trip(server, count):
    client, seconds = Client(server), []
    client.run("trip", "pass")
    for _ in range(count):
        begin = time.perf_counter()
        reply = client.run("trip", "print(1)")
        seconds.append(time.perf_counter() - begin)
        assert reply["stdout"] == "1\n", reply
    client.close("trip")
    return milliseconds(seconds)


def crowd(server, sessions, cells):
    """Each session counts for itself; whatever mixes or is lost shows."""
    wrong, overloads = [], []

    def work(number):
        client, name = Client(server), f"crowd-{number}"
        for step in range(cells // sessions + (number < cells % sessions)):
            code = f"total = {number * 10**6}\ntotal" if step == 0 else "total += 1\ntotal"
            reply = client.run(name, code)
            expected = f"{number * 10**6 + step}\n"
            if reply["stdout"] != expected or reply["new_session_created"] != (step == 0):
                wrong.append((number, step, reply))
        client.close(name)
        overloads.append(client.overloads)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(sessions)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    finished = len(overloads)
    return {"sessions": sessions, "cells": cells, "wrong": len(wrong) + sessions - finished,
            "seconds": round(seconds, 1), "cells_per_s": round(cells / seconds),
            "told_to_wait": sum(overloads)}


def kill(server, count):
    """How long after its time-out the last process of a stubborn cell is gone."""
    late = []
    for i in range(count):
        client, timeout = Client(server), 1.0
        client.run(f"kill-{i}", "pass")
        time.sleep(0.3)  # until a spare session has come for the one that was taken
        before = server.descendants()
        done = []
        thread = threading.Thread(
            target=lambda c=client, n=f"kill-{i}": done.append(c.run(n, STUBBORN, timeout)))
        begin = time.perf_counter()
        thread.start()
        while len(server.descendants() - before) < 4 and time.perf_counter() - begin < timeout:
            time.sleep(0.001)
        seen = server.descendants() - before
        while any(process_tree.is_running(pid) for pid in seen):
            time.sleep(0.001)
        late.append(time.perf_counter() - begin - timeout)
        thread.join()
        assert len(seen) >= 4 and done[0]["process_status"] == "timeout", (seen, done)
        client.close(f"kill-{i}")
    return milliseconds(late)


def pss(pids):
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def memory(server, count):
    """MiB that each of `count` more idle sessions adds."""
    client = Client(server)
    before = pss(server.descendants())
    for i in range(count):
        client.run(f"idle-{i}", "import sympy\nx = sympy.Symbol('x')\nsympy.expand((x + 1)**5)")
    after = pss(server.descendants())
    for i in range(count):
        client.close(f"idle-{i}")
    return round((after - before) / count, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--qed", default="build/qed")
    parser.add_argument("--sessions", type=int, default=240)
    parser.add_argument("--cells", type=int, default=10000)
    parser.add_argument("--json")
    parser.add_argument("flags", nargs="*")
    arguments = parser.parse_args()

    server = Server(arguments.qed, ["--sandbox-max-sessions", str(arguments.sessions + 16),
                                    *arguments.flags])
    try:
        session_start(server, 5)  # warm
        results = {
            "session_start_ms": session_start(server, 200),
            "print_round_trip_ms": round_trip(server, 1000),
            "crowd": crowd(server, arguments.sessions, arguments.cells),
            "processes_gone_after_timeout_ms": kill(server, 10),
            "pss_per_idle_session_mib": memory(server, 40),
        }
    finally:
        exit_code = server.stop()
    results["exit_code"] = exit_code
    start, trip = results["session_start_ms"], results["print_round_trip_ms"]
    gone, many = results["processes_gone_after_timeout_ms"], results["crowd"]
    print(f"first cell of a new session   p50 {start['p50']:7.2f} ms  (goal 10)   "
          f"p99 {start['p99']:7.2f} ms  (goal 50)")
    print(f"print(1) over HTTP            p50 {trip['p50']:7.2f} ms  (goal 3)    "
          f"p99 {trip['p99']:7.2f} ms")
    print(f"{many['sessions']} sessions, {many['cells']} cells: {many['wrong']} wrong (goal 0), "
          f"{many['cells_per_s']} cells/s, {many['told_to_wait']} times told to wait")
    print(f"processes gone after time-out p50 {gone['p50']:7.2f} ms               "
          f"p99 {gone['p99']:7.2f} ms  (goal 100)")
    print(f"memory of an idle session     {results['pss_per_idle_session_mib']} MiB (PSS)")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")
    return os.EX_OK if many["wrong"] == 0 and exit_code == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())

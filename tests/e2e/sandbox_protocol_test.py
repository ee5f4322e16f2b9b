"""The protocol of `qed sandbox`, asked as the recipe's clients ask."""

import json
import time
import uuid

from qed_run import qed
from sandbox_run import sandbox


def expect_reply(reply, status, stdout, stderr="", new=False):
    assert reply == {"process_status": status, "stdout": stdout, "stderr": stderr,
                     "new_session_created": new}, reply


def test_cells(server):
    session = str(uuid.uuid4())
    expect_reply(server.run("x = 20\nprint(x)", session), "completed", "20\n", new=True)
    expect_reply(server.run("x + 1", session), "completed", "21\n")
    expect_reply(server.run("1 / 0", session), "error",
                 "Traceback (most recent call last):\n    1 / 0\n"
                 "ZeroDivisionError: division by zero\n")
    reply = server.run("if True print(1)", session)
    assert reply["process_status"] == "error" and "SyntaxError" in reply["stdout"], reply
    expect_reply(server.run("print('a' * 50)", session, max_output_characters=10), "completed",
                 "a" * 10 + "<output cut>")
    expect_reply(server.run("print(input())", session, std_input="asked\n"), "completed", "asked\n")
    expect_reply(server.run("print('\u03c0 \u222b')", session), "completed", "\u03c0 \u222b\n")
    assert "ZeroDivisionError" in server.run("1/0", session, traceback_verbosity="minimal")["stdout"]


def test_timeouts(server):
    session = str(uuid.uuid4())
    server.run("kept = 1", session)
    reply = server.run("print('begun', flush=True)\nwhile True: pass", session, timeout=0.3)
    assert reply["process_status"] == "timeout", reply
    assert reply["stderr"].endswith("Execution timed out after 0.3 seconds\n"), reply
    assert "begun" in reply["stdout"], reply
    expect_reply(server.run("kept", session), "completed", "1\n")  # Python survived
    reply = server.run("import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                       "time.sleep(60)", session, timeout=0.3)
    assert reply["process_status"] == "timeout", reply
    reply = server.run("print('kept' in globals())", session)
    expect_reply(reply, "completed", "False\n", new=True)  # and here it did not


def test_one_shot(server):
    fields = {"generated_code": "import sys\nprint(sys.argv)\n1/0", "timeout": 20,
              "language": "python"}
    status, reply = server.post(fields)
    assert status == 200 and reply["process_status"] == "error", reply
    assert reply["stdout"] and "ZeroDivisionError" in reply["stderr"], reply
    assert reply["new_session_created"] is False, reply
    status, reply = server.post(fields, session="x")
    assert status == 400 and "X-Session-ID" in reply["error"], reply


def test_sessions(server):
    before = time.time()
    server.run("1", "listed/with space?")
    listing = server.get_json("/sessions")
    assert listing["backend"] == "ipython", listing
    entry = listing["sessions"]["listed/with space?"]
    assert entry["backend"] == "ipython" and entry["alive"] is True, entry
    assert before <= entry["created"] <= entry["last_used"] <= time.time(), entry
    path = "/sessions/listed%2Fwith%20space%3F"
    assert server.request("DELETE", path)[0] == 200
    status, _, body = server.request("DELETE", path)  # clients take this for done
    assert status == 404 and json.loads(body)["error"], body
    assert "listed/with space?" not in server.get_json("/sessions")["sessions"]


def test_refusals(server):
    good = {"generated_code": "1", "timeout": 5}
    status, reply = server.post(good)
    assert (status, reply) == (400, {"error": "X-Session-ID header required for ipython sessions"})
    for change in ({"generated_code": None}, {"generated_code": 5}, {"generated_code": "x" * 2**21},
                   {"timeout": "5"}, {"timeout": 0}, {"timeout": -1}, {"timeout": 1e9},
                   {"timeout": None}, {"language": "lean4"}, {"language": 1},
                   {"std_input": []}, {"max_output_characters": 1.5},
                   {"max_output_characters": -1}, {"max_output_characters": 2**40},
                   {"traceback_verbosity": "loud"}):
        status, reply = server.post({**good, **change}, session="s")
        name = next(iter(change))
        assert status == 400 and name in reply["error"], (change, status, reply)
        assert "\n" not in reply["error"], reply
    for missing in good:
        status, reply = server.post({k: v for k, v in good.items() if k != missing}, session="s")
        assert status == 400 and missing in reply["error"], (missing, reply)
    status, reply = server.post(good, session="s" * 300)
    assert status == 400 and "session_id" in reply["error"], reply
    for body in ("", "[]", "{", "\xff", "[" * 5000, '"x"', "null"):
        status, _, text = server.request("POST", "/execute", body.encode("latin-1"),
                                         {"X-Session-ID": "s"})
        assert status == 400 and json.loads(text)["error"], (body[:20], status, text)
    for method, path, expected in (("GET", "/execute", 405), ("POST", "/sessions", 405),
                                   ("DELETE", "/health", 405), ("GET", "/sessions/x", 405),
                                   ("GET", "/", 404), ("POST", "/executes", 404)):
        assert server.request(method, path)[0] == expected, (method, path)
    assert server.post({**good, "unknown": 1}, session="s")[0] == 200  # newer clients


def test_observation(server):
    health = server.get_json("/health")
    assert health["status"] == "healthy" and health["worker"] == server.process.pid, health
    assert isinstance(health["weaker_isolation"], list), health
    status, headers, text = server.request("GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values['qed_sandbox_cells_total{status="completed"}']) > 5, values
    assert float(values['qed_sandbox_cells_total{status="timeout"}']) == 2, values
    assert float(values["qed_sandbox_healthy"]) == 1, values
    status, _, body = server.request("HEAD", "/health")
    assert (status, body) == (200, "")


def test_overload():
    """Slots are never taken from their owners, and overload is no slow code."""
    with sandbox("--workers", "1", "--sandbox-max-sessions", "1", "--sandbox-max-wait", "0.2") as server:
        assert server.run("x = 1", "first")["process_status"] == "completed"
        status, headers, body = server.request(
            "POST", "/execute", json.dumps({"generated_code": "1", "timeout": 0.1}),
            {"X-Session-ID": "second"})
        assert status == 503 and int(headers["Retry-After"]) >= 1, (status, body)
        assert "overloaded" in json.loads(body)["error"], body
        assert server.run("x", "first")["stdout"] == "1\n"
        assert server.request("DELETE", "/sessions/first")[0] == 200
        assert server.run("2", "second")["stdout"] == "2\n"


def test_expiry():
    with sandbox("--sandbox-session-idle-timeout", "0.5") as server:
        server.run("x = 1", "forgotten")
        deadline = time.time() + 20
        while server.get_json("/sessions")["sessions"] and time.time() < deadline:
            time.sleep(0.1)
        assert server.run("print('x' in globals())", "forgotten")["stdout"] == "False\n"


def test_command_line():
    for flags in (["--port", "70000"], ["--workers", "-1"], ["--sandbox-max-wait", "x"], ["--nonsense"]):
        done = qed("sandbox", *flags)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, (flags, done.stderr)
    with sandbox() as server:
        done = qed("sandbox", "--port", str(server.port))
        assert done.returncode == 1 and str(server.port) in done.stderr, done.stderr
    done = qed("sandbox", "--port", "0", "--sandbox-python", "/nonexistent")
    assert done.returncode == 1 and "/nonexistent" in done.stderr, done.stderr


def main():
    with sandbox() as server:
        for test in (test_cells, test_timeouts, test_one_shot, test_sessions, test_refusals,
                     test_observation):
            test(server)
            print("ok", test.__name__, flush=True)
    for test in (test_overload, test_expiry, test_command_line):
        test()
        print("ok", test.__name__, flush=True)


if __name__ == "__main__":
    main()

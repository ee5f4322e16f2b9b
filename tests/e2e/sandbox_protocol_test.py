"""The protocol of `qed sandbox`, asked as the recipe's clients ask."""

import json
import threading
import time
import uuid

from qed_run import qed
from sandbox_run import sandbox


def expect_reply(reply, status, stdout, stderr="", new=False):
    assert reply == {"process_status": status, "stdout": stdout, "stderr": stderr,
                     "new_session_created": new}, reply


def expect_failure(reply):
    """What NeMo-Skills' client reads of a reply, whatever its status."""
    assert reply["process_status"] == "error" and reply["stdout"] == "", reply
    assert reply["stderr"] == reply["error"] + "\n" and not reply["new_session_created"], reply


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
    why = "X-Session-ID header required for ipython sessions"
    assert status == 400 and reply["error"] == why, reply
    expect_failure(reply)
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
    assert health["packages"]["sympy"] and "matplotlib" in health["packages"], health
    status, headers, text = server.request("GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values['qed_sandbox_cells_total{status="completed"}']) > 5, values
    assert float(values['qed_sandbox_cells_total{status="timeout"}']) == 2, values
    assert float(values["qed_sandbox_healthy"]) == 1, values
    status, _, body = server.request("HEAD", "/health")
    assert (status, body) == (200, "")


def test_languages(server):
    for language, code, out in (("python3", "print(6*7)", "42\n"), ("shell", "echo $((6*7))", "42\n"),
                                ("shell", "read x; echo $x; id -u", "in\n1000\n")):
        status, reply = server.post({"generated_code": code, "timeout": 20, "language": language,
                                     "std_input": "in\n"})
        assert status == 200, reply
        expect_reply(reply, "completed", out)
    status, reply = server.post({"generated_code": "exit 3", "timeout": 20, "language": "shell"})
    expect_reply(reply, "error", "")


def test_overload():
    """Idle sessions make room; where cells run in all of them, overload is no slow code."""
    with sandbox("--workers", "2", "--sandbox-max-sessions", "1", "--sandbox-max-wait", "0.2") as server:
        expect_reply(server.run("x = 1", "first"), "completed", "", new=True)
        expect_reply(server.run("2", "second"), "completed", "2\n", new=True)
        assert list(server.get_json("/sessions")["sessions"]) == ["second"]
        expect_reply(server.run("print('x' in globals())", "first"), "completed", "False\n", new=True)
        running = threading.Thread(target=server.run, args=("import time; time.sleep(3)", "first"))
        running.start()
        while "qed_sandbox_cells_running 1" not in server.request("GET", "/metrics")[2]:
            time.sleep(0.01)
        status, headers, body = server.request(
            "POST", "/execute", json.dumps({"generated_code": "1", "timeout": 0.1}),
            {"X-Session-ID": "third"})
        assert status == 503 and int(headers["Retry-After"]) >= 1, (status, body)
        assert "overloaded" in json.loads(body)["error"], body
        expect_failure(json.loads(body))
        running.join()
        assert server.run("3", "third")["stdout"] == "3\n"


def test_sessions_that_nobody_deletes():
    """As NeMo-Skills' execute_code leaves them: a new one for each call."""
    with sandbox("--sandbox-max-sessions", "8") as server:
        for number in range(500):
            expect_reply(server.run(str(number), f"session {number}"), "completed", f"{number}\n",
                         new=True)
        assert len(server.get_json("/sessions")["sessions"]) == 8


def test_longest_timeout():
    """Nobody holds a worker for long, whatever he asks for, and whether or not he stays."""
    endless = {"generated_code": "while True: pass", "timeout": 1e6}
    with sandbox("--workers", "1", "--max-timeout", "1") as server:
        for fields, session in ((endless, "s"), ({**endless, "language": "python"}, None),
                                ({**endless, "language": "shell",
                                  "generated_code": "while true; do :; done"}, None)):
            status, reply = server.post(fields, session)
            assert status == 200 and reply["process_status"] == "timeout", reply
            assert "after 1 seconds" in reply["stderr"], reply


def test_clients_that_leave():
    """A cell that only its client can ask for ends with him; /health says when none can start."""
    body = json.dumps({"generated_code": "import time\nwhile True: time.sleep(1)", "timeout": 300,
                       "language": "python"}).encode()
    head = (b"POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body))
    with sandbox("--workers", "2", "--sandbox-max-wait", "0.5", "--drain-timeout", "0.5") as server:
        clients = [server.connect() for _ in range(2)]
        for client in clients:
            client.sendall(head + body)
        while "qed_sandbox_cells_running 2" not in server.request("GET", "/metrics")[2]:
            time.sleep(0.01)
        deadline = time.time() + 60
        while server.request("GET", "/health")[0] == 200 and time.time() < deadline:
            time.sleep(0.2)
        status, _, text = server.request("GET", "/health")
        health = json.loads(text)
        assert status == 503 and health["status"] == "unhealthy" and health["running"] == 2, health
        assert "overloaded" in health["error"], health
        for client in clients:
            client.close()
        assert server.run("6 * 7", "after")["stdout"] == "42\n"
        deadline = time.time() + 60
        while server.request("GET", "/health")[0] != 200:
            assert time.time() < deadline
            time.sleep(0.2)
        # Nor is the end waited for by somebody's patience.
        last = server.connect()
        last.sendall(head + body)
        while "qed_sandbox_cells_running 1" not in server.request("GET", "/metrics")[2]:
            time.sleep(0.01)
        began = time.time()
        code, log = server.terminate()
        assert code == 0 and time.time() - began < 30, (code, log)
        assert "The sandbox ended while this code ran" in last.makefile().read()
        last.close()


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
                     test_languages, test_observation):
            test(server)
            print("ok", test.__name__, flush=True)
    for test in (test_overload, test_sessions_that_nobody_deletes, test_longest_timeout,
                 test_clients_that_leave, test_expiry, test_command_line):
        test()
        print("ok", test.__name__, flush=True)


if __name__ == "__main__":
    main()

"""What `qed sandbox` lives through, and how it ends."""

import json
import os
import random
import signal
import socket
import threading
import time

from sandbox_run import Sandbox, process_tree, sandbox


def alive(server):
    """A cell works, now or soon: a warm interpreter may have to be replaced."""
    deadline = time.time() + 30
    while True:
        status, reply = server.post({"generated_code": "6 * 7", "timeout": 20},
                                    session=f"alive {random.random()}")
        if status == 200 and reply["stdout"] == "42\n":
            return
        assert time.time() < deadline, (status, reply)
        time.sleep(0.1)


def test_killed_children(server):
    """SIGKILL of any process below the server, at any time."""
    stop, replies = threading.Event(), []

    def work(name):
        while not stop.is_set():
            status, reply = server.post({"generated_code": "sum(range(1000))", "timeout": 20}, name)
            replies.append((status, reply))
            assert status in (200, 500, 503), (status, reply)
            if status == 200 and reply["process_status"] == "completed":
                assert reply["stdout"] == "499500\n", reply

    threads = [threading.Thread(target=work, args=(f"victim {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(25):
        time.sleep(0.05)
        victims = sorted(server.descendants())
        if victims:
            try:
                os.kill(random.choice(victims), signal.SIGKILL)
            except ProcessLookupError:
                pass
    stop.set()
    for thread in threads:
        thread.join()
    assert any(status == 200 for status, _ in replies), replies[:5]
    alive(server)


def test_malformed_requests(server):
    random.seed(5)
    words = [b"POST ", b"/execute", b" HTTP/1.1\r\n", b"Host: localhost\r\n", b"Content-Length: 9\r\n", b"\r\n",
             b"X-Session-ID: a\r\n", b"{}", b"\x00\xff", b"A" * 3000, b"Transfer-Encoding: chunked\r\n",
             b"5\r\nhello\r\n", b"GET ", b"Expect: 100-continue\r\n", b":", b"HTTP/9.9\r\n"]
    for _ in range(1000):
        with server.connect() as connection:
            try:
                connection.sendall(b"".join(random.choices(words, k=12)))
                if random.random() < 0.3:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the server had heard enough
    alive(server)


def test_slow_and_silent_clients(server):
    slow = [server.connect() for _ in range(200)]
    for number, connection in enumerate(slow):
        connection.sendall(b"POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Le"[:number % 45])
    alive(server)
    for connection in slow:
        connection.close()


def test_half_closed_client(server):
    body = json.dumps({"generated_code": "print('still here')", "timeout": 20}).encode()
    with server.connect() as connection:
        connection.sendall(b"POST /execute HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Type: application/json\r\nX-Session-ID: half\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200") and b"still here" in answer, answer


def test_long_bodies(server):
    with server.connect() as connection:
        connection.sendall(b"POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
    alive(server)


def test_full_tmp(server):
    fill = ("for i in range(1000):\n    try:\n        open(f'/tmp/{i}', 'wb').write(bytes(1 << 20))\n"
            "    except OSError as error:\n        print(error.strerror)\n        break")
    assert server.run(fill, "full")["stdout"] == "No space left on device\n"
    assert server.run("1 + 1", "full")["stdout"] == "2\n"
    write = "print(open('/tmp/other', 'w').write('there is room'))"
    assert server.run(write, "roomy")["stdout"] == "13\n"


def test_delete_ends_what_runs(server):
    replies = []
    thread = threading.Thread(target=lambda: replies.append(
        server.run("import time\ntime.sleep(100)", "endless", timeout=200)))
    thread.start()
    while "endless" not in server.get_json("/sessions")["sessions"]:
        time.sleep(0.01)
    time.sleep(0.2)
    assert server.request("DELETE", "/sessions/endless")[0] == 200
    thread.join(timeout=30)
    assert replies and replies[0]["process_status"] == "error", replies


def test_sigterm_lets_cells_end():
    server = Sandbox("--workers", "1", "--sandbox-max-wait", "60")
    try:
        replies = {}

        def run(name, code):
            replies[name] = server.post({"generated_code": code, "timeout": 30}, name)

        running = threading.Thread(target=run, args=(
            "running", "import time\ntime.sleep(2)\nprint('whole')"))
        running.start()
        while "qed_sandbox_cells_running 1" not in server.request("GET", "/metrics")[2]:
            time.sleep(0.01)
        queued = threading.Thread(target=run, args=("queued", "1"))
        queued.start()
        while "qed_sandbox_cells_waiting 1" not in server.request("GET", "/metrics")[2]:
            time.sleep(0.01)
        below = server.descendants()
        code, log = server.terminate()
        running.join()
        queued.join()
        assert code == 0, (code, log)
        assert replies["running"][0] == 200 and replies["running"][1]["stdout"] == "whole\n", replies
        assert replies["queued"][0] == 503, replies
        assert "session=running status=200 cell=completed" in log, log
        deadline = time.time() + 20
        while any(process_tree.is_running(pid) for pid in below):
            assert time.time() < deadline, below
            time.sleep(0.01)
    finally:
        server.kill()


def test_second_signal_ends_it_at_once():
    server = Sandbox()
    try:
        body = b'{"generated_code": "import time; time.sleep(60)", "timeout": 100}'
        connection = server.connect()
        connection.sendall(b"POST /execute HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Type: application/json\r\nX-Session-ID: s\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
        while "qed_sandbox_cells_running 1" not in server.request("GET", "/metrics")[2]:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == -signal.SIGTERM
        connection.close()
    finally:
        server.kill()


def main():
    with sandbox() as server:
        for test in (test_killed_children, test_malformed_requests, test_slow_and_silent_clients,
                     test_half_closed_client, test_long_bodies, test_full_tmp,
                     test_delete_ends_what_runs):
            test(server)
            print("ok", test.__name__, flush=True)
    for test in (test_sigterm_lets_cells_end, test_second_signal_ends_it_at_once):
        test()
        print("ok", test.__name__, flush=True)


if __name__ == "__main__":
    main()

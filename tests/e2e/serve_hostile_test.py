"""`qed serve` and what is no request, or hardly one: mutated bytes, senders that drip, bodies
without end. QED_MUTATIONS is the number of mutated requests."""

import concurrent.futures
import http.client
import io
import json
import os
import random
import socket
import time
import unittest

from qed_run import require_model
from serve_run import Server

MUTATIONS = int(os.environ.get("QED_MUTATIONS", "600"))
THREADS = 8
PATIENCE = 120  # seconds, for machines that are busy

FIELDS = {"prompt": "x", "max_tokens": 1, "n": 1, "stop": ["a"], "stream": False, "logprobs": 1,
          "temperature": 0.5, "seed": 1, "timeout": 1}
CHAT = {**FIELDS, "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
        "logprobs": True, "top_logprobs": 1}
del CHAT["prompt"]
BODIES = [("/v1/completions", FIELDS), ("/v1/chat/completions", CHAT),
          ("/v1/completions", {"prompt": [[1, 2], "y"], "max_tokens": 1, "echo": True,
                               "stream": True, "stream_options": {"include_usage": True}}),
          ("/tokenize", {"prompt": "x y", "return_token_strs": True}),
          ("/tokenize", {"messages": CHAT["messages"]}), ("/detokenize", {"tokens": [1, 2, 3]}),
          ("/solve/request", {"problem": "1+1"}),
          ("/solve/votes", {"texts": ["\\boxed{\\frac{1}{2}}", None]})]
PATHS = ["/", "/page/app.js", "/health", "/metrics", "/status", "/v1/models", "/v1/models/x"]
PIECES = [b"", b"\x00", b"\xff", b'"', b"{", b"[[", b"9" * 30, b"null", b"-1", b",", b"\r\n", b" ",
          b":", b"%00", b"HTTP/1.0", b"chunked", b"Content-Length: 1\r\n", b"a" * 300, b"\\u0000",
          b"true", b"1e999", b"\\ud800"]


def mutate(numbers, data):
    data = bytearray(data)
    for _ in range(numbers.randrange(1, 6)):
        at = numbers.randrange(len(data))
        data[at:at + numbers.randrange(4)] = numbers.choice(PIECES)
    return bytes(data)


def head(method, path, *fields):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *fields]
    return "".join(line + "\r\n" for line in lines).encode() + b"\r\n"


def mutated_body(numbers):
    """A right request but for its body."""
    path, body = numbers.choice(BODIES)
    body = mutate(numbers, json.dumps(body).encode())
    return head("POST", path, "Content-Type: application/json",
                f"Content-Length: {len(body)}") + body


def mutated_bytes(numbers):
    """Hardly a request."""
    path, body = numbers.choice(BODIES)
    body = json.dumps(body).encode()
    kind = numbers.randrange(3)
    if kind == 0:
        return mutate(numbers, head("GET", numbers.choice(PATHS)))
    if kind == 1:
        return mutate(numbers, head("POST", path, f"Content-Length: {len(body)}",
                                    "Content-Type: application/json") + body)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 9]), body[i:i + 9])
                      for i in range(0, len(body), 9))
    return mutate(numbers, head("POST", path, "Content-Type: application/json",
                               "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n")


class Received:
    """What http.client takes for a socket."""

    def __init__(self, data):
        self.file = io.BytesIO(data)
        self.file.close = lambda: None  # several replies are read from it

    def makefile(self, _):
        return self.file


def replies(data):
    """Status, content type and body of each reply in `data`; ValueError where something
    is none or is not whole."""
    received, found = Received(data), []
    while received.file.tell() < len(data):
        reply = http.client.HTTPResponse(received)
        reply.begin()
        found.append((reply.status, reply.getheader("Content-Type", ""), reply.read()))
    return found


class MutatedRequestsTest(unittest.TestCase):

    def exchange(self, server, data, half_close):
        with socket.create_connection((server.address.hostname, server.address.port),
                                      timeout=PATIENCE) as sock:
            received = b""
            try:
                sock.sendall(data)
                # Where the rest of a body is waited for, it does not come.
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
                while piece := sock.recv(1 << 16):
                    received += piece
            except (ConnectionResetError, BrokenPipeError):
                pass  # closed with bytes of ours unread
            return received

    def check(self, data, received, must_answer):
        found = replies(received)
        if must_answer:
            self.assertEqual(len(found), 1, (data, received))
        for status, kind, body in found:
            self.assertTrue(status in (100, 200) or 400 <= status < 600, (data, received))
            # Who has closed his half may be taken for gone.
            self.assertTrue(status != 500 or b"was dropped" in body and not must_answer,
                            (data, received))
            if kind == "application/json":
                self.assertEqual("error" in json.loads(body), status != 200, (data, received))
            elif kind == "text/event-stream":
                self.assertTrue(body.endswith(b"data: [DONE]\n\n"), (data, received))
            else:
                self.assertEqual(status, 200, (data, received))

    def one(self, server, number):
        numbers = random.Random(number)
        if number % 2:
            data = mutated_body(numbers)
            self.check(data, self.exchange(server, data, half_close=False), must_answer=True)
        else:
            data = mutated_bytes(numbers)
            self.check(data, self.exchange(server, data, half_close=True), must_answer=False)

    def test_every_reply_is_whole(self):
        with Server("--request-timeout", "5", "--max-batch-size", "32") as server:
            server.complete(prompt="warm", max_tokens=1)
            threads = server.threads()
            with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
                for _ in pool.map(lambda number: self.one(server, number), range(MUTATIONS)):
                    pass
            self.assertTrue(server.wait_idle(PATIENCE))
            self.assertEqual(server.threads(), threads)
            self.assertEqual(server.request("GET", "/health")[0], 200)
            for line in server.log:
                self.assertNotIn("runtime error", line)
                self.assertNotIn("Sanitizer", line)


class LimitsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--header-timeout", "0.5", "--body-timeout", "0.5",
                            "--max-body-bytes", str(1 << 20))

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def connect(self):
        sock = socket.create_connection((self.server.address.hostname, self.server.address.port),
                                        timeout=PATIENCE)
        self.addCleanup(sock.close)
        return sock

    def read(self, sock):
        data = b""
        try:
            while piece := sock.recv(1 << 16):
                data += piece
        except ConnectionResetError:
            pass
        return data

    def test_senders_that_drip_are_cut_off(self):
        starts = [b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: ",
                  head("POST", "/v1/completions", "Content-Type: application/json",
                       "Content-Length: 100000")]
        socks = [self.connect() for _ in range(100)]
        for i, sock in enumerate(socks):
            sock.sendall(starts[i % 2])
        deadline = time.monotonic() + PATIENCE
        open_ones = set(socks)
        while open_ones:  # each byte comes in good time, but the whole never does
            self.assertLess(time.monotonic(), deadline)
            for sock in list(open_ones):
                try:
                    sock.send(b"a")
                    sock.setblocking(False)
                    answer = sock.recv(4096, socket.MSG_PEEK)
                    self.assertTrue(answer == b"" or b" 408 " in answer, answer)
                    open_ones.remove(sock)
                except BlockingIOError:
                    sock.setblocking(True)
                except (ConnectionResetError, BrokenPipeError):
                    open_ones.remove(sock)
            self.assertEqual(self.server.request("GET", "/health")[0], 200)

    def rss(self):
        """Bytes of memory in use."""
        with open(f"/proc/{self.server.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def test_a_gigabyte_is_refused_before_it_is_sent(self):
        sock = self.connect()
        sock.sendall(head("POST", "/v1/completions", f"Content-Length: {1 << 30}"))
        self.assertIn(b" 413 ", self.read(sock))

    def test_a_gigabyte_of_chunks_is_cut_off(self):
        before = self.rss()
        sock = self.connect()
        sock.sendall(head("POST", "/v1/completions", "Content-Type: application/json",
                          "Transfer-Encoding: chunked"))
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        sent = 0
        try:
            while sent < 1 << 30:
                sock.sendall(chunk)
                sent += 0x10000
        except (ConnectionResetError, BrokenPipeError):
            pass
        self.assertLess(sent, 1 << 30)
        self.assertLess(self.rss() - before, 100 << 20)
        self.assertEqual(self.server.request("GET", "/health")[0], 200)


if __name__ == "__main__":
    require_model()
    unittest.main()

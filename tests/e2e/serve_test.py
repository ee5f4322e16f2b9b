"""`qed serve` with clients that leave, push in, run out of time, or ask for programs; and its end."""

import concurrent.futures
import json
import os
import random
import signal
import socket
import time
import unittest

from qed_run import qed, require_model
from serve_run import SMALL, Server

LONG = {"prompt": "Once upon a time", "max_tokens": 600, "ignore_eos": True, "temperature": 0}
PATIENCE = 120  # seconds, for machines that are busy
STORM = int(os.environ.get("QED_STORM", "200"))  # requests


def read_to_end(sock):
    data = b""
    while piece := sock.recv(65536):
        data += piece
        if b"data: [DONE]" in data:
            break
    sock.close()
    return data.decode()


class RoutesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_what_there_is(self):
        for path in ("/health", "/metrics", "/version", "/v1/models", "/tokenizer_info"):
            self.assertEqual(self.server.request("GET", path)[0], 200, path)

    def test_what_there_is_not(self):
        for method, path, expected in (("GET", "/nowhere", 404), ("POST", "/nowhere", 404),
                                       ("GET", "/v1/completions", 405), ("POST", "/health", 405),
                                       ("DELETE", "/v1/completions", 405)):
            status, _, body = self.server.request(method, path)
            self.assertEqual(status, expected, path)
            self.assertIn("message", json.loads(body)["error"])

    def test_tokenize_and_back(self):
        text = "Grüße, 2 × 3! <|im_end|>"
        status, reply = self.server.post("/tokenize", {"prompt": text})
        self.assertEqual(status, 200)
        self.assertEqual(reply["count"], len(reply["tokens"]))
        status, back = self.server.post("/detokenize", {"tokens": reply["tokens"]})
        self.assertEqual((status, back["prompt"]), (200, text))
        _, chat = self.server.post("/tokenize",
                                   {"messages": [{"role": "user", "content": text}]})
        self.assertGreater(chat["count"], reply["count"])

    def test_the_page_may_load_nothing_from_elsewhere(self):
        for path, kind in (("/", "text/html"), ("/page/style.css", "text/css"),
                           ("/page/app.js", "text/javascript")):
            status, headers, body = self.server.request("GET", path)
            self.assertEqual(status, 200)
            self.assertEqual(headers["Content-Type"], kind + "; charset=utf-8")
            self.assertIn("default-src 'none'; script-src 'self';",
                          headers["Content-Security-Policy"])
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            for absent in (b"http:", b"https:", b"innerHTML"):
                self.assertNotIn(absent, body)
        for path in ("/page", "/page/", "/page/../page/app.js", "/page/app"):
            self.assertEqual(self.server.request("GET", path)[0], 404)
        self.assertEqual(self.server.request("POST", "/", b"{}")[0], 405)

    def test_status(self):
        status, _, body = self.server.request("GET", "/status")
        status = json.loads(body)
        self.assertEqual((status["model"], status["sandbox"]), (self.server.name, False))
        self.assertEqual(status["running"] + status["waiting"] + status["in_programs"], 0)
        self.assertEqual(status["kv_pages"], self.server.metrics()["qed_kv_pages_total"])
        self.assertGreater(status["seconds"], 0)

    def test_the_request_for_a_problem_is_one(self):
        status, request = self.server.post("/solve/request", {"problem": "1 + {x} = 3?"})
        self.assertEqual(status, 200)
        self.assertIn("1 + {x} = 3?", request["prompt"])
        self.assertIn("\\boxed{}", request["prompt"])
        self.assertTrue(request["prompt"].endswith("<|im_start|>assistant\n"))
        self.assertEqual((request["temperature"], request["top_p"]), (0.7, 0.95))
        self.assertNotIn("tools", request)  # no sandbox here
        reply = self.server.complete(**{**request, "max_tokens": 4})
        self.assertEqual(reply["usage"]["completion_tokens"], 4)
        for body in ({}, {"problem": ""}, {"problem": 1}, {"problem": "x", "y": 1}, []):
            self.assertEqual(self.server.post("/solve/request", body)[0], 400, body)

    def test_votes_are_counted_as_solve_counts_them(self):
        texts = ["so \\boxed{016}", None, "no box", "\\boxed{4}", "\\boxed{1} \\boxed{16.0}"]
        status, reply = self.server.post("/solve/votes", {"texts": texts})
        self.assertEqual(status, 200)
        self.assertEqual(reply, {"answers": ["16", None, None, "4", "16"],
                                 "votes": [{"answer": "16", "count": 2},
                                           {"answer": "4", "count": 1}]})
        for body in ({}, {"texts": "x"}, {"texts": [1]}, {"texts": [""] * 5000}):
            self.assertEqual(self.server.post("/solve/votes", body)[0], 400, str(body)[:40])

    def test_one_log_line_for_a_request(self):
        reply = self.server.complete(prompt="x", max_tokens=3, user="me\n")
        self.server.wait_for_log(reply["id"], PATIENCE)
        line, = (line for line in self.server.log if reply["id"] in line)
        self.assertIn("user=me? ", line)
        self.assertIn(f"generated={reply['usage']['completion_tokens']} ", line)


class ClientsThatLeaveTest(unittest.TestCase):

    def test_a_closed_connection_frees_its_pages(self):
        with Server("--no-prefix-cache") as server:
            streams = [server.open_stream(**LONG) for _ in range(3)]
            self.assertGreater(server.pages_in_use(), 0)
            for stream in streams:
                stream.close()
            self.assertTrue(server.wait_idle())
            finished = server.metrics()['qed_request_success_total{finished_reason="cancelled"}']
            self.assertEqual(finished, 3)

    def test_a_storm_leaves_nothing_behind(self):
        with Server("--max-batch-size", "8") as server:
            server.complete(prompt="warm", max_tokens=2)
            threads = server.threads()
            numbers = random.Random(1)
            plans = [(numbers.choice(["whole", "leave", "timeout", "leave early", "samples"]), i)
                     for i in range(STORM)]

            def one(plan):
                kind, i = plan
                fields = {"prompt": f"Story {i % 7}:", "max_tokens": 1 + i % 8, "seed": i,
                          "user": f"user {i % 3}", "priority": i % 2}
                if kind == "whole":
                    return len(server.complete(**fields)["choices"]) == 1
                if kind == "samples":
                    return len(server.complete(n=4, **fields)["choices"]) == 4
                if kind == "timeout":
                    fields.update(max_tokens=500, ignore_eos=True, timeout=0.05)
                    reason = server.complete(**fields)["choices"][0]["finish_reason"]
                    return reason in ("timeout", "length")
                if kind == "leave":
                    server.open_stream(**fields).close()
                    return True
                data = json.dumps(fields).encode()
                sock = socket.create_connection((server.address.hostname, server.address.port))
                sock.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                             b"Content-Type: application/json\r\nContent-Length: "
                             + str(len(data)).encode() + b"\r\n\r\n" + data)
                sock.close()
                return True

            with concurrent.futures.ThreadPoolExecutor(24) as pool:
                self.assertTrue(all(pool.map(one, plans)))
            self.assertTrue(server.wait_idle(PATIENCE))
            self.assertEqual(server.threads(), threads)
            self.assertEqual(server.request("GET", "/health")[0], 200)
            print(f"after {STORM} requests: {threads} threads as before, "
                  f"{server.pages_in_use():.0f} pages in use")


class LoadTest(unittest.TestCase):

    def test_a_full_queue_says_when_to_come_back(self):
        with Server("--max-batch-size", "1", "--max-waiting", "2") as server:
            streams = [server.open_stream(**LONG)]
            replies = []
            for _ in range(2):  # wait in the queue: their streams have begun, without text
                sock = socket.create_connection((server.address.hostname, server.address.port))
                data = json.dumps({"stream": True, **LONG}).encode()
                sock.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                             b"Content-Type: application/json\r\nContent-Length: "
                             + str(len(data)).encode() + b"\r\n\r\n" + data)
                self.assertIn(b"200 OK", sock.recv(4096))
                streams.append(sock)
            status, headers, body = server.request("POST", "/v1/completions", json.dumps(LONG))
            replies.append(json.loads(body))
            self.assertEqual(status, 429)
            self.assertGreaterEqual(int(headers["Retry-After"]), 1)
            self.assertEqual(replies[0]["error"]["code"], "queue_full")
            self.assertEqual(server.request("GET", "/health")[0], 200)
            for stream in streams:
                stream.close()
            self.assertTrue(server.wait_idle())
            server.complete(prompt="x", max_tokens=1)


class EndTest(unittest.TestCase):

    def test_running_requests_end_first(self):
        with Server() as server:
            stream = server.open_stream(**{**LONG, "max_tokens": 150})
            server.terminate()
            text = read_to_end(stream)
            self.assertIn('"finish_reason":"length"', text)
            self.assertIn("data: [DONE]", text)
            self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_but_not_for_ever(self):
        with Server("--drain-timeout", "0.3") as server:
            stream = server.open_stream(**{**LONG, "max_tokens": 900})
            server.terminate()
            self.assertIn('"finish_reason":"timeout"', read_to_end(stream))
            self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_a_second_signal_stops_at_once(self):
        with Server() as server:
            stream = server.open_stream(**{**LONG, "max_tokens": 900})
            server.terminate()
            server.wait_for_log("ending", PATIENCE)
            server.terminate()
            self.assertEqual(server.process.wait(PATIENCE), -signal.SIGTERM)
            stream.close()

    def test_unusable_flags_get_one_line(self):
        for flag, value in (("--port", "99999"), ("--max-waiting", "0"), ("--host", "no such host")):
            run = qed("serve", *SMALL[:4], flag, value)
            self.assertIn(run.returncode, (1, 2), run.stderr)
            self.assertEqual(run.stderr.count("\n"), 1, run.stderr)


class SandboxTest(unittest.TestCase):

    PROMPT = "".join(f"Q: {a}+{b}\n<code>print({a}+{b})</code>\n<out>\n{a + b}\n</out>\nA: {a + b}\n\n"
                     for a, b in ((2, 3), (10, 7), (44, 5), (31, 8))) + "Q: 15+4\n"
    TOOL = {"type": "sandbox", "code_begin": "<code>", "code_end": "</code>",
            "code_output_begin": "\n<out>\n", "code_output_end": "</out>\n"}

    def test_programs_run_in_the_middle_of_a_completion(self):
        with Server("--with-sandbox") as server:
            fields = {"prompt": self.PROMPT, "max_tokens": 80, "temperature": 0, "stop": ["Q:"],
                      "tools": [self.TOOL]}
            reply = server.complete(**fields)
            choice = reply["choices"][0]
            self.assertIn("</code>\n<out>\n", choice["text"])
            self.assertEqual([call["status"] for call in choice["code_calls"]], ["completed"])
            self.assertGreater(reply["usage"]["inserted_tokens"], 0)
            self.assertEqual((choice["finish_reason"], choice["stop_reason"]), ("stop", "Q:"))
            streamed = read_to_end(server.open_stream(**fields))
            events = [json.loads(line[6:]) for line in streamed.splitlines()
                      if line.startswith("data: {")]
            text = "".join(event["choices"][0]["text"] for event in events)
            self.assertTrue(choice["text"].endswith(text), (choice["text"], text))
            self.assertTrue(server.wait_idle())
            server.terminate()
            self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_without_a_sandbox_it_is_refused(self):
        with Server() as server:
            status, reply = server.post("/v1/completions", {"prompt": "x", "tools": [self.TOOL]})
            self.assertEqual((status, reply["error"]["param"]), (400, "tools"))


if __name__ == "__main__":
    require_model()
    unittest.main()

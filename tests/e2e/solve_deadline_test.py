"""`qed solve` when its time is up in the middle of programs that would run for an hour."""

import http.server
import json
import os
import threading
import time
import unittest

from qed_run import qed, read_lines, temporary_folder, write_problems

TOTAL, CODE_TIMEOUT, SAMPLES = 4, 6, 16
# Seconds more than it may take, for machines that are busy. One program after the
# other, each to its time-out, would take longer.
PATIENCE = 50
PROGRAM = "\\boxed{42} so far.\n<code>\nimport time\ntime.sleep(3600)\n</code>"


class SleeperModel(http.server.BaseHTTPRequestHandler):
    """Speaks OpenAI's completions; all it writes is a program that sleeps."""

    protocol_version = "HTTP/1.1"

    def reply(self, content_type, body):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        models = {"object": "list", "data": [{"id": "sleeper", "object": "model"}]}
        self.reply("application/json", json.dumps(models).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/completions":
            return self.reply("application/json", b"{}")
        event = {"choices": [{"index": 0, "text": PROGRAM, "finish_reason": "stop"}]}
        self.reply("text/event-stream",
                   b"data: " + json.dumps(event).encode() + b"\n\ndata: [DONE]\n\n")

    def log_message(self, *_):
        pass


class SolveDeadlineTest(unittest.TestCase):

    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SleeperModel)
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def test_programs_do_not_outlive_the_total(self):
        folder = temporary_folder(self)
        problems = os.path.join(folder, "two.jsonl")
        write_problems(problems, [{"id": str(i), "problem": "What is 6 * 7?",
                                   "expected_answer": 42} for i in range(2)])
        output = os.path.join(folder, "run")
        began = time.monotonic()
        run = qed("solve", problems, "--server",
                  f"http://127.0.0.1:{self.server.server_port}", "--chat-wrapper", "none",
                  "--output", output, "--samples", str(SAMPLES), "--max-tokens", "400",
                  "--code-begin", "<code>\n", "--code-end", "</code>",
                  "--max-code-calls", "100", "--code-timeout", str(CODE_TIMEOUT),
                  "--time-total", str(TOTAL))
        took = time.monotonic() - began
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertLess(took, TOTAL + CODE_TIMEOUT + PATIENCE)
        records = read_lines(os.path.join(output, "samples.jsonl"))
        self.assertEqual(len({(r["problem_id"], r["sample"]) for r in records}), 2 * SAMPLES)
        # What was boxed before the time was up counts, and is marked.
        begun = [r for r in records if r["generated_tokens"] > 0]
        self.assertTrue(begun)
        for record in begun:
            self.assertEqual((record["answer"], record["finish_reason"], record["partial"]),
                             ("42", "deadline", True), record)


if __name__ == "__main__":
    unittest.main()

"""`qed solve --server`: a reply that nothing can be done with ends its own sample."""

import json
import os
import re
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from qed_run import qed, read_lines, temporary_folder, write_problems

PROBLEMS = 12
BAD = 3
ANSWER = "The answer is \\boxed{7}."


def event(text, reason):
    return b"data: " + json.dumps({"choices": [
        {"index": 0, "text": text, "finish_reason": reason}]}).encode() + b"\n\n"


BAD_REPLIES = {"an unknown end": event(ANSWER[:10], None) + event("", "content_filter"),
               "no UTF-8": event("\\boxed{1", "stop").replace(b"boxed", b"\xff\xfe"),
               "no JSON": b"data: {\"choices\": [\n\n"}


class Model(BaseHTTPRequestHandler):
    """Answers every problem rightly but one."""

    def log_message(self, *_):
        pass

    def reply(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path != "/v1/models":
            return self.send_error(404)
        return self.reply(json.dumps({"data": [{"id": "m", "owned_by": "someone",
                                                "max_model_len": 5000}]}).encode(),
                          "application/json")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/completions":
            return self.send_error(404)
        number = int(re.search(r"Problem (\d+)", body["prompt"])[1])
        good = event(ANSWER, "stop") + b"data: [DONE]\n\n"
        return self.reply(self.server.bad if number == BAD else good, "text/event-stream")


class BadReplyTest(unittest.TestCase):

    def test_the_others_are_finished_and_so_is_the_run(self):
        for name, bad in BAD_REPLIES.items():
            with self.subTest(name):
                self.solve(bad)

    def solve(self, bad):
        folder = temporary_folder(self)
        problems, output = os.path.join(folder, "p.jsonl"), os.path.join(folder, "out")
        write_problems(problems, [{"id": str(i), "problem": f"Problem {i}", "expected_answer": "7"}
                                  for i in range(PROBLEMS)])
        server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
        server.bad = bad
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            run = qed("solve", problems, "--server",
                      f"http://127.0.0.1:{server.server_address[1]}", "--samples", "1",
                      "--output", output, "--chat-wrapper", "chatml", "--max-tokens", "50",
                      "--sandbox", "off", "--server-samples", "2")
        finally:
            server.shutdown()
            server.server_close()
        self.assertEqual(run.returncode, 0, run.stderr)
        records = {record["problem_id"]: record
                   for record in read_lines(os.path.join(output, "samples.jsonl"))}
        self.assertEqual(len(records), PROBLEMS)
        self.assertNotEqual(records[str(BAD)].get("error", ""), "", records[str(BAD)])
        wrong = [key for key, record in records.items() if record["answer"] != "7"]
        self.assertEqual(wrong, [str(BAD)])


if __name__ == "__main__":
    unittest.main()

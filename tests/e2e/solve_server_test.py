"""`qed solve --server`: the same records as in this process, a sample that outlives
its server, and other people's servers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.request

from qed_run import BINARY, MODEL, qed, read_lines, require_model, temporary_folder, write_problems
from serve_run import Server

PROBLEMS, SAMPLES = 3, 3
# What depends on clocks and caches.
PASSING = {"start_time", "end_time", "run_seconds", "problem_seconds", "generation_seconds",
           "code_seconds", "prompt_prefilled", "inserted_prefilled"}
SAMPLED = ("--seed", "5", "--temperature", "0.8", "--top-k", "40", "--min-p", "0.01",
           "--repetition-penalty", "1.1", "--frequency-penalty", "0.2")


def records(output):
    """Record by problem and sample, less what passes."""
    found = {}
    for record in read_lines(os.path.join(output, "samples.jsonl")):
        key = record["problem_id"], record["sample"]
        assert key not in found, f"{key} is there twice"
        record = {name: value for name, value in record.items() if name not in PASSING}
        for call in record["code_calls"]:
            del call["seconds"]
        found[key] = record
    return found


class SolveServerTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.problems = os.path.join(self.folder, "sums.jsonl")
        write_problems(self.problems, [
            {"id": f"sum-{i}", "problem": f"Compute {17 * i + 3} + {i} with Python, then say why.",
             "expected_answer": 18 * i + 3} for i in range(PROBLEMS)])

    def output(self, name):
        return os.path.join(self.folder, name)

    def solve(self, name, *flags, **options):
        run = qed("solve", self.problems, "--output", self.output(name), "--samples", str(SAMPLES),
                  "--prompt", "openmath/tir", "--sandbox-max-sessions", "40",
                  *(() if "--max-tokens" in flags else ("--max-tokens", "48")), *flags, **options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run

    def in_process(self, name, *flags):
        self.solve(name, "--model", MODEL, "--threads", "2", "--max-seq-len", "1024", *flags)
        return records(self.output(name))

    def serve(self):
        # The model as it is solved with in the process: with its adapter.
        server = Server(adapter="auto")
        self.addCleanup(server.__exit__)
        return server

    def test_records_are_those_of_the_engine_in_process(self):
        server = self.serve()
        for name, flags in (("sampled", SAMPLED), ("greedy", ("--temperature", "0"))):
            want = self.in_process(name, *flags)
            run = self.solve(name + "-remote", "--server", server.url + "/v1", *flags)
            self.assertEqual(records(self.output(name + "-remote")), want)
            self.assertGreater(sum(len(record["code_calls"]) for record in want.values()), 0)
            self.assertIn(f"{server.name} at {server.url}", run.stdout)
            for seed in range(SAMPLES):
                file = f"output-rs{(5 if name == 'sampled' else 0) + seed}.jsonl"
                self.assertEqual(self.results(name, file), self.results(name + "-remote", file))
        with open(os.path.join(self.output("greedy-remote"), "metrics.json"), encoding="utf-8") as file:
            mode = json.load(file)["sums"][f"majority@{SAMPLES}"]
        self.assertEqual((mode["model"], mode["server"]), (server.name, server.url + "/v1"))
        settings = self.settings("greedy-remote")
        self.assertEqual((settings["model"], settings["server"]), (server.name, "qed"))

    def settings(self, name):
        with open(os.path.join(self.output(name), "run.json"), encoding="utf-8") as file:
            return json.load(file)["settings"]

    def results(self, name, file):
        lines = read_lines(os.path.join(self.output(name), file))
        return [{key: value for key, value in line.items() if "time" not in key
                 and "seconds" not in key} for line in lines]

    def test_samples_outlive_a_killed_server(self):
        want = self.in_process("undisturbed", *SAMPLED)
        first, second = self.serve(), self.serve()
        doomed = threading.Thread(target=self.kill_when_busy, args=(first,))
        doomed.start()
        run = self.solve("killed", "--server", f"{first.url},{second.url}", "--server-samples", "4",
                         *SAMPLED)
        doomed.join()
        self.assertEqual(first.process.poll(), -signal.SIGKILL)
        self.assertIn(first.address.netloc, run.stderr)
        self.assertEqual(records(self.output("killed")), want)

    def kill_when_busy(self, server):
        """In the middle of its third sample."""
        while server.metrics()["qed_generation_tokens_total"] < 40:
            time.sleep(0.005)
        server.process.kill()

    def test_without_a_server_the_run_ends_and_can_be_resumed(self):
        want = self.in_process("undisturbed", *SAMPLED)
        server = self.serve()
        doomed = threading.Thread(target=self.kill_when_busy, args=(server,))
        doomed.start()
        flags = ["--samples", str(SAMPLES), "--prompt", "openmath/tir", "--sandbox-max-sessions",
                 "40", "--max-tokens", "48", *SAMPLED]
        arguments = ["solve", self.problems, "--output", self.output("resumed"), *flags]
        run = qed(*arguments, "--server", server.url, "--server-patience", "0.5")
        doomed.join()
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn("no server answers any more", run.stderr)
        self.assertIn("--resume", run.stderr)
        again = self.serve()
        run = qed(*arguments, "--server", again.url, "--resume")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(records(self.output("resumed")), want)

    def test_what_cannot_be_is_one_line(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for flags, word in (
                (("--server", "http://x", "--model", MODEL), "--model"),
                (("--server", ""), "--server"),
                (("--server", "ftp://x"), "http"),
                (("--server", "http://127.0.0.1:1,http://127.0.0.1:1/v1"), "twice"),
                (("--server", closed), "qed serve")):
            run = qed("solve", self.problems, *flags)
            self.assertNotEqual(run.returncode, 0, flags)
            self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
            self.assertIn(word, run.stderr)

    def test_llama_server(self):
        binary = os.environ.get("QED_LLAMA_SERVER", "")
        if not shutil.which(binary):
            self.skipTest("QED_LLAMA_SERVER names no llama-server")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        process = subprocess.Popen(
            [binary, "-m", MODEL, "--port", str(port), "-c", "4096", "-np", "4", "-t", "2"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_for_health(url)
        short = ("--max-tokens", os.environ.get("QED_LLAMA_TOKENS", "24"))
        want = self.in_process("greedy", "--temperature", "0", *short)
        self.solve("llama", "--server", url, "--temperature", "0", *short, timeout=900)
        got = records(self.output("llama"))
        self.assertEqual(got.keys(), want.keys())
        self.assertEqual(sorted(os.listdir(self.output("llama"))),
                         sorted(os.listdir(self.output("greedy"))))
        for key, record in got.items():
            self.assertEqual(record.keys(), want[key].keys())
            self.assertEqual(record["prompt_tokens"], want[key]["prompt_tokens"])
            self.assertIn(record["finish_reason"], ("stop", "length", "code_limit"), record)
            self.assertEqual(record["logprob_count"], record["generated_tokens"])
        self.assertEqual(self.settings("llama")["server"], "llama.cpp")

    def wait_for_health(self, url):
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(url + "/health", timeout=5):
                    return
            except OSError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.1)


if __name__ == "__main__":
    require_model()
    unittest.main()

"""`qed bench --replay`, --random-weights, --quantize and --device, as a user meets them."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

from qed_run import MODEL, qed, require_model, temporary_folder, write_problems

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = ("--random-weights", "tiny", "--threads", "2", "--kv-cache-bytes", str(32 << 20))
FAILED, UNUSABLE = 1, 2


class BenchReplayTest(unittest.TestCase):

    def one_line_error(self, code, *flags):
        run = qed(*flags)
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        return run.stderr

    def test_a_trace_is_run(self):
        path = os.path.join(temporary_folder(self), "trace.jsonl")
        write_problems(path, [
            {"trace": 1, "name": "small", "at_a_time": 2, "enough": 2},
            {"problem": "a", "prompt": 40, "stretches": [{"generate": 20, "wait_s": 0.05, "append": 7},
                                                        {"generate": 5}]},
            {"problem": "a", "prompt": 40, "stretches": [{"generate": 9}]},
            {"problem": "a", "prompt": 40, "stretches": [{"generate": 3000}]},
        ])
        run = qed("bench", *TINY, "--replay", path, "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        report = json.loads(run.stdout)
        first, second, third = report["samples"]
        self.assertEqual((first["end"], first["generated_tokens"], first["appended_tokens"]),
                         ("ended", 25, 7))
        self.assertEqual((second["end"], second["generated_tokens"]), ("ended", 9))
        self.assertEqual(third["end"], "cancelled")
        self.assertEqual(report["kept_tokens"], 34)
        self.assertEqual(report["most_at_a_time"], 2)
        self.assertGreaterEqual(first["end_s"], 0.05)
        table = qed("bench", *TINY, "--replay", path)
        self.assertIn("tokens/s", table.stdout)

    def test_bench_rows(self):
        run = qed("bench", *TINY, "--quantize", "fp8", "--sequences", "2", "--prompt-tokens", "16",
                  "--new-tokens", "8", "--prefill-tokens", "16,32", "--repeat", "1", "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        report = json.loads(run.stdout)
        rows = report["rows"]
        self.assertEqual([row["case"] for row in rows], ["decode", "prefill", "prefill"])
        self.assertEqual(report["drafts"]["draft_tokens"], 0)
        for row in rows:
            self.assertEqual(set(row), {"case", "batch", "context", "step_ms", "floor_ms",
                                        "tokens_per_s", "tokens_per_step", "wait_us",
                                        "host_us"})
            self.assertGreater(row["step_ms"], 0)
            self.assertGreater(row["floor_ms"], 0)

    def test_random_weights_generate_the_same_each_time(self):
        flags = ("generate", *TINY, "--prompt", "1 + 1 =", "--max-tokens", "8", "--temperature",
                 "0", "--json")
        first, again = qed(*flags), qed(*flags)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(first.stdout, again.stdout)
        self.assertEqual(len(json.loads(first.stdout)["token_ids"]), 8)

    def test_a_run_becomes_a_trace(self):
        require_model()
        folder = temporary_folder(self)
        problems = os.path.join(folder, "problems.jsonl")
        write_problems(problems, [{"problem": "What is 2 + 3?"}, {"problem": "What is 7 - 4?"}])
        out = os.path.join(folder, "run")
        run = qed("solve", problems, "--model", MODEL, "--adapter", "none", "--sandbox", "off",
                  "--samples", "2", "--max-tokens", "12", "--threads", "2", "--kv-cache-bytes",
                  str(64 << 20), "--output", out)
        self.assertEqual(run.returncode, 0, run.stderr)
        trace = os.path.join(folder, "trace.jsonl")
        self.assertEqual(qed("replay", out, "--write-trace", trace).returncode, 0)
        with open(trace, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual((lines[0]["trace"], lines[0]["name"]), (1, "run"))
        self.assertEqual(len(lines), 5)
        self.assertNotIn("2 + 3", json.dumps(lines))
        replayed = json.loads(qed("bench", *TINY, "--replay", trace, "--json").stdout)
        wanted = sum(s["generate"] for line in lines[1:] for s in line["stretches"])
        self.assertEqual(replayed["generated_tokens"], wanted)

    def test_what_cannot_be_done_is_said_in_one_line(self):
        missing = os.path.join(temporary_folder(self), "none.jsonl")
        self.assertIn(missing, self.one_line_error(FAILED, "bench", *TINY, "--replay", missing))
        long = os.path.join(temporary_folder(self), "long.jsonl")
        write_problems(long, [{"trace": 1, "name": "long"},
                              {"problem": "a", "prompt": 5000, "stretches": [{"generate": 1}]}])
        self.assertIn("5001 tokens", self.one_line_error(UNUSABLE, "bench", *TINY, "--replay", long))
        self.assertIn("smollm2-135m",
                      self.one_line_error(UNUSABLE, "bench", "--random-weights", "gpt-5"))
        self.assertIn("--model", self.one_line_error(
            UNUSABLE, "bench", "--random-weights", "tiny", "--model", "x.gguf"))
        self.assertIn("--random-weights", self.one_line_error(
            UNUSABLE, "solve", "problems.jsonl", "--random-weights", "tiny"))
        self.assertIn("int8_wo",
                      self.one_line_error(UNUSABLE, "generate", *TINY, "--prompt", "x",
                                          "--quantize", "fp4"))
        self.assertIn("cuda:N", self.one_line_error(UNUSABLE, "generate", *TINY, "--prompt", "x",
                                                    "--device", "gpu"))
        run = qed("generate", *TINY, "--prompt", "x", "--device", "cuda:99")
        self.assertIn(run.returncode, (FAILED, UNUSABLE))  # without CUDA; with it, but fewer GPUs
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn("cuda:99", run.stderr)

    def test_the_recipe_s_trace_is_what_its_program_makes(self):
        made = subprocess.run([sys.executable, ROOT / "bench/traces/make_recipe_trace.py", "--check"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)


if __name__ == "__main__":
    unittest.main()

"""The model's programs run in the sandbox and their output goes back into its
text; on a terminal the run shows a line that keeps changing."""

import os
import pty
import subprocess
import unittest

from qed_run import BINARY, MODEL, qed, read_lines, require_model, temporary_folder, write_problems
from sandbox_run import sandbox

# The default model, as published, does not know the usual tags, but writes
# Markdown blocks when it is asked for a program.
PROMPT = r"""
user: "Write a short Python program that prints the answer to this problem: {problem}"
code_begin: "```python\n"
code_end: "\n```"
code_output_begin: "\n```output\n"
code_output_end: "```\n"
"""


class CodeTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.prompt = os.path.join(self.folder, "prompt.yaml")
        with open(self.prompt, "w", encoding="utf-8") as file:
            file.write(PROMPT)
        self.problems = os.path.join(self.folder, "products.jsonl")
        write_problems(self.problems, [{"problem": f"What is {i} * {i + 3}?"}
                                       for i in range(12, 15)])

    def arguments(self, output, *flags):
        return ["solve", self.problems, "--model", MODEL, "--adapter", "none", "--output", output,
                "--samples", "4", "--max-tokens", "160", "--prompt", self.prompt, *flags]

    def test_programs_run_and_their_output_is_inserted(self):
        output = os.path.join(self.folder, "out")
        run = qed(*self.arguments(output, "--max-code-calls", "1", "--code-timeout", "10"))
        self.assertEqual(run.returncode, 0, run.stderr)
        calls = 0
        for record in read_lines(os.path.join(output, "samples.jsonl")):
            calls += len(record["code_calls"])
            self.assertLessEqual(len(record["code_calls"]), 1)
            inserted = 0
            for before, segment in zip(record["segments"], record["segments"][1:]):
                if segment["source"] == "model":
                    continue
                self.assertTrue(before["text"].endswith("\n```"))
                self.assertTrue(segment["text"].startswith("\n```output\n"))
                self.assertTrue(segment["text"].endswith("```\n"))
                inserted += segment["tokens"]
            self.assertEqual(record["inserted_tokens"], inserted)
            self.assertLessEqual(record["generated_tokens"], 160)
        self.assertGreater(calls, 0)
        self.assertIn(f"{calls} code calls", run.stdout)

    def test_a_sandbox_behind_a_url_gives_the_same_samples(self):
        flags = ("--max-code-calls", "1", "--code-timeout", "10")
        texts = []
        with sandbox() as server:
            for place in ("local", server.url):
                output = os.path.join(self.folder, str(len(texts)))
                run = qed(*self.arguments(output, *flags, "--sandbox", place))
                self.assertEqual(run.returncode, 0, run.stderr)
                records = read_lines(os.path.join(output, "samples.jsonl"))
                texts.append(sorted((record["problem_id"], record["seed"], str(record["segments"]))
                                    for record in records))
            self.assertIn("qed_sandbox_cells_total", server.request("GET", "/metrics")[2])
            self.assertEqual(server.get_json("/sessions")["sessions"], {})  # all were closed
        self.assertEqual(texts[0], texts[1])

    def test_a_sandbox_that_is_not_there_is_named(self):
        output = os.path.join(self.folder, "out")
        for url, code, words in (("http://127.0.0.1:1", 1, "no sandbox at http://127.0.0.1:1"),
                                 ("ftp://a", 2, "--sandbox must be local, off or a URL"),
                                 ("remote", 2, "--sandbox must be local, off or a URL")):
            run = qed(*self.arguments(output, "--sandbox", url))
            self.assertEqual(run.returncode, code, run.stderr)
            self.assertIn(words, run.stderr)

    def test_live_line_on_a_terminal(self):
        leader, follower = pty.openpty()
        with subprocess.Popen(
                [BINARY, *self.arguments(os.path.join(self.folder, "out"), "--sandbox", "off")],
                stdout=subprocess.DEVNULL, stderr=follower) as process:
            os.close(follower)
            shown = b""
            while True:
                try:
                    shown += os.read(leader, 4096)
                except OSError:  # The other end is closed.
                    break
            self.assertEqual(process.wait(), 0)
        os.close(leader)
        self.assertIn(b"of 3 problems, ", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"))  # Nothing is left of it.


if __name__ == "__main__":
    require_model()
    unittest.main()

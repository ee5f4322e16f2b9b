"""A run that is killed again and again ends with every sample exactly once, and
with the same texts as a run that nobody disturbed."""

import os
import random
import signal
import subprocess
import time
import unittest

from qed_run import BINARY, MODEL, qed, read_lines, require_model, temporary_folder, write_problems

PROBLEMS, SAMPLES, KILLS = 8, 4, 10


class ResumeTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.problems = os.path.join(self.folder, "sums.jsonl")
        write_problems(self.problems, [
            {"id": f"sum-{i}", "problem": f"What is {17 * i + 3} + {i}?",
             "expected_answer": 18 * i + 3} for i in range(PROBLEMS)])

    def arguments(self, output):
        return ["solve", self.problems, "--model", MODEL, "--adapter", "none", "--output", output,
                "--samples", str(SAMPLES), "--max-tokens", "64", "--threads", "2"]

    def texts(self, output):
        """(problem, seed) -> text, from both kinds of result files."""
        texts = {}
        for record in read_lines(os.path.join(output, "samples.jsonl")):
            key = record["problem_id"], record["seed"]
            self.assertNotIn(key, texts)
            texts[key] = "".join(segment["text"] for segment in record["segments"])
        self.assertEqual(len(texts), PROBLEMS * SAMPLES)
        for seed in range(SAMPLES):
            lines = read_lines(os.path.join(output, f"output-rs{seed}.jsonl"))
            self.assertEqual([line["id"] for line in lines],
                             [f"sum-{i}" for i in range(PROBLEMS)])
            for line in lines:
                self.assertEqual(line["generation"], texts[line["id"], seed])
        return texts

    def run_and_stop(self, output, seconds, stop_signal):
        """Starts or resumes the run and stops it: its exit status."""
        with subprocess.Popen([BINARY, *self.arguments(output), "--resume"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(stop_signal)
            process.wait()
            return process.returncode

    def test_every_sample_once_after_kills(self):
        undisturbed = os.path.join(self.folder, "undisturbed")
        began = time.monotonic()
        run = qed(*self.arguments(undisturbed))
        duration = time.monotonic() - began
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stderr, "")  # Quiet in a pipe.
        self.assertEqual(run.stdout.count("problem sum-"), PROBLEMS)
        self.assertIn(f"majority@{SAMPLES}", run.stdout)

        killed = os.path.join(self.folder, "killed")
        chance = random.Random(3)
        kills = 0
        for _ in range(KILLS):
            seconds = chance.uniform(0.1, 0.6) * duration
            kills += self.run_and_stop(killed, seconds, signal.SIGKILL) == -signal.SIGKILL
        print(f"killed {kills} times; the undisturbed run took {duration:.1f} s")
        final = qed(*self.arguments(killed), "--resume")
        self.assertEqual(final.returncode, 0, final.stderr)
        self.assertEqual(self.texts(killed), self.texts(undisturbed))
        again = qed(*self.arguments(killed), "--resume")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(len(self.texts(killed)), PROBLEMS * SAMPLES)

    def test_interrupt_ends_in_good_order(self):
        output = os.path.join(self.folder, "interrupted")
        duration = 1.0
        for _ in range(20):
            status = self.run_and_stop(output, duration, signal.SIGINT)
            partial = os.path.exists(os.path.join(output, "partial.jsonl"))
            if status == 0 or (status == 130 and partial):
                break
            duration += 0.5
        self.assertIn(status, (0, 130))
        final = qed(*self.arguments(output), "--resume")
        self.assertEqual(final.returncode, 0, final.stderr)
        self.texts(output)


if __name__ == "__main__":
    require_model()
    unittest.main()

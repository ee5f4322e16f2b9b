"""Several processes solve one problem set: replicas under mpirun and shards of a job array give
the records of one process, whatever dies."""

import json
import os
import random
import signal
import tempfile
import time
import unittest

from hf_folder import write_folder
from qed_run import qed, write_problems
from ranks_run import (environment, ranks_below, records, require_mpi, run_ranks, start_ranks,
                       wait_until_begun, wait_until_gone)

PROBLEMS, SAMPLES = 10, 4
INVALID = 2


class Setting(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.model = os.path.join(cls.folder, "model")
        write_folder(cls.model)
        cls.problems = os.path.join(cls.folder, "sums.jsonl")
        write_problems(cls.problems, [
            {"id": f"sum-{i}", "problem": f"What is {17 * i + 3} + {i}?",
             "expected_answer": 18 * i + 3} for i in range(PROBLEMS)])
        cls.undisturbed = os.path.join(cls.folder, "undisturbed")
        run = qed(*cls.arguments("undisturbed"))
        assert run.returncode == 0, run.stderr
        cls.want = records(cls.undisturbed)
        assert len(cls.want[0]) == PROBLEMS * SAMPLES

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def arguments(cls, output, *flags):
        return ["solve", cls.problems, "--model", cls.model, "--device", "cpu", "--threads", "1",
                "--output", cls.path(output), "--samples", str(SAMPLES), "--max-tokens", "300",
                "--chat-wrapper", "none", "--max-code-calls", "0", "--max-batch-size", "4",
                "--stall-seconds", "5", *flags]

    def expect_whole(self, output):
        self.assertEqual(records(self.path(output)), self.want)
        self.assertFalse(os.path.exists(os.path.join(self.path(output), "parts")))
        with open(os.path.join(self.path(output), "metrics.json"), encoding="utf-8") as file:
            metrics = json.load(file)["sums"]
        self.assertEqual(next(iter(metrics.values()))["num_entries"], PROBLEMS)


class ReplicasTest(Setting):

    def kill_in_the_middle(self, output, number, victim, chance):
        """Starts replicas, kills one or mpirun (None); whether that was before the end."""
        process = start_ranks(number, *self.arguments(output, "--resume"))
        ranks = ranks_below(process.pid, number)
        everyone = [process.pid, *ranks.values()]
        time.sleep(chance.uniform(0.3, 1.5))
        try:
            os.kill(process.pid if victim is None else ranks[victim], signal.SIGKILL)
        except (ProcessLookupError, KeyError):
            pass
        _, errors = process.communicate(timeout=60)
        self.assertEqual(wait_until_gone(everyone, 10), [], errors)
        return process.returncode != 0

    def test_replicas_make_the_run_of_one(self):
        status, output, lines = run_ranks(2, *self.arguments("two"))
        self.assertEqual((status, lines), (0, []))
        for i in range(PROBLEMS):
            self.assertEqual(output.count(f"problem sum-{i}: "), 1)
        self.assertEqual(output.count(f"{PROBLEMS} problems, {SAMPLES} samples each"), 1)
        self.expect_whole("two")

    def test_groups_of_ranks_are_replicas(self):
        status, _, lines = run_ranks(4, *self.arguments("groups", "--tp-size", "2", "--compute",
                                                        "f32", "--limit", "4"))
        self.assertEqual((status, lines), (0, []))
        alone = qed(*self.arguments("no-groups", "--compute", "f32", "--limit", "4"))
        self.assertEqual(alone.returncode, 0, alone.stderr)
        texts = [{key: record["segments"] for key, record in records(self.path(name))[0].items()}
                 for name in ("groups", "no-groups")]
        self.assertEqual(texts[0], texts[1])

    def test_whoever_is_killed_others_go_on_with_the_rest(self):
        chance = random.Random(7)
        kills = 0
        for number, victim in ((2, 1), (3, 0), (2, None)):
            kills += self.kill_in_the_middle("killed", number, victim, chance)
        print(f"killed {kills} times in mid-run")
        run = qed(*self.arguments("killed", "--resume"))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.expect_whole("killed")

    def test_more_ranks_go_on_after_one(self):
        process = start_ranks(1, *self.arguments("more"))
        time.sleep(0.5)
        process.kill()
        process.communicate(timeout=60)
        status, _, lines = run_ranks(3, *self.arguments("more", "--resume"))
        self.assertEqual((status, lines), (0, []))
        self.expect_whole("more")

    def test_an_interrupt_ends_all_in_good_order(self):
        process = start_ranks(2, *self.arguments("interrupted"))
        everyone = [process.pid, *ranks_below(process.pid, 2).values()]
        # Before it has begun the signal ends it, as it would any program.
        wait_until_begun(process, self.path("interrupted"))
        time.sleep(0.2)
        process.send_signal(signal.SIGUSR1)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(wait_until_gone(everyone, 5), [])
        lines = [line for line in errors.splitlines() if line.startswith("qed")]
        if process.returncode != 0:
            self.assertEqual(len(lines), 1, errors)
            self.assertIn("--resume goes on with", lines[0])
        status, _, lines = run_ranks(2, *self.arguments("interrupted", "--resume"))
        self.assertEqual((status, lines), (0, []))
        self.expect_whole("interrupted")

    def test_what_replicas_cannot_do_is_one_line(self):
        for number, flags, said in (
                (3, ("--tp-size", "2"), "3 ranks, which is no multiple of --tp-size 2"),
                (2, ("--code-timeout", "0"), "--code-timeout is 0"),
                (2, ("--nonsense",), "--nonsense"),
                (2, ("--prompt", "/nowhere.yaml"), "/nowhere.yaml")):
            with self.subTest(said=said):
                status, _, lines = run_ranks(number, *self.arguments("refused", *flags))
                self.assertNotEqual(status, 0)
                self.assertEqual(len(lines), 1, lines)
                self.assertIn(said, lines[0])
        without_output = [word for word in self.arguments("x") if word != "--output"]
        without_output.remove(self.path("x"))
        status, _, lines = run_ranks(2, *without_output)
        self.assertEqual(status, INVALID)
        self.assertEqual(lines, ["qed solve: replicas need --output: the folder in which their "
                                 "records meet"])


class ShardsTest(Setting):

    def shard(self, output, index, count, *flags):
        return qed(*self.arguments(output, "--shard", f"{index}/{count}", *flags),
                   env=environment())

    def test_shards_one_after_the_other(self):
        for index in (2, 3, 1):
            run = self.shard("shards", index, 3)
            self.assertEqual(run.returncode, 0, run.stderr)
            done = os.path.exists(os.path.join(self.path("shards"), "metrics.json"))
            self.assertEqual(done, index == 1)
        self.expect_whole("shards")
        self.assertEqual(self.shard("shards", 1, 3, "--resume").returncode, 0)
        self.expect_whole("shards")
        again = self.shard("shards", 1, 3)
        self.assertEqual(again.returncode, INVALID)
        self.assertIn("add --resume", again.stderr)

    def test_another_number_of_shards_or_none_goes_on(self):
        self.assertEqual(self.shard("regrouped", 1, 4).returncode, 0)
        self.assertEqual(self.shard("regrouped", 2, 2, "--resume").returncode, 0)
        run = qed(*self.arguments("regrouped", "--resume"))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.expect_whole("regrouped")

    def test_replicas_share_a_shard(self):
        self.assertEqual(self.shard("mixed", 1, 2).returncode, 0)
        status, _, lines = run_ranks(2, *self.arguments("mixed", "--shard", "2/2"))
        self.assertEqual((status, lines), (0, []))
        self.expect_whole("mixed")

    def test_what_is_no_shard(self):
        for text in ("0/3", "4/3", "3", "a/b", "1/3x"):
            run = qed(*self.arguments("none", "--shard", text))
            self.assertEqual(run.returncode, INVALID, text)
            self.assertIn(f'--shard is "{text}"', run.stderr)


if __name__ == "__main__":
    require_mpi()
    unittest.main(verbosity=2)

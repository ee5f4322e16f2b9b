"""SIGKILL and SIGSTOP of ranks and of mpirun, at random moments: all end soon, with one line, and
nothing is left; a run goes on with --resume to the records of one that nobody disturbed.

QED_DEATHS says how often each victim dies of each signal."""

import glob
import os
import random
import signal
import socket
import time
import unittest

from hf_folder import write_folder
from qed_run import qed, temporary_folder, write_problems
from ranks_run import (descendants, environment, ranks_below, records, require_mpi, start_ranks,
                       wait_until_begun, wait_until_gone)
from serve_run import Server

DEATHS = int(os.environ.get("QED_DEATHS", "1"))
STALL = 2 if DEATHS == 1 else 5
VICTIMS = (0, 1, None)  # None: mpirun
GONE_AFTER = {signal.SIGKILL: 5, signal.SIGSTOP: STALL + 5}


def leftovers():
    """Of shared memory. (A launcher that is killed may leave small files in /tmp.)"""
    return {path for pattern in ("/dev/shm/vader_segment.*", "/dev/shm/*pmix*")
            for path in glob.glob(pattern)}


def launcher_of(pid):
    """mpirun: the process, or the one that it has started."""
    for below in (pid, *descendants(pid)):
        with open(f"/proc/{below}/comm", encoding="utf-8") as file:
            if file.read().strip() in ("mpirun", "orterun"):
                return below
    raise AssertionError("no mpirun")


class DeathsTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.model = os.path.join(self.folder, "model")
        write_folder(self.model)
        self.chance = random.Random(11)
        self.before = leftovers()

    def expect_end(self, process, pids, victim, how, read):
        """Strikes, and looks at what is left: lines of ours."""
        os.kill(launcher_of(process.pid) if victim is None else pids[victim], how)
        began = time.monotonic()
        left = wait_until_gone([process.pid, *pids.values()], GONE_AFTER[how] + 5, process)
        seconds = time.monotonic() - began
        lines = [line for line in read() if line.startswith("qed: ")]
        what = f"{how.name} of {'mpirun' if victim is None else f'rank {victim}'}"
        print(f"{what}: all gone after {seconds:.1f} s; {lines}", flush=True)
        self.assertEqual(left, [], what)
        self.assertLess(seconds, GONE_AFTER[how], what)
        self.assertNotEqual(process.returncode, 0, what)
        return lines

    def strikes(self):
        for how in (signal.SIGKILL, signal.SIGSTOP):
            for victim in VICTIMS:
                for _ in range(DEATHS):
                    yield how, victim

    def test_a_server_with_a_stream(self):
        for how, victim in self.strikes():
            with self.subTest(how=how.name, victim=victim):
                server = Server.__new__(Server)
                server.start("--model", self.model, "--device", "cpu", "--threads", "1", "--port",
                             "0", "--tp-size", "2", "--stall-seconds", str(STALL),
                             "--kv-cache-bytes", str(4 << 20), environment=environment())
                self.addCleanup(server.__exit__)
                launched = server.process
                ranks = ranks_below(launched.pid, 2)
                self.assertEqual(sorted(ranks), [0, 1])
                stream = server.open_stream(prompt="1 + 1", max_tokens=480, ignore_eos=True)
                time.sleep(self.chance.uniform(0, 0.2))

                def read():
                    server.reader.join(timeout=10)
                    return server.log

                lines = self.expect_end(launched, ranks, victim, how, read)
                stream.close()
                self.assertEqual(len(lines), 1, server.log)
                self.assertIn("mpirun" if victim is None else
                              f"rank {victim} on {socket.gethostname()}", lines[0])
                with socket.socket() as probe:  # the port is free again
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((server.address.hostname, server.address.port))
        self.assertEqual(leftovers() - self.before, set())

    def test_a_run_with_records(self):
        problems = os.path.join(self.folder, "sums.jsonl")
        write_problems(problems, [{"id": f"sum-{i}", "problem": f"What is {i} + {i}?",
                                   "expected_answer": 2 * i} for i in range(30)])

        def arguments(output, *flags):
            return ["solve", problems, "--model", self.model, "--device", "cpu", "--threads", "1",
                    "--output", os.path.join(self.folder, output), "--samples", "4",
                    "--max-tokens", "400", "--chat-wrapper", "none", "--max-code-calls", "0",
                    "--max-batch-size", "4", "--stall-seconds", str(STALL), *flags]

        began = time.monotonic()
        self.assertEqual(qed(*arguments("undisturbed")).returncode, 0)
        duration = time.monotonic() - began
        want = records(os.path.join(self.folder, "undisturbed"))
        deaths = 0
        for how, victim in self.strikes():
            with self.subTest(how=how.name, victim=victim):
                output = f"run-{deaths}"
                deaths += 1
                process = start_ranks(2, *arguments(output))
                ranks = ranks_below(process.pid, 2)
                self.assertEqual(sorted(ranks), [0, 1])
                wait_until_begun(process, os.path.join(self.folder, output))
                time.sleep(self.chance.uniform(0, 0.4) * duration)
                lines = self.expect_end(process, ranks, victim, how,
                                        lambda: process.communicate()[1].splitlines())
                if victim is not None:
                    self.assertEqual(len(lines), 1)
                    self.assertIn(f"rank {victim} on {socket.gethostname()}", lines[0])
                run = qed(*arguments(output, "--resume"))
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertEqual(records(os.path.join(self.folder, output)), want)
        self.assertEqual(leftovers() - self.before, set())


if __name__ == "__main__":
    require_mpi()
    unittest.main(verbosity=2)

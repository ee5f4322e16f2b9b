"""SIGKILL of the solver, of the sandbox and of the LLM server in the middle of a run:
nothing lost, nothing twice, and the run ends as one that nobody disturbed.

QED_DEATHS says how often each of them dies."""

import os
import random
import signal
import socket
import subprocess
import time
import unittest

from qed_run import BINARY, MODEL, read_lines, require_model, temporary_folder, write_problems

PROBLEMS, SAMPLES = 3, 2
DEATHS = int(os.environ.get("QED_DEATHS", "1"))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Service:
    """A server of ours on a port that it comes back to."""

    def __init__(self, *command):
        self.port = free_port()
        self.command = [BINARY, *command, "--port", str(self.port)]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        assert "http://" in line, line

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def die_and_come_back(self):
        self.kill()
        self.start()


class DeathsTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.problems = os.path.join(self.folder, "sums.jsonl")
        write_problems(self.problems, [
            {"id": f"sum-{i}", "problem": f"Compute {17 * i + 3} + {i} with Python."}
            for i in range(PROBLEMS)])
        self.server = Service("serve", "--model", MODEL, "--threads", "2", "--max-seq-len", "512",
                              "--kv-cache-bytes", str(32 << 20))
        self.addCleanup(lambda: self.server.kill())
        self.sandbox = Service("sandbox")
        self.addCleanup(lambda: self.sandbox.kill())

    def start(self, output, *flags):
        return subprocess.Popen(
            [BINARY, "solve", self.problems, "--server", self.server.url, "--sandbox",
             self.sandbox.url, "--output", output, "--samples", str(SAMPLES), "--max-tokens", "64",
             "--seed", "3", "--prompt", "openmath/tir", "--resume", *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        _, errors = process.communicate(timeout=300)
        return process.returncode, errors

    def samples(self, output):
        """What each sample wrote, ran and answered. How many tokens an output is counts as
        far as a server is there to tell: without one it is an estimate."""
        found = {}
        for record in read_lines(os.path.join(output, "samples.jsonl")):
            key = record["problem_id"], record["seed"]
            self.assertNotIn(key, found)
            for segment in record["segments"]:
                if segment["source"] != "model":
                    del segment["tokens"]
            found[key] = (record["segments"], record["answer"], record["finish_reason"],
                          [call["status"] for call in record["code_calls"]])
        self.assertEqual(len(found), PROBLEMS * SAMPLES)
        for seed in range(3, 3 + SAMPLES):
            lines = read_lines(os.path.join(output, f"output-rs{seed}.jsonl"))
            self.assertEqual([line["id"] for line in lines],
                             [f"sum-{i}" for i in range(PROBLEMS)])
        return found

    def die(self, victim, process):
        if victim == "solver":
            process.send_signal(signal.SIGKILL)
        elif victim == "sandbox":
            self.sandbox.die_and_come_back()
        else:
            self.server.die_and_come_back()

    def test_every_sample_once_whoever_dies(self):
        undisturbed = os.path.join(self.folder, "undisturbed")
        began = time.monotonic()
        status, errors = self.finish(self.start(undisturbed))
        duration = time.monotonic() - began
        self.assertEqual(status, 0, errors)
        want = self.samples(undisturbed)
        self.assertTrue(any(calls for _, _, _, calls in want.values()))

        chance = random.Random(5)
        victims = ("solver", "sandbox", "server") * DEATHS
        deaths = missed = resumed = 0
        while deaths < len(victims):
            victim = victims[deaths]
            output = os.path.join(self.folder, f"{victim}-{deaths}-{missed}")
            process = self.start(output)
            time.sleep(chance.uniform(0.05, 0.9) * duration)
            if process.poll() is not None:  # It was done before: that was no death.
                self.finish(process)
                duration *= 0.8
                missed += 1
                self.assertLess(missed, 20 + len(victims))
                continue
            deaths += 1
            self.die(victim, process)
            status, errors = self.finish(process)
            while status != 0:
                resumed += 1
                self.assertLess(resumed, 10 * len(victims), errors)
                status, errors = self.finish(self.start(output))
            self.assertEqual(self.samples(output), want, victim)
            print(f"death {deaths}: the {victim}, and all is there", flush=True)
        print(f"{deaths} deaths in mid-run, resumed {resumed} times, {missed} came too late")


if __name__ == "__main__":
    require_model()
    unittest.main()

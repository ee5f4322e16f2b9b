"""docs/recipe.md, done: its commands, taken out of the page, from a hub's names to voted answers on
two ranks, with small things in place of large ones."""

import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import unittest

from hf_folder import write_folder
from hub import Hub
from qed_run import BINARY, MODEL, read_lines, require_model, temporary_folder
from ranks_run import descendants, environment, require_mpi, wait_until_gone

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "recipe.md"

# What the page says, and what stands for it here; each must be found.
SMALL = (
    ("--size 4096", "--size 24"),
    ("--calib-size 512", "--calib-size 8 --rounding nearest --min-agreement 0"),
    ("--max-batch-size 32 --max-seq-len 24000 --max-input-len 22000",
     "--max-batch-size 8 --max-seq-len 500 --max-input-len 400 --device cpu"),
    ("--with-sandbox --kv-cache", "--with-sandbox --device cpu --threads 1 --port PORT --kv-cache"),
    ("mpirun -n 2", "mpirun --oversubscribe --bind-to none -n 2"),
    ("127.0.0.1:5000", "127.0.0.1:PORT"),
    ("--prompt generic/math --samples", "--prompt generic/math --chat-wrapper none --samples"),
    ("--samples 12 --stop-when agree:5,done:10", "--samples 4 --stop-when agree:3,done:3"),
    ("--max-tokens 12000", "--max-tokens 40"),
    ("--time-per-problem 350 --time-bank 210 --time-cap 560",
     "--time-per-problem 60 --time-bank 20 --time-cap 80"),
)
# The same for the default model, which has 3 heads of keys and values and knows how to use Python.
DEFAULT = (
    ("--model kaggle-engine --tp-size 2", f"--model {os.path.abspath(MODEL)} --tp-size 3"),
    ("mpirun -n 2", "mpirun --oversubscribe --bind-to none -n 3"),
    ("--with-sandbox --kv-cache",
     "--with-sandbox --device cpu --threads 1 --port PORT --max-seq-len 1024 --kv-cache"),
    ("127.0.0.1:5000", "127.0.0.1:PORT"),
    ("--samples 12 --stop-when agree:5,done:10", "--samples 2 --stop-when agree:2"),
    ("--max-tokens 12000", "--max-tokens 100"),
)


def commands():
    """Of the page's `sh` blocks, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class RecipeTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.port = free_port()
        os.mkdir(self.path("bin"))
        os.symlink(os.path.abspath(BINARY), self.path("bin/qed"))
        self.environment = environment(
            PATH=self.path("bin") + ":" + os.environ["PATH"], OMPI_ALLOW_RUN_AS_ROOT="1",
            OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        self.used = set()

    def path(self, name):
        return os.path.join(self.folder, name)

    def small(self, command, rules):
        for said, here in rules:
            if said in command:
                self.used.add(said)
                command = command.replace(said, here)
        return command.replace("PORT", str(self.port))

    def write_contest(self, problems):
        with open(self.path("contest.jsonl"), "w", encoding="utf-8") as file:
            for problem in problems:
                file.write(json.dumps(problem) + "\n")

    def do(self, command):
        run = subprocess.run(command, shell=True, cwd=self.folder, env=self.environment,
                             capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(run.returncode, 0, f"{command}\n{run.stdout}{run.stderr}")
        return run.stdout

    def serve(self, command):
        """In the background, until the line of which the page speaks."""
        server = subprocess.Popen(shlex.split(command), cwd=self.folder, env=self.environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = server.stdout.readline()
        if not re.match(rf"serving \S+ at http://127.0.0.1:{self.port}$", line):
            server.kill()
            self.fail(f"{command}\n{line}{server.communicate()[1]}")
        return server

    def stop(self, server):
        """As the page says it: SIGUSR1 to mpirun drains."""
        everyone = [server.pid, *descendants(server.pid)]
        server.send_signal(signal.SIGUSR1)
        _, errors = server.communicate(timeout=60)
        self.assertEqual(wait_until_gone(everyone, 5), [])
        self.assertEqual(server.returncode, 0, errors)

    def follow(self, lines, rules):
        """Does what the page says: the output of each command but the server."""
        outputs, server = [], None
        for line in lines:
            command = self.small(line, rules)
            if " serve " in command:
                server = self.serve(command)
                continue
            if "--server" not in command and "curl" not in command and server is not None:
                self.stop(server)
                server = None
            outputs.append((command, self.do(command)))
        self.assertIsNone(server)
        self.assertEqual(self.used, {said for said, _ in rules}, "the page says something else now")
        return outputs

    def test_from_a_hub_to_a_report(self):
        write_folder(self.path("weights"))
        files = {name: pathlib.Path(self.path("weights"), name).read_bytes()
                 for name in os.listdir(self.path("weights"))}
        rows = "".join(json.dumps({"problem": f"What is {i} + {i}?", "expected_answer": str(2 * i),
                                   "generated_solution": f"It is {2 * i}. " * 8}) + "\n"
                       for i in range(40))
        hub = Hub({"nvidia/OpenMath-Nemotron-14B-Kaggle": files,
                   "datasets/nvidia/OpenMathReasoning": {
                       "data/tir-00000-of-00001.jsonl": rows.encode(),
                       "data/cot-00000-of-00001.jsonl": b"{}\n"}})
        self.addCleanup(hub.close)
        self.environment = {**hub.environment(self.path("home")), **self.environment,
                            "HF_ENDPOINT": hub.url, "HF_HOME": self.path("home")}
        self.write_contest([{"id": f"p{i}", "problem": f"What is {i} + {i}?",
                             "expected_answer": 2 * i} for i in range(3)])
        outputs = self.follow(commands(), SMALL)
        self.assertEqual(len(outputs), 10)
        self.assertFalse(os.path.exists(self.path("openmath/data/cot-00000-of-00001.jsonl")))
        self.assertEqual(len(read_lines(self.path("calibration.jsonl"))), 24)
        self.assertIn("3 problems, 4 samples each", outputs[-3][1])
        records = read_lines(self.path("results/contest/samples.jsonl"))
        self.assertEqual(len(records), 12)
        self.assertTrue(os.path.getsize(self.path("results/contest/report.html")) > 1000)

    def test_the_default_model_uses_the_sandbox_and_is_right(self):
        self.write_contest([{"problem": "Compute 17 * 12.", "expected_answer": 204}])
        wanted = [line for line in commands()
                  if " serve " in line or "qed solve" in line or "report" in line]
        self.assertEqual(len(wanted), 3, wanted)
        outputs = self.follow(wanted, DEFAULT)
        self.assertIn("204 (2 of 2 votes) expected 204: correct", outputs[0][1])
        records = read_lines(self.path("results/contest/samples.jsonl"))
        self.assertTrue(any(record["code_calls"] for record in records))


if __name__ == "__main__":
    require_model()
    require_mpi()
    unittest.main(verbosity=2)

"""One model on several ranks, which mpirun starts: the same tokens as on one."""

import json
import os
import unittest

from qed_run import MODEL, qed, read_lines, require_model, temporary_folder, write_problems
from ranks_run import environment, require_mpi, run_ranks
from serve_run import Server

ANYWHERE = ("--model", MODEL, "--adapter", "none", "--threads", "1", "--max-seq-len", "512",
            "--kv-cache-bytes", str(32 << 20))
COMMON = (*ANYWHERE, "--device", "cpu")
PROMPT = "Question: How many days are there in three weeks and two days?\nAnswer:"


def generate(*flags):
    run = qed("generate", *COMMON, "--prompt", PROMPT, "--json", "--logprobs", "1",
              "--max-tokens", "40", "--compute", "f32", *flags, env=environment())
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


class SameTokensTest(unittest.TestCase):

    def expect_same(self, one, three):
        self.assertEqual(three["token_ids"], one["token_ids"])
        self.assertEqual(three["text"], one["text"])
        for a, b in zip(one["logprobs"], three["logprobs"], strict=True):
            self.assertAlmostEqual(a["logprob"], b["logprob"], delta=1e-4)

    def test_greedy(self):
        self.expect_same(generate("--temperature", "0"),
                         generate("--temperature", "0", "--tp-size", "3"))

    def test_drawn_and_drafted_in_small_chunks(self):
        drawn = ("--temperature", "0.8", "--seed", "4", "--top-p", "0.95")
        self.expect_same(generate(*drawn), generate(*drawn, "--tp-size", "3", "--draft", "suffix",
                                                    "--max-num-tokens", "7"))

    def test_an_engine_built_for_as_many_ranks(self):
        engine = os.path.join(temporary_folder(self), "engine")
        build = qed("build", "--checkpoint", MODEL, "--adapter", "none", "--device", "cpu",
                    "--tp-size", "3", "--output", engine)
        self.assertEqual(build.returncode, 0, build.stderr)
        flags = ("--threads", "1", "--prompt", PROMPT, "--json", "--max-tokens", "40",
                 "--temperature", "0", "--max-seq-len", "512")
        texts = []
        for model in ("--model", engine), ("--model", MODEL, "--adapter", "none", "--device", "cpu"):
            run = qed("generate", *model, *flags, "--tp-size", "3", env=environment())
            self.assertEqual(run.returncode, 0, run.stderr)
            texts.append(json.loads(run.stdout)["token_ids"])
        self.assertEqual(texts[0], texts[1])
        run = qed("generate", "--model", engine, *flags)
        self.assertIn("is packed for 3 ranks, and this is run on 1 rank: qed build --tp-size 1",
                      run.stderr)

    def test_solve(self):
        folder = temporary_folder(self)
        problems = os.path.join(folder, "sums.jsonl")
        write_problems(problems, [{"problem": f"What is {i} + {i + 3}?"} for i in (4, 19)])
        samples = []
        for ranks in ("1", "3"):
            output = os.path.join(folder, ranks)
            run = qed("solve", problems, *COMMON, "--compute", "f32", "--samples", "2", "--seed",
                      "3", "--max-tokens", "60", "--tp-size", ranks, "--output", output,
                      env=environment())
            self.assertEqual(run.returncode, 0, run.stderr)
            samples.append(sorted((s["problem_id"], s["sample"], json.dumps(s["segments"]),
                                   s["answer"] or "")
                                  for s in read_lines(os.path.join(output, "samples.jsonl"))))
        self.assertEqual(len(samples[0]), 4)
        self.assertEqual(samples[0], samples[1])


class ServerTest(unittest.TestCase):
    """Whatever the engine does with its sequences, all ranks do."""

    FLAGS = ("--model", MODEL, "--device", "cpu", "--threads", "1", "--port", "0", "--compute",
             "f32", "--with-sandbox", "--max-seq-len", "192", "--draft", "suffix",
             "--max-batch-size", "6")

    def start(self, ranks):
        # Of keys and values in f32, a page of 16 tokens takes 737,280 bytes; each rank has its
        # part of all. 16 pages.
        server = Server.__new__(Server)
        server.start(*self.FLAGS, "--tp-size", str(ranks), "--kv-cache-bytes",
                     str(16 * 737280 // ranks), environment=environment())
        self.addCleanup(server.__exit__)
        return server

    def solve(self, server):
        """The texts of several samples of a problem, with their programs."""
        status, request = server.post("/solve/request", {"problem": "Compute 17 * 12."})
        self.assertEqual(status, 200, request)
        reply = server.complete(**{**request, "n": 6, "seed": 5, "stream": False})
        return [(choice["text"], len(choice["code_calls"])) for choice in reply["choices"]]

    def crowd(self, server):
        """The texts of more and longer samples than there are pages for."""
        reply = server.complete(prompt=PROMPT, n=5, seed=5, max_tokens=70, ignore_eos=True)
        return [choice["text"] for choice in reply["choices"]]

    def test_programs_drafts_preemption_and_cancels(self):
        one = self.start(1)
        want, crowd = self.solve(one), self.crowd(one)
        one.__exit__()
        server = self.start(3)
        self.assertEqual(self.solve(server), want)
        self.assertEqual(self.crowd(server), crowd)
        self.assertTrue(all(calls > 0 for _, calls in want), want)
        metrics = server.metrics()
        for name in ("num_preemptions", "prefix_cache_hits", "spec_decode_num_accepted_tokens"):
            self.assertGreater(metrics[f"qed_{name}_total"], 0, name)
        for _ in range(2):
            server.open_stream(prompt=PROMPT, max_tokens=150, ignore_eos=True).close()
        self.assertTrue(server.wait_idle())
        server.terminate()  # which drains, all ranks of it
        self.assertEqual(server.process.wait(timeout=60), 0, server.log)


class RefusalsTest(unittest.TestCase):

    def test_heads_that_do_not_divide(self):
        run = qed("generate", *COMMON, "--prompt", "x", "--tp-size", "2", env=environment())
        self.assertNotEqual(run.returncode, 0)
        lines = [line for line in run.stderr.splitlines() if line.startswith("qed ")]
        self.assertEqual(len(lines), 1, run.stderr)
        self.assertIn("these numbers would do: 3", lines[0])

    def test_another_number_of_ranks_than_launched(self):
        status, _, lines = run_ranks(2, "generate", *COMMON, "--prompt", "x")
        self.assertNotEqual(status, 0)
        self.assertEqual(lines, ["qed generate: --tp-size is 1, but the launcher has started 2 "
                                 "ranks: give --tp-size 2"])

    def test_a_model_that_is_not_there(self):
        run = qed("generate", "--model", "/nowhere.gguf", "--prompt", "x", "--tp-size", "3",
                  env=environment())
        self.assertEqual(len([line for line in run.stderr.splitlines() if "nowhere" in line]), 1)

    def test_a_gpu(self):
        run = qed("generate", *ANYWHERE, "--prompt", "x", "--tp-size", "3", "--device", "cuda",
                  env=environment())
        self.assertNotEqual(run.returncode, 0)
        self.assertEqual(len([line for line in run.stderr.splitlines()
                              if line.startswith("qed generate: ")]), 1)


if __name__ == "__main__":
    require_model()
    require_mpi()
    unittest.main(verbosity=2)

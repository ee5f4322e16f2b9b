"""qed build: engines give what their sources give, come whole or not at all, and say what is
wrong with them."""

import json
import os
import random
import resource
import signal
import subprocess
import time
import unittest

import hf_folder
from hf_folder import to_bf16, write_folder, write_safetensors
from qed_run import BINARY, MODEL, qed, temporary_folder

FAILED, UNUSABLE = 1, 2
PROMPT = "3 times 4 is"


def contents(folder):
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                found[os.path.relpath(os.path.join(path, name), folder)] = file.read()
    return found


def write_drafter(folder, hidden):
    """A ReDrafter head of one layer with random weights."""
    os.makedirs(folder)
    generator = random.Random(7)
    shapes = {"rnn_w.weight": (hidden, hidden), "rnn_u.weight": (hidden, hidden),
              "rnn_u.bias": (hidden,), "lm_head.0.linear.weight": (2 * hidden, 2 * hidden),
              "lm_head.0.linear.bias": (2 * hidden,),
              "lm_head.1.weight": (hf_folder.VOCAB, 2 * hidden)}
    tensors = {}
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        tensors[name] = ("BF16", shape,
                         b"".join(to_bf16(generator.gauss(0, 0.1)) for _ in range(count)))
    write_safetensors(f"{folder}/model.safetensors", tensors)
    with open(f"{folder}/config.json", "w", encoding="utf-8") as file:
        json.dump({"model_type": "recurrent_drafting_drafter", "vocab_size": hf_folder.VOCAB,
                   "hidden_size": hidden, "exit_dim": 2 * hidden, "num_draft_layers": 1,
                   "rnn": True}, file)


class BuildTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.source = self.path("source")
        write_folder(self.source)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def build(self, *flags, source=None, output="engine", **options):
        return qed("build", "--checkpoint", source or self.source, "--output", self.path(output),
                   "--device", "cpu", *flags, **options)

    def good(self, run):
        self.assertEqual(run.returncode, 0, run.stderr)
        return run

    def check_failure(self, run, code, message):
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn(message, run.stderr)

    def generate(self, model, *flags):
        run = self.good(qed("generate", "--model", model, "--prompt", PROMPT, "--max-tokens", "12",
                            "--temperature", "0", "--logprobs", "2", "--device", "cpu", "--json",
                            *flags))
        made = json.loads(run.stdout)
        return made["token_ids"], made["logprobs"]

    def test_engines_give_the_tokens_and_logprobs_of_their_sources(self):
        quantized = {}
        for name, flags in (("row", ("--scales", "row")), ("int8", ("--qformat", "int8_wo"))):
            quantized[name] = self.path(name)
            self.good(qed("quantize", "--model", self.source, "--output", quantized[name], *flags))
        cases = [("bf16", self.source, "none"), ("fp8", quantized["row"], "none"),
                 ("int8", quantized["int8"], "none"), ("fp8-while-building", self.source, "fp8"),
                 ("q8_0", self.source, "q8_0"), ("q8_0-of-int8", quantized["int8"], "q8_0")]
        if os.path.exists(MODEL):
            cases.append(("gguf", MODEL, "none"))  # with the adapter beside it
        for name, source, quantize in cases:
            with self.subTest(name):
                engine = f"engine-{name}"
                self.good(self.build("--quantize", quantize, source=source, output=engine))
                self.assertEqual(self.generate(self.path(engine)),
                                 self.generate(source, "--quantize", quantize))

    def test_the_plan_is_printed_and_inspect_knows_what_an_engine_is(self):
        run = self.good(self.build("--plan-only"))
        self.assertIn("0-1        BF16     whole    BF16  [64, 64]", run.stdout)
        self.assertIn("rank0.weights: ", run.stdout)
        self.assertEqual(os.listdir(self.folder), ["source"])
        self.good(self.build("--tp-size", "2", "--max-batch-size", "7", "--max-seq-len", "300"))
        report = json.loads(self.good(qed("inspect", self.path("engine"), "--json",
                                          "--tensors")).stdout)
        self.assertEqual(report["engine"]["ranks"], 2)
        self.assertEqual(report["engine"]["max_batch_size"], 7)
        self.assertEqual(report["engine"]["source"], "source")
        self.assertEqual(len(report["tensors"]), 2 * (3 + 12 * hf_folder.LAYERS))
        self.assertIn("engine of source for a CPU, 2 ranks",
                      self.good(qed("inspect", self.path("engine"))).stdout)
        self.check_failure(qed("generate", "--model", self.path("engine"), "--prompt", "1"), UNUSABLE,
                           "packed for 2 ranks")

    def test_the_same_source_gives_the_same_bytes_and_the_gpu_layout_needs_no_gpu(self):
        for device in ("cpu", "cuda"):
            for output, threads in (("a", "1"), ("b", "2")):
                self.good(qed("build", "--checkpoint", self.source, "--output",
                              self.path(device + output), "--device", device, "--threads", threads))
            self.assertEqual(contents(self.path(device + "a")), contents(self.path(device + "b")))
        self.check_failure(qed("generate", "--model", self.path("cudaa"), "--prompt", "1",
                               "--device", "cpu"), UNUSABLE, "packed for a GPU")

    def test_limits_are_defaults_that_flags_lower_and_raise(self):
        self.good(self.build("--max-input-len", "8", "--max-seq-len", "40"))
        engine, long = self.path("engine"), "0123456789"
        self.check_failure(qed("generate", "--model", engine, "--prompt", long), UNUSABLE,
                           "--max-input-len is 8")
        run = qed("generate", "--model", engine, "--prompt", long, "--max-input-len", "20",
                  "--max-tokens", "200", "--json", "--ignore-eos")
        self.assertEqual(self.good(run) and len(json.loads(run.stdout)["token_ids"]), 30)
        run = qed("generate", "--model", engine, "--prompt", "01", "--max-seq-len", "20",
                  "--max-tokens", "200", "--json", "--ignore-eos")
        self.assertEqual(self.good(run) and len(json.loads(run.stdout)["token_ids"]), 18)
        self.check_failure(self.build("--max-seq-len", "513", output="x"), UNUSABLE,
                           "the model's context has 512 tokens")
        self.check_failure(self.build("--max-input-len", "40", "--max-seq-len", "40", output="x"),
                           UNUSABLE, "leaves no room for an answer")

    def test_a_drafter_comes_along_once_it_is_checked(self):
        write_drafter(self.path("drafter"), hf_folder.HIDDEN)
        write_drafter(self.path("other"), 32)
        self.check_failure(self.build("--drafter", self.path("other")), UNUSABLE, "hidden size 32")
        self.assertFalse(os.path.exists(self.path("engine")))
        self.good(self.build("--drafter", self.path("drafter")))
        self.assertEqual(sorted(os.listdir(self.path("engine", "drafter"))),
                         ["config.json", "model.safetensors"])
        # Drafts change no token.
        self.assertEqual(self.generate(self.path("engine"))[0], self.generate(self.source)[0])
        with open(self.path("engine", "drafter", "model.safetensors"), "r+b") as file:
            file.seek(2000)
            file.write(b"\xff")
        self.check_failure(qed("generate", "--model", self.path("engine"), "--prompt", "1"), FAILED,
                           "drafter/model.safetensors is not what was written")

    def test_a_build_that_is_killed_leaves_nothing_that_looks_complete(self):
        # 270 MB, so that it is killed amidst.
        command = [BINARY, "build", "--random-weights", "smollm2-135m", "--device", "cuda",
                   "--output", self.path("engine")]
        generator = random.Random(3)
        for _ in range(4):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(generator.uniform(0.02, 0.4))
            process.kill()
            if process.wait() == 0:
                continue
            self.assertFalse(os.path.exists(self.path("engine")))
            for name in os.listdir(self.folder):
                if name.startswith("engine.partial."):
                    run = qed("inspect", self.path(name))
                    self.assertEqual(run.returncode, FAILED, run.stdout)
        self.good(self.build())
        self.assertEqual(sorted(os.listdir(self.folder)), ["engine", "source"])

    def test_targets_that_cannot_be_written_are_one_line_and_keep_nothing(self):
        before = sorted(os.listdir(self.folder))

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        self.check_failure(self.build(preexec_fn=small_files), FAILED,
                           "rank0.weights: File too large")
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        self.check_failure(self.build(output="source"), UNUSABLE, "not an empty folder")
        self.check_failure(qed("build", "--checkpoint", self.source, "--output",
                               "/proc/nothing/engine", "--device", "cpu"), FAILED, "cannot write")
        self.with_mount(["size=200k"], "No space left")
        self.with_mount(["ro"], "Read-only file system")

    def with_mount(self, options, message):
        """On a file system of its own, where the test may make one."""
        point = self.path("mount")
        os.makedirs(point)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "none", point],
                                 capture_output=True, check=False).returncode == 0
        try:
            if mounted:
                self.check_failure(self.build(output="mount/engine"), FAILED, message)
                self.assertEqual(os.listdir(point), [])
        finally:
            if mounted:
                subprocess.run(["umount", point], check=True)
            os.rmdir(point)

    def test_what_cannot_be_built_is_one_line(self):
        cases = [
            (UNUSABLE, "--checkpoint or --random-weights", ("--output", self.path("x"))),
            (UNUSABLE, "--output must be given", ("--checkpoint", self.source)),
            (UNUSABLE, "--device", ("--checkpoint", self.source, "--device", "tpu")),
            (UNUSABLE, "--quantize", ("--checkpoint", self.source, "--quantize", "int4")),
            (UNUSABLE, "is for a CPU",
             ("--checkpoint", self.source, "--device", "cuda", "--quantize", "q8_0")),
            (UNUSABLE, "equal parts of whole heads",
             ("--checkpoint", self.source, "--tp-size", "3")),
            (FAILED, "nothing: no such", ("--checkpoint", self.path("nothing"))),
        ]
        for code, message, flags in cases:
            with self.subTest(message):
                if "--output" not in flags and "--output" not in message:
                    flags = (*flags, "--output", self.path("x"))
                self.check_failure(qed("build", *flags), code, message)
        self.good(self.build())
        engine = self.path("engine")
        self.check_failure(self.build(source=engine, output="x"), UNUSABLE, "an engine already")
        self.check_failure(qed("generate", "--model", engine, "--prompt", "1", "--quantize", "fp8",
                               "--device", "cpu"), UNUSABLE, "give it to qed build")
        self.check_failure(qed("generate", "--model", engine, "--prompt", "1", "--adapter",
                               self.source), UNUSABLE, "give it to qed build")
        self.check_failure(qed("quantize", "--model", engine, "--output", self.path("x"),
                               "--qformat", "int8_wo"), UNUSABLE, "is no HF folder")


if __name__ == "__main__":
    unittest.main()

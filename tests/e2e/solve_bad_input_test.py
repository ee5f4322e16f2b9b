"""Whatever is wrong with what `qed solve` is given, it says so in one line."""

import os
import resource
import signal
import unittest

from qed_run import MODEL, qed, require_model, temporary_folder, write_problems

FAILED, UNUSABLE = 1, 2


class BadInputTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.problems = self.path("good.jsonl")
        write_problems(self.problems, [{"problem": "What is 1 + 1?"}])

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def check(self, exit_code, message, *arguments, **options):
        """The run fails with `exit_code` and one line that contains `message`."""
        run = qed("solve", *arguments, **options)
        self.assertEqual(run.returncode, exit_code, run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn(message, run.stderr)
        self.assertEqual(run.stdout, "")

    def solve(self, *flags, problems=None, model=MODEL):
        """Arguments of a small run; `flags` add to the usual ones or replace them."""
        arguments = [problems or self.problems, "--model", model]
        for flag, value in [("--samples", "1"), ("--max-tokens", "4"), ("--sandbox", "off")]:
            if flag not in flags:
                arguments += [flag, value]
        return (*arguments, *flags)

    def test_problem_lines(self):
        good = b'{"problem": "x", "id": "a"}\n'
        for content, message in [
                (b"", "holds no problems"),
                (good + b"{\n", "line 2"),
                (good + b"\xff\xfe\n", "line 2"),
                (good + b"[]\n", "line 2: is not a JSON object"),
                (good + b'{"id": 5}\n', 'line 2: has no problem'),
                (good + b'{"problem": null}\n', 'line 2: has no problem'),
                (good + b'{"problem": 5}\n', 'line 2: "problem" is not a string'),
                (good + good, 'line 2: id "a" was given before'),
                (b'{"problem": "' + b"x" * 300000 + b'"}\n', "line 1"),
                (b"[" * 100000, "line 1"),
        ]:
            with self.subTest(message):
                self.check(UNUSABLE, message,
                           *self.solve(problems=self.file("bad.jsonl", content)))

    def test_missing_problems(self):
        self.check(FAILED, "none.jsonl", *self.solve(problems=self.path("none.jsonl")))

    def test_flags(self):
        for flags, message in [
                (("--no-such-flag",), "--no-such-flag"),
                (("--samples", "0"), "--samples"),
                (("--samples", "many"), "--samples"),
                (("--temperature", "-1"), "--temperature"),
                (("--top-p", "2"), "--top-p"),
                (("--max-tokens", "0"), "--max-tokens"),
                (("--code-timeout", "0"), "--code-timeout"),
                (("--stop-when", "agree:0"), "--stop-when"),
                (("--sandbox", "remote"), "--sandbox"),
                (("--prompt", "no/such"), "no/such"),
                (("--chat-wrapper", "nonsense"), "nonsense"),
                (("--resume",), "--output"),
                (("--code-begin", ""), "--code-begin"),
                (("--stop", ""), "--stop"),
                (("--threads", "100000"), "--threads"),
                (("--page-size", "7"), "--page-size"),
        ]:
            with self.subTest(flags):
                self.check(UNUSABLE, message, *self.solve(*flags))

    def test_no_model_flag(self):
        self.check(UNUSABLE, "--model", self.problems, "--model", "")

    def test_models(self):
        self.check(FAILED, "none.gguf", *self.solve(model=self.path("none.gguf")))
        with open(MODEL, "rb") as file:
            head = file.read(100000)
        for name, content, exit_code in [("empty.gguf", b"", UNUSABLE),
                                         ("noise.gguf", b"\x5a" * 5000, UNUSABLE),
                                         ("cut.gguf", head, FAILED)]:
            with self.subTest(name):
                self.check(exit_code, name, *self.solve(model=self.file(name, content)))

    def test_prompt_longer_than_the_context(self):
        long = self.path("long.jsonl")
        write_problems(long, [{"id": "big", "problem": "word and " * 20000}])
        self.check(UNUSABLE, 'problem "big"', *self.solve(problems=long))

    def test_prompt_field_that_a_problem_lacks(self):
        prompt = self.file("prompt.yaml", b'user: "{problem} {hint}"\n')
        self.check(UNUSABLE, "{hint}", *self.solve("--prompt", prompt))

    def test_output(self):
        used = self.path("used")
        os.mkdir(used)
        self.file("used/notes.txt", b"mine")
        self.check(UNUSABLE, "--resume", *self.solve("--output", used))
        self.check(UNUSABLE, "no run", *self.solve("--output", used, "--resume"))
        self.check(FAILED, "/proc/results", *self.solve("--output", "/proc/results"))
        plain = self.file("plain", b"")
        self.check(FAILED, plain, *self.solve("--output", plain))

    def test_resume_with_other_settings(self):
        output = self.path("out")
        self.assertEqual(qed("solve", *self.solve("--output", output)).returncode, 0)
        self.check(UNUSABLE, "temperature: it was 0.7 and is now 0.5",
                   *self.solve("--output", output, "--resume", "--temperature", "0.5"))
        self.check(UNUSABLE, "seed: it was 0 and is now 1",
                   *self.solve("--output", output, "--resume", "--seed", "1"))
        write_problems(self.problems, [{"problem": "What is 1 + 2?"}])
        self.check(UNUSABLE, "another problems", *self.solve("--output", output, "--resume"))

    def test_full_disk(self):
        """A file size limit stands for it: writes come back short, then fail."""
        write_problems(self.problems, [{"problem": f"What is {i} + 1?"} for i in range(6)])
        output = self.path("full")
        arguments = self.solve("--output", output)
        self.check_full(arguments)
        resumed = qed("solve", *arguments, "--resume")
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        with open(os.path.join(output, "samples.jsonl"), encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 6)

    def check_full(self, arguments):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))

        run = qed("solve", *arguments, preexec_fn=limit)
        self.assertEqual(run.returncode, FAILED, run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn("cannot write", run.stderr)


if __name__ == "__main__":
    require_model()
    unittest.main()

"""Prompts, transcripts, sandbox-like outputs, failing programs and the overlap check."""

import pathlib
import random
import sys
import unittest

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from qed_training import catalogue, example, overlap, recovery, runner  # noqa: E402

PROGRAM = "from math import gcd\ntotal = gcd(12, 18)\nprint(total)"


class PromptTest(unittest.TestCase):
    def test_texts_are_those_built_into_qed(self):
        source = (ROOT.parent / "src" / "text" / "prompt.cc").read_text()
        literals = "".join(part for i, part in enumerate(source.split('"')) if i % 2)
        for prompt in (example.GENERIC_MATH, example.OPENMATH_TIR.replace("{calls}", "{total_code_executions}")):
            text = prompt.replace("\\", "\\\\").replace("\n", "\\n")
            self.assertIn(text.replace("{problem}", ""), literals.replace("{examples}", "").replace("{problem}", ""))

    def test_transcript_bytes_and_what_is_learnt(self):
        made = example.Example("k", "q?", ["1 +", "print(6)"], ["Traceback\n", "6\n"], "6")
        parts = example.segments(made, example.chat("u", ""))
        self.assertEqual(
            "".join(p.text for p in parts),
            "<|im_start|>system\n<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n"
            "<tool_call>\n1 +\n</tool_call>\n```output\nTraceback\n```\n"
            "<tool_call>\nprint(6)\n</tool_call>\n```output\n6\n```\nThe answer is \\boxed{6}.<|im_end|>")
        self.assertEqual([p.learn for p in parts], [False, False, False, True, False, True])


class RunnerTest(unittest.TestCase):
    def test_sessions_keep_names_and_print_last_values(self):
        self.assertEqual(runner.run_session(["a = 3", "a * 2", "print(a)"]), (["", "6\n", "3\n"], True))

    def test_errors_are_shown_as_the_sandbox_shows_them(self):
        outputs, ok = runner.run_session(["def f():\n    return missing\nf()"])
        self.assertFalse(ok)
        self.assertEqual(outputs[0], "Traceback (most recent call last):\n    f()\n    return missing\n"
                                     "NameError: name 'missing' is not defined\n")

    def test_syntax_errors_are_shown_without_frames(self):
        outputs, ok = runner.run_session(["a = 3\nprint(a))"])
        self.assertFalse(ok)
        self.assertEqual(outputs[0], "Traceback (most recent call last):\n    print(a))\n            ^\n"
                                     "SyntaxError: unmatched ')'\n")
        outputs, ok = runner.run_session([" a = 3"])
        self.assertEqual(outputs[0], "Traceback (most recent call last):\n    a = 3\n"
                                     "IndentationError: unexpected indent\n")

    def test_long_output_is_cut_and_endless_programs_end(self):
        outputs, _ = runner.run_session(["print('x' * 999)"])
        self.assertEqual(outputs[0], "x" * 200 + "<output cut>")
        with self.assertRaises(runner.TooSlow):
            runner.run_session(["while True: pass"], seconds=0.05)


class RecoveryTest(unittest.TestCase):
    def test_faulty_programs_fail_and_are_mended(self):
        failed = 0
        for seed in range(40):
            draft = example.Example("k", "q?", [PROGRAM])
            broken = recovery.break_first(random.Random(seed), draft)
            if broken is None or not catalogue.finish(broken):
                continue
            self.assertEqual(broken.programs[-1], PROGRAM)
            self.assertEqual(broken.answer, "6")
            failed += "Traceback" in broken.outputs[0]
        self.assertGreater(failed, 10)

    def test_arithmetic_is_mended_without_names(self):
        program = "# what is left\nleft = 20 - 3 - 4\npart = left / 2\nprint(40 - part)"
        self.assertEqual(recovery.in_one_line(program), "print(40 - (20 - 3 - 4) / 2)")
        self.assertIsNone(recovery.in_one_line(PROGRAM))
        self.assertIsNone(recovery.in_one_line("print(3 + 4)"))
        draft = example.Example("k", "q?", [program])
        for seed in range(20):
            broken = recovery.break_first(random.Random(seed), draft)
            if broken is not None:
                self.assertEqual(broken.programs[1], "print(40 - (20 - 3 - 4) / 2)")


class OverlapTest(unittest.TestCase):
    def setUp(self):
        self.tests = overlap.TestSet([
            "Ole keeps 12 hens and 5 geese behind the old red barn. How many birds does Ole keep there?",
            "How many is 3 and 4?"])

    def test_the_same_text_with_other_numbers_is_found(self):
        self.assertTrue(self.tests.repeats(
            "Ole keeps 90 hens and 7 geese behind the old red barn. How many birds does Ole keep there?"))
        self.assertTrue(self.tests.repeats("how many is 30 and 41"))

    def test_a_little_changed_text_is_found_and_another_is_not(self):
        self.assertTrue(self.tests.repeats(
            "Today Ole keeps 12 hens and 5 geese behind the old red barn. How many birds does Ole keep?"))
        self.assertFalse(self.tests.repeats("Ole keeps 12 hens in a new barn. How many hens are there?"))


if __name__ == "__main__":
    unittest.main()

"""The generated families: programs run, wordings are whole and held-out ones are apart."""

import importlib.util
import json
import math
import pathlib
import random
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from qed_training import catalogue, held_out, lexicon, stories_change  # noqa: E402

HAS_SYMPY = importlib.util.find_spec("sympy") is not None


def numbers(text):
    return [int(n) for n in re.findall(r"\d+", text)]


def skeleton(question):
    """The question without what is drawn anew each time."""
    words = re.findall(r"[a-z]+", question.lower())
    names = {n.lower() for n in lexicon.FEMALE + lexicon.MALE}
    return " ".join(w for w in words if w not in names)


@unittest.skipUnless(HAS_SYMPY, "needs sympy")
class FamiliesTest(unittest.TestCase):
    def examples(self, count, held):
        for family in catalogue.FAMILIES:
            for i in range(count):
                yield family, catalogue.generate(random.Random(f"{family.name} {i}"), family, held)

    def test_every_program_runs_and_every_text_is_whole(self):
        for held in (False, True):
            for family, example in self.examples(4, held):
                with self.subTest(family=family.name, question=example.question):
                    self.assertNotRegex(example.question, r"[\[\]{}|]|  ")
                    self.assertTrue(example.answer)
                    self.assertNotIn("Traceback", example.outputs[0])
                    self.assertEqual(example.wording, "held-out" if held else "seen")

    def test_there_are_many_families_with_held_out_wordings(self):
        names = [f.name for f in catalogue.FAMILIES]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(set(names), set(held_out.WORDINGS))
        self.assertGreaterEqual(len(names), 20)

    def test_held_out_wordings_are_not_among_the_seen(self):
        for family in catalogue.FAMILIES:
            templates = set(family.common + family.rare)
            for wording in held_out.WORDINGS[family.name]:
                self.assertNotIn(wording, templates, family.name)
            seen = {skeleton(family.example(random.Random(i)).question) for i in range(60)}
            for i in range(20):
                question = family.example(random.Random(i), held_out=True).question
                self.assertNotIn(skeleton(question), seen, family.name)

    def test_a_family_is_a_function_of_the_generator(self):
        for family in catalogue.FAMILIES[::7]:
            first, second = (family.example(random.Random(5)) for _ in range(2))
            self.assertEqual(first, second)

    def test_answers_by_another_way(self):
        by_other_ways = {
            "gcd": lambda q: math.gcd(*numbers(q)[-2:]),
            "lcm": lambda q: math.lcm(*numbers(q)[-2:]),
            "is_divisor_count": lambda q: self.divisors(numbers(q)[-1]),
            "sum_of_integers": lambda q: numbers(q)[-1] * (numbers(q)[-1] + 1) // 2,
            "digit_sum": lambda q: sum(map(int, str(numbers(q)[-1]))),
            "third_angle": lambda q: 180 - sum(numbers(q)[:2]),
        }
        for family in catalogue.FAMILIES:
            if family.name not in by_other_ways:
                continue
            example = catalogue.generate(random.Random(1), family, held_out=True)
            with self.subTest(question=example.question):
                plain = re.sub(r"\b1 (and|with)\b", "", example.question)
                self.assertEqual(float(example.answer), by_other_ways[family.name](plain))

    @staticmethod
    def divisors(n):
        return sum(n % d == 0 for d in range(1, n + 1))

    def test_stories_that_are_put_together(self):
        for make in (stories_change.change_story, catalogue.table, catalogue.plot):
            for i in range(200):
                example = make(random.Random(i))
                self.assertTrue(catalogue.finish(example), example)
                self.assertGreaterEqual(float(example.answer), 0, example)
                self.assertTrue(example.question.endswith(("?", ".")), example.question)
                self.assertNotRegex(example.question, r"[\[\]{}|]|  ")

    def test_numbers_of_a_program_are_those_of_its_question(self):
        constants = {*range(1, 13), 16, 60, 100}  # spelled, twice, a third, units, percent
        for make in (catalogue.table, catalogue.plot):
            for i in range(200):
                example = make(random.Random(i))
                code = re.sub(r"#.*|x\d", "", example.programs[0])
                asked = set(numbers(example.question)) | constants
                self.assertLessEqual(set(numbers(code)), asked, example)


class EvaluationFileTest(unittest.TestCase):
    def test_files_hold_problems_with_answers(self):
        for wording in ("seen", "held-out"):
            path = ROOT / "evaluation" / f"families-{wording}.jsonl"
            rows = [json.loads(line) for line in path.read_text().split("\n") if line]
            self.assertEqual(len(rows), 150)
            self.assertEqual(len({r["id"] for r in rows}), 150)
            for row in rows:
                self.assertTrue(row["problem"] and row["expected_answer"], row)

    @unittest.skipUnless(HAS_SYMPY, "needs sympy")
    def test_files_are_what_the_generator_makes(self):
        import build_data

        for wording, rows in build_data.evaluation_problems().items():
            path = ROOT / "evaluation" / f"families-{wording}.jsonl"
            expected = [json.loads(line) for line in path.read_text().split("\n") if line]
            self.assertEqual(rows, expected, "build_data.py --help says how to write them anew")


if __name__ == "__main__":
    unittest.main()

"""Worked solutions become programs, numbers vary, steps become questions."""

import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from qed_training import gsm8k, naming, runner, subquestions, surface  # noqa: E402

QUESTION = (
    "Ida picked 24 plums on Monday. On Tuesday she picked half as many plums. She sold every plum "
    "for $3. How much money did she get?"
)
SOLUTION = (
    "Ida picked 24/2 = <<24/2=12>>12 plums on Tuesday.\n"
    "She picked 24+12 = <<24+12=36>>36 plums altogether.\n"
    "She got 36*3 = $<<36*3=108>>108.\n#### 108"
)


def output(worked):
    (text,), ok = runner.run_session([worked.program()])
    assert ok, text
    return float(text)


class ConvertTest(unittest.TestCase):
    def test_marks_become_lines_and_results_become_names(self):
        worked = gsm8k.convert(QUESTION, SOLUTION, "108")
        self.assertEqual([s.expression for s in worked.steps][0], "24 / 2")
        names = [s.name for s in worked.steps]
        self.assertEqual(worked.steps[1].expression, f"24 + {names[0]}")
        self.assertEqual(worked.steps[2].expression, f"{names[1]} * 3")
        self.assertEqual(output(worked), 108)

    def test_comments_do_not_give_results_away(self):
        program = gsm8k.convert(QUESTION, SOLUTION, "108").program()
        comments = [line for line in program.split("\n") if line.startswith("#")]
        self.assertTrue(comments)
        for computed in ("12", "36", "108"):
            self.assertFalse(any(computed in c for c in comments), comments)

    def test_percent(self):
        worked = gsm8k.convert(
            "A shop has 50 hats and sells 20% of them. How many hats are sold?",
            "It sells 50*.2=<<50*.2=10>>10 hats.\n#### 10", "10")
        self.assertEqual(worked.steps[0].expression, "50 * 20 / 100")

    def test_calculations_without_a_mark_are_steps_too(self):
        worked = gsm8k.convert(
            "Al sells 60 mugs on Monday, 20 more on Tuesday and 12 on Sunday. How many is that?",
            "On Tuesday Al sells 60 + 20 = 80 mugs.\nThat is 60+80+12=<<60+80+12=152>>152 mugs.\n#### 152",
            "152")
        self.assertEqual([s.expression for s in worked.steps][0], "60 + 20")
        self.assertFalse(gsm8k.has_unexplained_number(worked))

    def test_solutions_that_do_not_lead_to_the_answer(self):
        for solution in ("no marks\n#### 5", "<<2+2=5>>5\n#### 5", "<<2+3=5>>5\n#### 6",
                         "<<x+3=5>>5\n#### 5", "<<1/0=5>>5\n#### 5"):
            self.assertIsNone(gsm8k.convert("2 and 3?", solution, solution.split()[-1]), solution)

    def test_numbers_worked_out_in_the_head_are_noticed(self):
        worked = gsm8k.convert("Bo has 40 nuts and eats 8. Then he eats 9 more. How many are left?",
                               "Bo has 40-17=<<40-17=23>>23 nuts.\n#### 23", "23")
        self.assertTrue(gsm8k.has_unexplained_number(worked))
        self.assertFalse(gsm8k.has_unexplained_number(gsm8k.convert(QUESTION, SOLUTION, "108")))

    def test_only_needed_steps_stay(self):
        worked = gsm8k.convert("Al has 5 hats, 6 caps and 7 bags. How many hats and bags?",
                               "<<5+6=11>>11 hats and caps\n<<5+7=12>>12 things\n#### 12", "12")
        self.assertEqual(len(worked.steps), 1)


class VaryTest(unittest.TestCase):
    def test_question_and_program_change_together(self):
        worked = gsm8k.convert(QUESTION, SOLUTION, "108")
        self.assertEqual(gsm8k.variable_numbers(worked), [3.0, 24.0])
        made = [gsm8k.vary(random.Random(i), worked) for i in range(30)]
        made = [m for m in made if m is not None]
        self.assertGreater(len({m.question for m in made}), 10)
        for varied in made:
            monday, price = (gsm8k.numbers_in(varied.question)[i] for i in (0, 1))
            self.assertEqual(varied.answer, (monday + monday / 2) * price)
            self.assertEqual(output(varied), varied.answer)
            self.assertTrue(all(s.value == int(s.value) and s.value > 0 for s in varied.steps))

    def test_spelled_and_repeated_numbers_stay(self):
        worked = gsm8k.convert("Eva has 2 cats and twice as many dogs, and 9 owls. How many owls and dogs?",
                               "<<2*2=4>>4 dogs\n<<4+9=13>>13\n#### 13", "13")
        self.assertEqual(gsm8k.variable_numbers(worked), [9.0])


    def test_what_a_percentage_leaves_is_not_mistaken_for_a_number(self):
        worked = gsm8k.convert("Of 60 hens 40% are red. How many are not?",
                               "60*60/100=<<60*60/100=36>>36\n#### 36", "36")
        self.assertEqual(gsm8k.variable_numbers(worked), [])


class SubquestionsTest(unittest.TestCase):
    def test_a_step_becomes_a_question(self):
        made = subquestions.subquestions(gsm8k.convert(QUESTION, SOLUTION, "108"))
        questions = [m.question.rsplit(". ", 1)[1] for m in made]
        self.assertIn("How many plums did Ida pick on Tuesday?", questions)
        self.assertEqual(output(made[0]), 12)


    def test_conditions_and_leading_times_are_kept(self):
        worked = gsm8k.convert(
            "Ida has 3 boxes of 8 pens. On Monday she sells 5 pens. If Bo has 4 pens, how many do both have?",
            "Ida has 3*8=<<3*8=24>>24 pens at first.\nOn Monday, she had 24-5=<<24-5=19>>19 pens left.\n"
            "Both have 19+4=<<19+4=23>>23 pens.\n#### 23", "23")
        first, second = subquestions.subquestions(worked)[:2]
        self.assertTrue(first.question.endswith("Bo has 4 pens. How many pens does Ida have at first?"))
        self.assertTrue(second.question.endswith("How many pens did she have left on Monday?"), second)

    def test_listed_counts_are_compared_and_added(self):
        worked = gsm8k.convert("Ida has 9 red hats and 4 blue caps. She gets 2 hats. How many hats?",
                               "<<9+2=11>>11 hats\n#### 11", "11")
        made = subquestions.subquestions(worked)
        self.assertEqual([m.program() for m in made[-2:]], ["print(9 - 4)", "print(9 + 4)"])
        self.assertTrue(made[-2].question.endswith("How many more red hats than blue caps are there?"))


class NamingTest(unittest.TestCase):
    def test_names_are_single_words_and_the_result_stays(self):
        worked = gsm8k.convert(QUESTION, SOLUTION, "108")
        short = naming.shorten(worked.program())
        names = [line.split(" = ")[0] for line in short.split("\n") if " = " in line]
        self.assertEqual(len(set(names)), 3)
        self.assertTrue(all(name.isalpha() and name.islower() for name in names), names)
        (text,), _ = runner.run_session([short])
        self.assertEqual(float(text), 108)

    def test_every_name_is_free(self):
        program = "\n".join(f"# the total\nthe_total_{i} = {i}" for i in range(40)) + "\nprint(the_total_7)"
        short = naming.shorten(program)
        names = [line.split(" = ")[0] for line in short.split("\n") if " = " in line]
        self.assertEqual(len(set(names)), 40)
        self.assertEqual(short.split("\n")[-1], f"print({names[7]})")


class SurfaceTest(unittest.TestCase):
    def test_small_numbers_as_words(self):
        text = surface.spell(random.Random(1), "He has 3 hats, 40 caps, $5 and 2.5 pies in 4 bags.", 1)
        self.assertEqual(text, "He has three hats, 40 caps, $5 and 2.5 pies in four bags.")

    def test_names_change_everywhere_and_keep_their_gender(self):
        mapping = surface.name_map(random.Random(1), "Ida and Ben like Ida")
        self.assertEqual(set(mapping), {"Ida", "Ben"})
        self.assertIn(mapping["Ida"], surface.lexicon.FEMALE)
        self.assertIn(mapping["Ben"], surface.lexicon.MALE)
        text = surface.apply_words("Ida has ida_plums, Ben none", mapping | {"plums": "pears"})
        new = mapping["Ida"]
        self.assertEqual(text, f"{new} has {new.lower()}_pears, {mapping['Ben']} none")


if __name__ == "__main__":
    unittest.main()

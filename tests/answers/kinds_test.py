#!/usr/bin/env python3
"""Every kind of answer that solving.md names, by cases that are generated: what must be equal,
what must not be, and that no text takes long."""
import pathlib
import random
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "src" / "solve"))

try:
    import mpmath  # noqa: F401
except ImportError:
    print("skipped: this Python has no mpmath (python3-mpmath)")
    sys.exit(77)

from equality.comparison import compare  # noqa: E402

ROUNDS = 12
LETTERS = "abcdkmnprstuvwxyz"


class Kinds(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(self.id())

    def same(self, *texts, expected=False):
        for other in texts[1:]:
            self.assertEqual(compare(texts[0], other, expected), "equal", (texts[0], other))
            self.assertEqual(compare(other, texts[0], expected), "equal", (other, texts[0]))

    def differ(self, *texts):
        for place, one in enumerate(texts):
            for other in texts[place + 1:]:
                for lenient in (False, True):
                    self.assertNotEqual(compare(one, other, lenient), "equal", (one, other))
                    self.assertNotEqual(compare(other, one, lenient), "equal", (other, one))

    def rounds(self):
        """Two different whole numbers from 2 to 30, and two different letters."""
        for _ in range(ROUNDS):
            yield *self.random.sample(range(2, 31), 2), *self.random.sample(LETTERS, 2)

    def test_braces(self):
        for a, b, x, _ in self.rounds():
            self.differ(f"{a}^{{{x}-{b}}}", f"{a}^{{{x}}}-{b}", f"{a}^{{-{x}}}-{b}")
            self.differ(f"\\sqrt{{{x}+{a}}}", f"\\sqrt{{{x}}}+{a}")
            self.differ(f"\\binom{{{x}}}{{{b}+1}}", f"\\binom{{{x}}}{{{b}}}+1")
            self.differ(f"\\frac{{{a}}}{{{x}+{b}}}", f"\\frac{{{a}}}{{{x}}}+{b}")
            self.same(f"{x}^{{{a}}}", f"{x}^{a}", f"{{{x}}}^{{{a}}}")

    def test_letter_case(self):
        for a, _, x, y in self.rounds():
            self.differ(f"{x.upper()}^{a}-{x}^{a}", f"{x}^{a}-{x.upper()}^{a}")
            self.differ(x, x.upper())
            self.differ(f"{x}{y.upper()}", f"{x.upper()}{y}")

    def test_fractions(self):
        for a, b, x, y in self.rounds():
            self.differ(f"\\frac{{{a}}}{{{b}}}{x}", f"\\frac{{{a}}}{{{b}{x}}}")
            self.differ(f"\\frac{{{x}+{y}}}{{{a}{y}}}", f"\\frac{{{x}+{y}}}{{{a}}}{y}")
            self.same(f"\\frac{{{a}}}{{{b}}}{x}", f"\\frac{{{a}{x}}}{{{b}}}", f"{a}{x}/{b}")

    def test_numbers(self):
        for a, b, _, _ in self.rounds():
            big = 1000 * a + b
            digits = f"{a},{b:03}"
            self.same(str(big), digits, digits.replace(",", "{,}"), digits.replace(",", ",\\! "),
                      digits.replace(",", "\\,"), digits.replace(",", " "), f"{big}.0")
            self.differ(f"0,{b:03}", str(b))
            self.differ(f"{a + 1}!", str(a + 1))
            block = str(a % 9 or 1)
            fraction = f"\\frac{{{block}}}{{9}}" if block != "9" else "1"
            self.same(f"0.{block * 3}...", f"0.\\overline{{{block}}}", fraction)
            self.differ(f"0.{block * 3}", fraction)
            self.same(f"{a}\\frac{{1}}{{{b}}}", f"{a} 1/{b}", f"{a}+\\frac1{{{b}}}")
            self.same(f"{a}\\text{{ million}}", f"{a}000000", f"{a},000,000")

    def test_text_groups_and_units(self):
        for a, _, x, y in self.rounds():
            for unit in ("cm", "square feet", "students", "dollars", "yuan", "degrees", "units"):
                self.same(str(a), f"{a}\\text{{ {unit}}}", f"{a}\\,\\mathrm{{{unit}}}")
            for words in ("million", "or fewer", "or more", "and odd primes", "less", "dozen"):
                self.differ(str(a), f"{a}\\text{{ {words}}}")
            self.differ(f"{a}\\text{{ cm}}", f"{a}\\text{{ m}}", f"{a}\\text{{ cm}}^2")
            self.same(f"{a}\\text{{ cm}}^{{2}}", f"{a}cm^2", f"{a} square centimeters", str(a))
            self.differ(f"{a}", f"{a}\\mathrm{{i}}", f"{a}\\mathrm{{e}}")
            self.differ(f"{a}\\mathbf{{i}}", f"{a}\\mathbf{{j}}", f"{a}i")
            self.differ(f"{a}{x}", f"{a}\\text{{ {x * 4} }}{y}")

    def test_names(self):
        for a, b, x, y in self.rounds():
            self.same(f"{x}={a},{y}={b}", f"{y}={b},{x}={a}", f"{x}={a} \\text{{ and }} {y}={b}")
            self.differ(f"{x}={a},{y}={b}", f"{x}={b},{y}={a}")
            self.same(f"({x},{y})=({a},{b})", f"({a},{b})", f"{x}={a},{y}={b}")
            self.differ(f"({x},{y})=({a},{b})", f"({x},{y})=({b},{a})")
            self.same(f"{x}={a},{b}", f"{x}={b} \\text{{ or }} {x}={a}", f"{b},{a}")
            for name in ("BC", "f(2)", "\\angle ABC", "|AB|", "S_{ABC}", x, f"{x}_1",
                         "\\text{Area}", "f'(0)"):
                self.same(f"{name}={a}", str(a))
                self.differ(f"{name}={a}", str(b))
            self.differ(f"{x}={a}", f"{y}={a}")
            self.same(f"{x}={a}\\cdot{b}={a * b}", str(a * b))
            self.same(f"\\log({10 ** (a % 5)})={a % 5}", f"\\log {10 ** (a % 5)}={a % 5}", str(a % 5))
            self.differ("\\cos\\pi=-1, \\sin\\pi=0", "\\cos\\frac\\pi2=0, \\sin\\frac{3\\pi}2=-1")
            self.same(f"\\frac{{1}}{{\\sqrt{{{a}}}}}\\approx0.5", f"\\frac{{\\sqrt{{{a}}}}}{{{a}}}")

    def test_lists(self):
        for a, b, _, _ in self.rounds():
            one, other, third = self.random.sample("ABCDF", 3)
            self.same(f"{one},{other}", f"{other}, {one}", f"\\text{{{one} and {other}}}",
                      f"\\{{{other},{one}\\}}")
            self.differ(f"{one},{other}", f"{one},{third}")
            self.same(one, f"\\textbf{{({one})}}\\ {a}", f"\\text{{({one})}}", f"({one})")
            self.differ(other, f"\\textbf{{({one})}}\\ {a}", f"\\text{{{third}: the third}}")
            self.same(f"\\pm{a}", f"{a},-{a}")
            self.same(f"\\pm{a}\\pm\\sqrt{{3}}", f"{a}+\\sqrt3,{a}-\\sqrt3,-{a}+\\sqrt3,-{a}-\\sqrt3")
            self.differ(f"({a},{b})", f"({b},{a})", f"\\{{{a},{b}\\}}")
        self.same("\\emptyset", "\\varnothing", "\\{\\}", "\\{ \\}")
        self.differ("\\emptyset", "0", "\\text{no solution}")

    def test_roots_of_negative_numbers(self):
        for a, _, _, _ in self.rounds():
            for degree in (3, 5, 7):
                self.same(f"\\sqrt[{degree}]{{-{a ** degree}}}", f"-{a}")
                self.same(f"\\sqrt[{degree}]{{-{a}}}", f"-\\sqrt[{degree}]{{{a}}}")
            self.same(f"\\sqrt{{-{a * a}}}", f"{a}i")

    def test_bars_and_values_at_zero(self):
        for a, b, x, y in self.rounds():
            for far in (a, a * 1000, a * 10 ** 7):
                self.differ(f"|{x}+{far}|", f"{x}+{far}")
                self.differ(f"|{x}-{far}|", f"{x}-{far}")
                self.differ(f"\\sqrt{{({x}+{far})^2}}", f"{x}+{far}")
            self.same(f"{a}|{x}|", f"|{a}{x}|", f"\\lvert {a}{x}\\rvert", f"\\sqrt{{{a * a}{x}^2}}")
            self.differ(f"P(0)e^{{{a}{x}}}", f"P(0)e^{{-{a}{x}}}")
            self.differ(f"{a}+10^{{-{b + 20}}}", str(a))
            self.differ(f"\\sqrt{{{a}}}+10^{{-{b + 20}}}", f"\\sqrt{{{a}}}")

    def test_lines_and_ratios(self):
        for a, b, _, _ in self.rounds():
            self.same(f"y={a}x+{b}", f"{a}x-y+{b}=0", f"y-{b}={a}x")
            self.differ(f"y={a}x+{b}", f"{a}x+y+{b}=0", f"y={b}x+{a}")
            self.same(f"{a}:{b}", f"{7 * a}:{7 * b}")
            self.differ(f"{a}:{b}", f"{b}:{a}")
            self.differ("12:00", "1:00")

    def test_sets_of_numbers(self):
        for a, b, x, _ in self.rounds():
            low, high = sorted((a, b))
            self.same(f"\\{{{x}\\mid {x}>{a}\\}}", f"({a},\\infty)",
                      f"\\{{{x} \\in \\mathbb{{R}} : {x} > {a}\\}}")
            self.same(f"[0,{low}]\\cup[{low},{high}]", f"[0,{high}]")
            self.differ(f"[0,{low})\\cup({low},{high}]", f"[0,{high}]")
            self.same(f"{low}<{x}<{high}", f"({low},{high})", expected=True)
            self.assertEqual(compare(f"{low}<{x}<{high}", f"({low},{high})"), "different")
            self.differ(f"{low}<{x}<{high}", f"[{low},{high})", f"({low},{high + 1})")
            self.same(f"\\mathbb{{R}}\\setminus\\{{{a}\\}}",
                      f"(-\\infty,{a})\\cup({a},\\infty)")

    def test_matrices(self):
        for a, b, _, _ in self.rounds():
            rows = f"{a}&{b}\\\\1&2"
            self.same(f"\\begin{{pmatrix}}{rows}\\end{{pmatrix}}",
                      f"\\left[\\begin{{array}}{{cc}}{rows}\\end{{array}}\\right]",
                      f"\\begin{{bmatrix}}{a}&{b}\\\\[4pt]1&2\\\\\\end{{bmatrix}}",
                      f"\\begin{{pmatrix}}{a}&{b}\\cr 1&2\\end{{pmatrix}}",
                      f"\\frac12\\begin{{pmatrix}}{2 * a}&{2 * b}\\\\2&4\\end{{pmatrix}}")
            self.same(f"\\begin{{vmatrix}}{rows}\\end{{vmatrix}}", str(2 * a - b))
            self.differ(f"\\begin{{pmatrix}}{rows}\\end{{pmatrix}}",
                        f"\\begin{{pmatrix}}{b}&{a}\\\\1&2\\end{{pmatrix}}",
                        f"\\begin{{pmatrix}}{a}&1\\\\{b}&2\\end{{pmatrix}}")

    def test_macros(self):
        for a, b, _, _ in self.rounds():
            low, high = sorted((a, b))
            self.same(f"\\sum_{{k=1}}^{{{a}}}k", str(a * (a + 1) // 2))
            self.same(f"\\prod_{{k=1}}^{{{a}}}k", f"{a}!")
            self.same(f"\\max({a},{b})", f"\\max\\{{{b},{a}\\}}", str(high))
            self.same(f"\\gcd({6 * a},{6 * a + 6})", "6")
            self.same(f"\\operatorname{{lcm}}({a},{a})", f"\\textstyle {a}", f"\\Bigl({a}\\Bigr)")
            self.same(f"\\dbinom{{{high}}}{{1}}", str(high))
            self.same(f"{low} \\pmod{{{high}}}", f"x\\equiv{low + high}\\pmod {high}")
            self.same(f"\\boxed{{{a}}}", str(a))
            self.same(f"\\sec^{{-1}}{a}", f"\\cos^{{-1}}\\frac{{1}}{{{a}}}")
            self.same(f"{a}^\\circ30'", f"{a}.5")
            self.differ(f"\\log(0.{a:02})=-2", f"\\log(0.{a:02})=2")
        self.same("½", "\\frac12", "0.5")

    def test_no_text_takes_long(self):
        for text in ("a" * 900, "a," * 450, "1," * 450, "(" * 900, "\\text{" * 150, "{" * 900,
                     "1,234" * 180, "a'" * 400, "a.b-" * 200, "\\frac" * 150, "-" * 900, "|" * 900,
                     "x^" * 400, "2^{" * 200 + "2" + "}" * 200, "9^{9^{9^{9}}}", "1000!" * 100,
                     "\\sqrt{" * 120 + "2" + "}" * 120, "no solution " * 70, "\\pm1" * 200,
                     "(x+1)^{99}" * 90, "\\sum_{k=1}^{400}" * 8 + "k"):
            start = time.process_time()
            for other in ("\\sqrt{8}", text + "+1"):
                self.assertNotEqual(compare(other, text), "equal", text[:40])
            self.assertLess(time.process_time() - start, 3, text[:40])


if __name__ == "__main__":
    unittest.main(verbosity=1)

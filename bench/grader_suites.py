#!/usr/bin/env python3
"""Makes pairs for bench/compare_graders.py of the test suites of Math-Verify and NeMo-Skills.

usage: bench/grader_suites.py --math-verify FOLDER --nemo-skills FOLDER > pairs.jsonl
       FOLDERs are clones of their repositories:
           git clone https://github.com/huggingface/Math-Verify
           git clone https://github.com/NVIDIA-NeMo/Skills

Reads the parameters of their tests, which stay where they are. Both test finding an answer in a
text together with comparing; a pair holds the answers alone: the last box (or several that are
joined by commas or "and"), else the last formula, else the text. Not countable, and
left out with a reason on standard error: where a side is found in prose by rules that are
the grader's own, where the test sets an option (a precision, "strict", the kind of set that is
taken for another), and what is no text.
"""
import argparse
import ast
import json
import math
import pathlib
import re
import sys

MAX_PROSE_WORDS = 3  # outside of formulas
# Tests of what the test itself configures.
OPTION_TESTS = {"test_set_rel_assymetry", "test_float_precision",
                "test_strict_variable_comparison"}
NEAR = 60  # characters between boxes of one answer
NUMBER = re.compile(r"-?\d[\d.,]*(?:/\d+)?\s?%?")
SAID = re.compile(r"inal answer is|inal Answer:")
JOINED = re.compile(r"(?:[\s,.$\\()\[\]]|\\quad|\\text\{\s*and\s*\}|\band\b)*")
FORMULA = re.compile(r"(?s)\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)|(?<!\\)\$(.+?)(?<!\\)\$")


def rows_of(path):
    """(test, parameters) of each parametrised test of a file."""
    for function in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for decorator in function.decorator_list:
            if not isinstance(decorator, ast.Call) or len(decorator.args) < 2:
                continue
            try:
                rows = eval(ast.unparse(decorator.args[1]), {"math": math})  # literals, and sqrt
            except (NameError, SyntaxError):
                continue  # objects of the package
            for row in rows:
                yield function.name, row


def boxes(text):
    """(begin, end, content) of the boxes that close."""
    found, at = [], text.find("\\boxed{")
    while at >= 0:
        depth = 0
        for end in range(at + len("\\boxed"), len(text)):
            depth += (text[end] == "{") - (text[end] == "}")
            if depth == 0:
                found.append((at, end + 1, text[at + len("\\boxed{"):end]))
                break
        at = text.find("\\boxed{", at + 1)
    return found


def answer_in(text):
    """(the answer, why it is not countable)"""
    found = boxes(text)
    if found and SAID.search(text, found[-1][1]):
        return answer_in_prose(text)
    if found:
        first = len(found) - 1
        while first and JOINED.fullmatch(text[found[first - 1][1]:found[first][0]]):
            first -= 1
        if first == len(found) - 1 and first and found[first][0] - found[first - 1][1] < NEAR:
            return None, "an answer in several boxes with words between them"
        return ", ".join(content for _, _, content in found[first:]), None
    if "\\boxed" in text:
        return None, "a box that does not close"
    formulas = [next(part for part in match.groups() if part is not None)
                for match in FORMULA.finditer(text)]
    words = re.findall(r"[A-Za-z]{2,}", FORMULA.sub(" ", text) if formulas else
                       re.sub(r"\\[A-Za-z]+|\{[^}]*\}", " ", text))
    if len(words) > MAX_PROSE_WORDS or (not formulas and len(words) > 1 and " " in text) or (
            words and text.count("$") == 1) or SAID.search(text):
        return answer_in_prose(text)
    if len(formulas) > 1:
        return None, "an answer in several formulas"
    return (formulas[0] if formulas else text), None


def answer_in_prose(text):
    """What is said to be the final answer: the last formula or number behind those words;
    else the last number in a text without formulas."""
    said = [match.start() for match in SAID.finditer(text)]
    rest = re.split(r"\.\s", text[said[-1]:])[0] if said else text
    formulas = [match for match in FORMULA.finditer(rest)
                if not re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", match[0])]
    numbers = list(NUMBER.finditer(rest))
    if numbers and (not formulas or (said and numbers[-1].start() > formulas[-1].end())):
        return numbers[-1][0].rstrip(".,"), None
    first = len(formulas) - 1
    while first > 0 and JOINED.fullmatch(rest[formulas[first - 1].end():formulas[first].start()]):
        first -= 1
    if formulas and (said or first == 0):
        return ", ".join(next(part for part in match.groups() if part is not None)
                         for match in formulas[first:]), None
    return None, "an answer in prose"


def as_pair(test, row):
    """(expected, given, equal), or a reason"""
    if test == "test_correct_examples":
        row = (*row, 1)
    if test == "test_incorrect_examples":
        row = (*row, 0)
    if test in OPTION_TESTS or (len(row) > 3 and row[3] not in (True, 6)):
        return "the test sets an option"
    if row[0] is None or row[1] is None:
        return "no text"
    if any("\n" in str(side).strip("$\n ") or "$ \n" in str(side) for side in row[:2]) and not row[2]:
        return "a formula over several lines, which one suite takes for none"
    sides = [answer_in(str(side)) for side in row[:2]]
    reason = next((why for _, why in sides if why), None)
    return reason or (sides[0][0], sides[1][0], bool(row[2]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--math-verify", type=pathlib.Path)
    parser.add_argument("--nemo-skills", type=pathlib.Path)
    options = parser.parse_args()
    files = []
    if options.math_verify:
        files += sorted((options.math_verify / "tests").glob("test_*.py"))
    if options.nemo_skills:
        files.append(options.nemo_skills / "tests" / "test_math_equal.py")
    if not files:
        parser.error("give --math-verify, --nemo-skills or both")
    counts = {}
    for path in files:
        for test, row in rows_of(path):
            pair = as_pair(test, row)
            if isinstance(pair, str):
                counts[pair] = counts.get(pair, 0) + 1
                continue
            counts["countable"] = counts.get("countable", 0) + 1
            print(json.dumps({"kind": f"{path.stem}.{test}", "a": pair[0], "b": pair[1],
                              "equal": pair[2]}))
    for reason, count in counts.items():
        print(f"{count} rows: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()

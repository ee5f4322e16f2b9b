"""Selection and equal answers with the real model and sandbox: judgments are made,
recorded and counted, and a resumed run makes only the missing ones; an answer in
another form than the expected one is right. The prompts are patterns that the model
goes on with: how well it judges is not looked at."""

import json
import os
import unittest

from qed_run import MODEL, qed, read_lines, require_model, temporary_folder, write_problems

PROMPT = r"""
user: "{problem}"
"""
SELECT_PROMPT = r"""
user: "{solutions}\nJudgment: {max_idx}.\nJudgment: {max_idx}.\nJudgment: {max_idx}.\nJudgment: {max_idx}.\n"
"""


def pattern(*answers):
    return "".join(f"The answer is \\boxed{{{answer}}}.\n" for answer in answers) + "The answer is"


class SelectTest(unittest.TestCase):

    def setUp(self):
        folder = temporary_folder(self)
        self.output = os.path.join(folder, "out")
        self.prompts = [os.path.join(folder, name) for name in ("p.yaml", "s.yaml")]
        for path, text in zip(self.prompts, (PROMPT, SELECT_PROMPT)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        self.problems = os.path.join(folder, "patterns.jsonl")
        write_problems(self.problems, [
            {"id": "divided", "problem": pattern(1, 2, 2, 1, 1, 2), "expected_answer": "2"},
            {"id": "equal", "problem": pattern(*[r"\sqrt{12}"] * 4),
             "expected_answer": r"2\sqrt{3}"}])

    def solve(self, *flags):
        run = qed("solve", self.problems, "--model", MODEL, "--adapter", "none", "--prompt",
                  self.prompts[0], "--chat-wrapper", "none", "--stop", r".\n", "--output",
                  self.output, "--samples", "8", "--max-tokens", "30", "--max-code-calls", "0",
                  "--temperature", "1", "--top-p", "1", "--select", "genselect",
                  "--select-prompt", self.prompts[1], "--select-samples", "3",
                  "--select-max-tokens", "20", *flags)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def records(self, name):
        return read_lines(os.path.join(self.output, name))

    def test_selection_and_equality(self):
        printed = self.solve()
        self.assertIn("genselect@8:", printed)
        samples = {(s["problem_id"], s["sample"]): s for s in self.records("samples.jsonl")}
        right = [s for s in samples.values() if s["boxed"] == r"\sqrt{12}"]
        self.assertTrue(right)
        self.assertTrue(all(s["correct"] for s in right))

        selections = self.records("selections.jsonl")
        divided = [s for s in selections if s["problem_id"] == "divided"]
        self.assertEqual(sorted(s["selection"] for s in divided), [0, 1, 2])
        self.assertTrue(any(s["choice"] is not None for s in divided))
        for selection in selections:
            if selection["choice"] is None:
                continue
            self.assertIn("udg", selection["text"])
            sample = selection["candidates"][selection["choice"]]
            chosen = samples[selection["problem_id"], sample]
            self.assertEqual(selection["answer_class"],
                             chosen.get("answer_class") or chosen["answer"])
        with open(os.path.join(self.output, "metrics.json"), encoding="utf-8") as file:
            row = json.load(file)["patterns"]["genselect@8"]
        self.assertEqual(row["num_selections"], len(selections))

        # As if it had been killed before the last one.
        path = os.path.join(self.output, "selections.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(s) + "\n" for s in selections[:-1])
        self.solve("--resume")
        again = self.records("selections.jsonl")
        self.assertEqual(again[:-1], selections[:-1])
        self.assertEqual([again[-1][key] for key in ("selection", "text", "choice")],
                         [selections[-1][key] for key in ("selection", "text", "choice")])


if __name__ == "__main__":
    require_model()
    unittest.main()

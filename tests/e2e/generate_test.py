"""`qed generate`: what it prints, and that it says in one line what it cannot do."""

import json
import unittest

from qed_run import MODEL, qed, require_model

FAILED, UNUSABLE = 1, 2
# Little memory, so that the test runs beside others.
SMALL = ("--model", MODEL, "--threads", "2", "--kv-cache-bytes", str(64 << 20))


def generate(*flags, **options):
    adapter = () if "--adapter" in flags else ("--adapter", "none")
    return qed("generate", *SMALL, *adapter, *flags, **options)


class GenerateTest(unittest.TestCase):

    def result(self, *flags, **options):
        run = generate("--json", *flags, **options)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stdout.count("\n"), 1)
        return json.loads(run.stdout)

    def test_json_has_every_field(self):
        out = self.result("--prompt", "Two and two are", "--max-tokens", "5", "--temperature", "0",
                          "--ignore-eos", "--logprobs", "3")
        self.assertEqual(set(out), {"text", "token_ids", "finish_reason", "stop_reason",
                                    "logprobs", "usage"})
        self.assertEqual(len(out["token_ids"]), 5)
        self.assertEqual(out["finish_reason"], "length")
        self.assertIsNone(out["stop_reason"])
        self.assertEqual(out["usage"]["completion_tokens"], 5)
        self.assertEqual(out["usage"]["total_tokens"], out["usage"]["prompt_tokens"] + 5)
        for token, chosen in zip(out["logprobs"], out["token_ids"], strict=True):
            self.assertEqual(token["token_id"], chosen)
            self.assertEqual(len(token["top"]), 3)
            self.assertEqual(token["top"][0], {"token_id": chosen, "logprob": token["logprob"]})

    def test_plain_text_is_the_text_of_the_json(self):
        flags = ("--max-tokens", "12", "--seed", "3", "--temperature", "0.8", "--ignore-eos")
        out = self.result("--prompt", "Once upon a time", *flags)
        self.assertIsNone(out["logprobs"])
        piped = generate("--prompt", "-", *flags, input="Once upon a time")
        self.assertEqual(piped.stdout, out["text"] + "\n")
        other = self.result("--prompt", "Once upon a time", "--sample-index", "1", *flags)
        self.assertNotEqual(other["token_ids"], out["token_ids"])

    def test_stop_strings(self):
        flags = ("--prompt", "1, 2, 3, 4,", "--max-tokens", "40", "--temperature", "0",
                 "--ignore-eos", "--stop", "7")
        out = self.result(*flags)
        self.assertEqual((out["finish_reason"], out["stop_reason"]), ("stop", "7"))
        self.assertNotIn("7", out["text"])
        kept = self.result(*flags, "--include-stop-text")
        self.assertEqual(kept["text"], out["text"] + "7")

    def test_chat_wraps_the_prompt(self):
        plain = self.result("--prompt", "Hello!", "--max-tokens", "1")
        chat = self.result("--prompt", "Hello!", "--max-tokens", "1", "--chat")
        self.assertGreater(chat["usage"]["prompt_tokens"], plain["usage"]["prompt_tokens"])

    def test_bad_input_gets_one_line(self):
        prompt = ("--prompt", "x")
        cases = [
            (UNUSABLE, "--max-tokens", (*prompt, "--max-tokens", "0")),
            (UNUSABLE, "--top-p", (*prompt, "--top-p", "0")),
            (UNUSABLE, "--temperature", (*prompt, "--temperature", "-1")),
            (UNUSABLE, "logprobs", (*prompt, "--logprobs", "1000")),
            (UNUSABLE, "99999999", (*prompt, "--stop-token-ids", "99999999")),
            (UNUSABLE, "--page-size", (*prompt, "--page-size", "17")),
            (UNUSABLE, "--max-seq-len", (*prompt, "--max-seq-len", "99999")),
            (UNUSABLE, "--compute", (*prompt, "--compute", "f99")),
            (UNUSABLE, "--nonsense", (*prompt, "--nonsense")),
            (UNUSABLE, "--prompt", ()),
            (UNUSABLE, "empty", ("--prompt", "")),
            (FAILED, "adapter", (*prompt, "--adapter", "/nowhere/adapter")),
        ]
        for exit_code, message, flags in cases:
            with self.subTest(message):
                run = generate(*flags)
                self.assertEqual(run.returncode, exit_code, run.stderr)
                self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
                self.assertIn(message, run.stderr)
                self.assertEqual(run.stdout, "")

    def test_a_prompt_longer_than_the_context_is_refused(self):
        run = generate("--prompt", "-", "--max-seq-len", "256", input="word " * 1000)
        self.assertEqual(run.returncode, UNUSABLE)
        self.assertIn("context of 256", run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1)


if __name__ == "__main__":
    require_model()
    unittest.main()

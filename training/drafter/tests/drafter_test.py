#!/usr/bin/env python3
"""The training of drafters on a processor, in seconds: a tiny model's own text is learnt."""

import json
import pathlib
import sys
import tempfile
import unittest

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from head import Head, fingerprint, load, save  # noqa: E402
from losses import draft_losses, learning_rate  # noqa: E402
from samples import Sample, frequent_tokens, read_samples  # noqa: E402
from train import batches, padded  # noqa: E402

torch.set_num_threads(1)  # Threads that wait for one another take long on a busy machine.


def chain_logits(head, hidden, embedded_tokens):
    """Logits after each of the tokens, one place at a time: obviously right, and slow."""
    state = torch.zeros_like(hidden)
    found = []
    for embedded in embedded_tokens:
        state = head.advance(state, embedded)
        found.append(head.logits(hidden, state))
    return found


class LossesTest(unittest.TestCase):
    def test_are_those_of_every_place_by_itself(self):
        torch.manual_seed(1)
        head = Head(8, 20, layers=1, vocabulary=list(range(0, 20, 2)))
        ids = torch.randint(0, 20, (2, 9))
        learnt = torch.rand(2, 9) > 0.3
        hidden, table = torch.randn(2, 9, 8), torch.randn(20, 8)
        losses, rights = draft_losses(head, hidden, table[ids], ids, learnt, 3)
        for i in range(3):
            total, known, right, counted = 0.0, 0, 0, 0
            for b in range(2):
                for t in range(9 - 2 - i):
                    wanted = int(ids[b, t + 2 + i])
                    if not learnt[b, t + 2 + i]:
                        continue
                    counted += 1
                    tokens = table[ids[b, t + 1 : t + 2 + i]]
                    logits = chain_logits(head, hidden[b, t], tokens)[-1]
                    right += int(logits.argmax()) * 2 == wanted
                    if wanted % 2 == 0:
                        known += 1
                        total -= float(torch.log_softmax(logits.detach(), -1)[wanted // 2])
            self.assertAlmostEqual(float(losses[i]), total / known, places=4)
            self.assertAlmostEqual(float(rights[i]), right / counted, places=5)

    def test_learns_a_text_that_repeats_itself(self):
        torch.manual_seed(2)
        head, table = Head(16, 12, layers=1), torch.randn(12, 16)
        ids = (torch.arange(60) * 5 % 12)[None]
        learnt = torch.ones_like(ids, dtype=torch.bool)
        hidden = table[ids].roll(1, 1)
        optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
        for _ in range(80):
            losses, rights = draft_losses(head, hidden, table[ids], ids, learnt, 3)
            optimizer.zero_grad()
            losses.sum().backward()
            optimizer.step()
        self.assertGreater(float(rights.min()), 0.95)

    def test_learning_rate_rises_then_falls_to_nothing(self):
        rates = [learning_rate(step, 100, 1e-3, 0.1) for step in range(100)]
        self.assertAlmostEqual(max(rates), 1e-3)
        self.assertEqual(rates.index(max(rates)), 9)
        self.assertLess(rates[0], 2e-4)
        self.assertLess(rates[-1], 1e-6)
        self.assertEqual(rates[10:], sorted(rates[10:], reverse=True))


class SamplesTest(unittest.TestCase):
    def test_outputs_are_in_place_and_not_learnt(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "samples.jsonl"
            lines = [
                {
                    "problem_id": "a",
                    "segments": [
                        {"source": "model", "text": "xy"},
                        {"source": "tool", "text": "12"},
                        {"source": "model", "text": "z"},
                    ],
                },
                {"problem_id": "other", "segments": []},
            ]
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
            found = read_samples([path], {"a": "P:"}, lambda text: list(text.encode()), 6)
        self.assertEqual(found, [Sample(list(b"P:xy12"), [False] * 2 + [True] * 2 + [False] * 2)])

    def test_frequent_tokens_are_those_the_model_writes(self):
        samples = [Sample([1, 1, 1, 2, 2, 3, 9], [False] * 3 + [True] * 4)]
        self.assertEqual(frequent_tokens(samples, 2), [2, 3])
        self.assertEqual(frequent_tokens(samples, 10), [2, 3, 9])

    def test_batches_pad_behind(self):
        samples = [Sample([1, 2, 3], [True] * 3), Sample([4], [True])]
        (batch,) = batches(samples, 2, __import__("random").Random(0))
        ids, learnt = padded(batch, "cpu")
        self.assertEqual(ids.tolist(), [[4, 0, 0], [1, 2, 3]])
        self.assertEqual(learnt.tolist(), [[True, False, False], [True] * 3])


class SaveTest(unittest.TestCase):
    def test_heads_come_back_as_they_were(self):
        for rnn, exit_dim, vocabulary in [(True, None, None), (False, 24, [1, 5, 9])]:
            head = Head(8, 20, 2, exit_dim, rnn, vocabulary)
            with tempfile.TemporaryDirectory() as folder:
                save(head, pathlib.Path(folder), "0" * 16, torch.float32)
                again = load(pathlib.Path(folder))
                names = set(again.state_dict())
            self.assertIn("lm_head.1.linear.bias", names)
            self.assertIn("lm_head.2.weight", names)
            self.assertEqual("rnn_u.bias" in names, rnn)
            for name, tensor in head.state_dict().items():
                self.assertTrue(torch.equal(tensor, again.state_dict()[name]), name)

    def test_fingerprints_tell_norms_apart(self):
        norm = torch.ones(4)
        self.assertEqual(fingerprint(norm), fingerprint(norm.bfloat16()))
        self.assertNotEqual(fingerprint(norm), fingerprint(norm * 2))
        self.assertRegex(fingerprint(norm), "^[0-9a-f]{16}$")


if __name__ == "__main__":
    unittest.main()

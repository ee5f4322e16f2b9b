#!/usr/bin/env python3
"""The training of drafters on a processor, in seconds: a tiny model's own text is learnt."""

import json
import os
import pathlib
import sys
import tempfile
import unittest

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from decoding import Decoder, draw  # noqa: E402
from head import Head, fingerprint, load, save  # noqa: E402
from losses import draft_losses, learning_rate  # noqa: E402
from models import merge_adapter  # noqa: E402
from places import find_places  # noqa: E402
from samples import Sample, frequent_tokens, held_out, read_samples  # noqa: E402
from train import main as train_main  # noqa: E402
from write_samples import Text, take  # noqa: E402

DEVICE = os.environ.get("QED_TEST_DEVICE", "cpu")
torch.set_num_threads(1)  # Threads that wait for one another take long on a busy machine.


def chain_logits(head, hidden, embedded_tokens):
    """Logits after each of the tokens, one place at a time: obviously right, and slow."""
    state = torch.zeros_like(hidden)
    found = []
    for embedded in embedded_tokens:
        state = head.advance(state, embedded)
        found.append(head.logits(hidden, state))
    return found


def tiny_llama():
    """A model of transformers with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=300,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        initializer_range=0.2,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False).to(DEVICE)


def random_places(head, count, drafts, table):
    ids = torch.randint(0, 20, (count, drafts + 1))
    return torch.randn(count, head.hidden_size), table[ids[:, :-1]], ids[:, 1:]


class LossesTest(unittest.TestCase):
    def test_are_those_of_every_place_by_itself(self):
        torch.manual_seed(1)
        head = Head(8, 20, layers=1, vocabulary=list(range(0, 20, 2)))
        hidden, embedded, ids = random_places(head, 30, 3, torch.randn(20, 8))
        learnt = torch.rand(30, 3) > 0.3
        losses, rights, counted = draft_losses(head, hidden, embedded, ids, learnt)
        for i in range(3):
            total, known, right = 0.0, 0, 0
            for n in range(30):
                wanted = int(ids[n, i])
                if not learnt[n, i]:
                    continue
                logits = chain_logits(head, hidden[n], embedded[n, : i + 1])[-1]
                right += int(logits.argmax()) * 2 == wanted
                if wanted % 2 == 0:
                    known += 1
                    total -= float(torch.log_softmax(logits.detach(), -1)[wanted // 2])
            self.assertAlmostEqual(float(losses[i].detach()), total / known, places=4)
            self.assertEqual(int(rights[i]), right)
            self.assertEqual(int(counted[i]), int(learnt[:, i].sum()))

    def test_learns_what_follows_from_the_last_token(self):
        torch.manual_seed(2)
        head, table = Head(16, 12, layers=1), torch.randn(12, 16)
        ids = (torch.arange(12)[:, None] + 5 * torch.arange(4)) % 12
        learnt = torch.ones(12, 3, dtype=torch.bool)
        optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
        for _ in range(80):
            losses, rights, counted = draft_losses(
                head, table[ids[:, 0]], table[ids[:, :-1]], ids[:, 1:], learnt
            )
            optimizer.zero_grad()
            losses.sum().backward()
            optimizer.step()
        self.assertGreater(float((rights / counted).min()), 0.95)

    def test_learns_how_likely_the_model_thought_each_token(self):
        torch.manual_seed(3)
        head, table = Head(16, 6, layers=1, vocabulary=[0, 1, 2, 3]), torch.randn(6, 16)
        says = torch.rand(6, 3, 4).softmax(-1)  # after each token, of each draft
        ids = (torch.arange(6)[:, None] + torch.arange(4)) % 6
        learnt = torch.ones(6, 3, dtype=torch.bool)
        optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
        for _ in range(200):
            losses, _, _ = draft_losses(
                head, table[ids[:, 0]], table[ids[:, :-1]], ids[:, 1:], learnt, lambda i: says[:, i]
            )
            optimizer.zero_grad()
            losses.sum().backward()
            optimizer.step()
        for n in range(6):
            for i in range(3):
                if int(ids[n, i + 1]) >= 4:
                    continue  # what the model drew is no token of the head
                logits = chain_logits(head, table[ids[n, 0]], table[ids[n, : i + 1]])[-1]
                torch.testing.assert_close(logits.softmax(-1), says[n, i], atol=0.02, rtol=0)

    def test_learning_rate_rises_then_falls_to_nothing(self):
        rates = [learning_rate(step / 100, 1e-3, 0.1) for step in range(100)]
        self.assertAlmostEqual(max(rates), 1e-3)
        self.assertEqual(rates.index(max(rates)), 10)
        self.assertLess(rates[0], 2e-4)
        self.assertLess(rates[-1], 1e-6)
        self.assertEqual(rates[10:], sorted(rates[10:], reverse=True))
        self.assertEqual(rates[0], 0)


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
            encode = lambda texts: [list(text.encode()) for text in texts]  # noqa: E731
            found = read_samples([path], {"a": "P:"}, encode, 6)
        learnt = [False] * 2 + [True] * 2 + [False] * 2
        self.assertEqual(found, [Sample("a", list(b"P:xy12"), learnt, 2)])

    def test_all_samples_of_a_problem_are_held_out_together(self):
        samples = [Sample(p, [1], [True]) for p in "abcabcaab"]
        apart, rest = held_out(samples, 2)
        self.assertEqual("".join(s.problem for s in apart), "ababaab")
        self.assertEqual("".join(s.problem for s in rest), "cc")

    def test_frequent_tokens_are_those_the_model_writes(self):
        samples = [Sample("", [1, 1, 1, 2, 2, 3, 9], [False] * 3 + [True] * 4)]
        self.assertEqual(frequent_tokens(samples, 2), [2, 3])
        self.assertEqual(frequent_tokens(samples, 10), [2, 3, 9])

    def test_places_are_where_the_model_goes_on_and_have_its_hidden_states(self):
        network = tiny_llama()
        texts = [list(range(10, 22)), list(range(50, 58))]
        own = [[False] * 4 + [True] * 3 + [False] * 2 + [True] * 3, [False] * 5 + [True] * 3]
        samples = [Sample("", t, o) for t, o in zip(texts, own, strict=True)]
        places = find_places(network, samples, 2)
        found = {}
        for i in range(len(places)):
            found[tuple(places.ids[i].tolist())] = (
                places.learnt[i].tolist(),
                torch.stack([places.hidden(k)[i] for k in range(3)]),
            )
        wanted = {}
        for text, learnt in zip(texts, own, strict=True):
            hidden = network.model(torch.tensor([text], device=DEVICE)).last_hidden_state[0]
            text, learnt = text + [0] * 3, learnt + [False] * 3
            for t in range(len(text) - 4):
                if learnt[t + 1] and learnt[t + 2]:
                    behind = torch.zeros(3, 48, device=DEVICE)
                    next_hidden = torch.cat([hidden, behind])[t : t + 3]
                    wanted[tuple(text[t + 1 : t + 4])] = (learnt[t + 1 : t + 4], next_hidden)
        self.assertEqual(found.keys(), wanted.keys())
        self.assertEqual(len(places), 2 + 2 + 2)
        for key, (learnt, hidden) in wanted.items():
            self.assertEqual(found[key][0], learnt)
            torch.testing.assert_close(found[key][1], hidden, atol=1e-4, rtol=1e-3)


class WriteTest(unittest.TestCase):
    def test_texts_are_drawn_as_the_model_computes_them(self):
        network = tiny_llama()
        prompts = [[1, 2, 3], [7], [9, 8, 7, 6, 5, 4, 3], [20, 21]] * 3
        with torch.no_grad():
            # So cold that the likeliest token is drawn; the end is one that some texts have.
            texts = draw(Decoder(network), prompts, [1e-6] * 12, [[299, 299]], 24, 0)
            ends = [[texts[0][5]], texts[2][20:22]]
            ended = draw(Decoder(network), prompts, [1e-6] * 12, ends, 24, 0)
        for prompt, text, cut in zip(prompts, texts, ended, strict=True):
            self.assertEqual(len(text), 24)
            whole = torch.tensor([prompt + text], device=DEVICE)
            likeliest = network(whole).logits[0, len(prompt) - 1 : -1].argmax(-1).tolist()
            self.assertEqual(text, likeliest)
            self.assertEqual(cut, text[: len(cut)])
            tails = [i for i in range(24) for e in ends if text[max(0, i + 1 - len(e)) : i + 1] == e]
            self.assertEqual(len(cut), min(tails, default=23) + 1)

    def test_draws_follow_the_distribution(self):
        network = tiny_llama()
        with torch.no_grad():
            drawn = draw(Decoder(network), [[1, 2]] * 20000, [1.5] * 20000, [[0]], 1, 3)
            logits = network(torch.tensor([[1, 2]], device=DEVICE)).logits[0, -1] / 1.5
        counts = torch.bincount(torch.tensor(drawn)[:, 0], minlength=300).double()
        expected = logits.double().cpu().softmax(-1) * 20000
        often = expected > 5
        chi = float(((counts - expected)[often] ** 2 / expected[often]).sum())
        freedom = int(often.sum()) - 1
        self.assertLess(chi, freedom + 5 * (2 * freedom) ** 0.5)

    def test_what_never_ends_is_left_out(self):
        class Model:
            decode = staticmethod(lambda ids: bytes(ids).decode())

        ends = {"turn": [ord("!")], "code": list(b"\n</tool_call>")}
        for written, sources, open_ in [
            (b"<tool_call>\nprint(1)\n</tool_call>", ["model"], True),
            (b"It is 1!", ["model"], False),
            (b"It is", [], False),
            (b"print(1)\n</tool_call>", [], False),
        ]:
            text = Text("p", 1.0, [])
            take(Model, text, list(written), ends)
            self.assertEqual([s["source"] for s in text.segments], sources)
            self.assertEqual(text.open, open_)
            self.assertEqual(text.programs, ["print(1)"] if open_ else [])

    def test_adapters_are_added(self):
        from safetensors.torch import save_file

        a, b = torch.randn(2, 5), torch.randn(3, 2)
        tensors = {"model.x.weight": torch.zeros(3, 5), "model.y.weight": torch.ones(1)}
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 6}')
            parts = {"lora_A": a, "lora_B": b}
            parts = {f"base_model.model.model.x.{n}.weight": t for n, t in parts.items()}
            save_file(parts, folder / "adapter_model.safetensors")
            merge_adapter(tensors, folder)
        torch.testing.assert_close(tensors["model.x.weight"], 3 * b @ a)
        self.assertEqual(float(tensors["model.y.weight"]), 1)


def write_model(folder):
    """The tiny Llama with a tokenizer of bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tiny_llama().save_pretrained(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


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

    def test_a_run_of_the_program_learns_and_writes_a_head(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            write_model(folder / "model")
            row = {"problem_id": "a", "segments": [{"source": "model", "text": "abcabcabcabc" * 3}]}
            rows = [row | {"problem_id": p} for p in "ab"]
            (folder / "s.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
            prompts = "".join(json.dumps({"id": p, "prompt": "Q:"}) + "\n" for p in "ab")
            (folder / "p.jsonl").write_text(prompts)
            command = f"--model {folder}/model --samples {folder}/s.jsonl --prompts {folder}/p.jsonl"
            options = f"--output {folder}/d --held-out 1 --epochs 60 --batch 16 --lr 1e-2"
            options += " --learn tokens"  # The tiny model would not write this.
            rates = train_main(f"{command} {options} --vocabulary 3 --device {DEVICE}".split())
            head = load(folder / "d")
            options = options.replace("tokens", "distribution").replace("60", "1")
            own = train_main(f"{command} {options} --vocabulary 3 --device {DEVICE}".split())
        self.assertEqual(len(own["held out"]), 3)
        self.assertEqual(len(head.vocabulary), 3)
        self.assertGreater(min(rates["held out"]), 0.9)

    def test_fingerprints_tell_norms_apart(self):
        norm = torch.ones(4)
        self.assertEqual(fingerprint(norm), fingerprint(norm.bfloat16()))
        self.assertNotEqual(fingerprint(norm), fingerprint(norm * 2))
        self.assertRegex(fingerprint(norm), "^[0-9a-f]{16}$")


if __name__ == "__main__":
    unittest.main()

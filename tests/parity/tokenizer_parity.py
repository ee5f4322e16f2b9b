#!/usr/bin/env python3
"""Compares `qed tokenize` with Hugging Face `tokenizers`, string by string.

Three vocabularies: SmolLM's out of the GGUF file, and a Qwen2-style and a
Llama-3-style one trained here on generated text (the published pre-tokenizers,
normalizer and kinds of added tokens). Every code point of Unicode is in the
strings at least once. Encoding with and without special tokens, decoding of the
ids and of random ids, and the chat template's text are compared. Ends with the
first differences and status 1 if there are any.

usage: tokenizer_parity.py --qed build/qed --model MODEL.gguf [--count 200000] [--seed 0]
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import gguf
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)
from transformers.utils.chat_template_utils import render_jinja_template

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")

SPACES = [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u3000", "\u2028",
          "\u200b", "\u180e", "\u0085", "\x0b", "\x1c"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'RE", "'Ll", "'\u017f", "''",
                "\u2019s", "'x", "'r", "'l", "'v"]
LATEX = [r"\boxed{", r"\frac{1}{2}", r"\sqrt{x^2+1}", "$$", "$", r"\\", r"\left(", r"\right)",
         r"\sum_{i=1}^{n}", r"\alpha", "^{2}", "_{k}", r"\text{ if }", r"\begin{align*}", "&=",
         r"\infty", r"\,", "}", "{"]
CODE = ["def f(x):", "\n    return x", "for i in range(10):", "print(", ")", "x += 1", "!= None",
        "# note", "import sympy as sp", "\"\"\"", "a[i][j]", "->", "lambda n: n**2", "==", "\t\tif",
        "```python\n", "```output\n", "<tool_call>", "</tool_call>", "https://x.y/z?q=1&r=%20"]
WORDS = ("the of and to in is that for it was on are as with his they at be this from have or by "
         "one had not but what all were when we there can an your which their said if do will each "
         "about how up out them then she many some so these would other into has more two like him "
         "see time could no make than first been its who now people my made over did down only way "
         "find use may water long little very after words called just where most know number sum "
         "prime integer triangle solve answer equation Let Suppose Therefore Hence degrees").split()
MARKS = ["\u0301", "\u0308", "\u0323", "\u0327", "\u0345", "\u0334", "\u3099", "\u093c", "\u05b0",
         "\U00011938", "\U0001e8d0", "\u1dfa", "\u034f"]
BASES = ["e", "A", "o", "s", "\u00e9", "\u1e69", "\u304b", "\u0928", "\u1100", "\u1161", "\u11a8",
         "\uac00", "\u212b", "\u0344", "\uf900", "\u2adc", "\U0001d15f", "\U00011935"]
PLANES = [(0, 0x80), (0x80, 0x800), (0x800, 0xD800), (0xE000, 0x10000), (0x10000, 0x20000),
          (0x20000, 0x40000), (0xE0000, 0xF0000), (0xF0000, 0x110000)]


class Strings:
    """Generated test strings, a function of the seed."""

    def __init__(self, seed, added):
        self.random = random.Random(seed)
        self.added = added

    def code_point(self):
        low, high = self.random.choice(PLANES)
        return chr(self.random.randrange(low, high))

    def piece(self):
        r = self.random
        kind = r.randrange(13)
        if kind < 3:
            word = r.choice(WORDS)
            return r.choice([word, " " + word, " " + word.upper(), word.title()])
        if kind == 3:
            return "".join(r.choice("0123456789") for _ in range(r.randrange(1, 9)))
        if kind == 4:
            return r.choice(SPACES) * r.choice([1, 1, 2, 3, 7])
        if kind == 5:
            return r.choice(CONTRACTIONS)
        if kind == 6:
            return r.choice(LATEX)
        if kind == 7:
            return r.choice(CODE)
        if kind == 8:
            token = r.choice(self.added)
            return r.choice([token, token, token[:-1], token[1:], token + token[:2]])
        if kind == 9:
            return r.choice(BASES) + "".join(r.choice(MARKS) for _ in range(r.randrange(4)))
        if kind == 10:
            return r.choice(".,;:!?-+*/=()[]<>|~@#%&\\\"'`^_\x00\x7f\ufeff\uffff")
        return "".join(self.code_point() for _ in range(r.randrange(1, 6)))

    def string(self):
        return "".join(self.piece() for _ in range(self.random.choice([1, 2, 3, 5, 8, 13])))


def every_code_point():
    """Each code point after a letter, a digit, a space, itself and an apostrophe."""
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for begin in range(0, len(points), 64):
        yield "".join(f"x{chr(c)}1{chr(c)} {chr(c)}{chr(c)}'{chr(c)} "
                      for c in points[begin:begin + 64])


def smollm(model):
    """The tokenizer of the GGUF file with the real pre-tokenizer of SmolLM."""
    reader = gguf.GGUFReader(model)

    def field(name):
        return reader.fields["tokenizer." + name].contents()

    tokens = field("ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in field("ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)
                                  for token, kind in zip(tokens, field("ggml.token_type"))
                                  if kind == 3])
    return tokenizer, field("chat_template")


def trained(pattern, strings, normalizer=None):
    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=6000, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator((strings.string() for _ in range(10000)), trainer)
    return tokenizer


def qwen2_style(seed):
    tokenizer = trained(QWEN2, Strings(seed, ["<|im_start|>"]), normalizers.NFC())
    tokenizer.add_tokens([
        *[AddedToken(t, special=True, normalized=False)
          for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")],
        *[AddedToken(t, normalized=False) for t in ("<tool_call>", "</tool_call>")],
        AddedToken("\u03b1\u0301!", normalized=True),
        AddedToken("e\u0301?", normalized=False),
        AddedToken("<mask>", lstrip=True, normalized=False),
        AddedToken("<sep>", rstrip=True, normalized=True),
        AddedToken("prime", single_word=True, normalized=False)])
    return tokenizer


def llama3_style(seed):
    tokenizer = trained(LLAMA3, Strings(seed, ["<|eot_id|>"]))
    bos = "<|begin_of_text|>"
    tokenizer.add_special_tokens([bos, "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>",
                                  "<|end_header_id|>"])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos} $B",
                                      special_tokens=[(bos, tokenizer.token_to_id(bos))])])
    # Some tokens that no merge leads to, so that ignore_merges matters.
    data = json.loads(tokenizer.to_str())
    drop = random.Random(seed)
    data["model"]["merges"] = [m for m in data["model"]["merges"] if drop.random() > 0.1]
    data["model"]["ignore_merges"] = True
    return Tokenizer.from_str(json.dumps(data))


class Qed:
    """`qed tokenize` as a function over a list of requests."""

    def __init__(self, program, model):
        self.command = [program, "tokenize", "--model", str(model), "--jsonl"]

    def run(self, requests, *flags):
        text = "".join(json.dumps(request) + "\n" for request in requests)
        done = subprocess.run([*self.command, *flags], input=text.encode(), capture_output=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(self.command)}: {done.stderr.decode().strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def encode(self, texts, *flags):
        return [reply["token_ids"] for reply in self.run([{"text": t} for t in texts], *flags)]

    def decode(self, id_lists):
        return [reply["text"] for reply in self.run([{"token_ids": ids} for ids in id_lists])]


def report(what, inputs, expected, got):
    """Prints the first differences; returns how many there are."""
    if len(expected) != len(got):
        raise SystemExit(f"{what}: {len(got)} replies to {len(expected)} requests")
    wrong = [i for i, pair in enumerate(zip(expected, got)) if pair[0] != pair[1]]
    print(f"{what}: {len(inputs)} compared, {len(wrong)} differ", flush=True)
    for i in wrong[:5]:
        print(f"  {inputs[i]!r}\n    tokenizers {expected[i]!r}\n    qed        {got[i]!r}")
    return len(wrong)


def ids_of(tokenizer, texts, add_special_tokens=False):
    """In batches: the library's replies are large."""
    return [encoding.ids for begin in range(0, len(texts), 5000)
            for encoding in tokenizer.encode_batch_fast(texts[begin:begin + 5000],
                                                        add_special_tokens=add_special_tokens)]


def compare(name, tokenizer, qed, count, seed):
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    strings = Strings(seed, added)
    sweep = list(every_code_point())
    texts = sweep + [strings.string() for _ in range(max(0, count - len(sweep)))]
    expected = ids_of(tokenizer, texts)
    wrong = report(f"{name}: encode", texts, expected, qed.encode(texts, "--no-bos"))

    part = texts[len(sweep):][:20000]
    wrong += report(f"{name}: as the model asks", part, ids_of(tokenizer, part, True),
                    qed.encode(part))
    tokenizer.encode_special_tokens = True
    wrong += report(f"{name}: special tokens as text", part, ids_of(tokenizer, part),
                    qed.encode(part, "--no-bos", "--no-special"))
    tokenizer.encode_special_tokens = False

    size = tokenizer.get_vocab_size()
    lists = expected[-10000:] + [[strings.random.randrange(size) for _ in range(12)]
                                 for _ in range(20000)]
    wrong += report(f"{name}: decode", lists,
                    tokenizer.decode_batch(lists, skip_special_tokens=False), qed.decode(lists))
    return wrong


def compare_chat(tokenizer, chat_template, qed):
    users = ["What is 1 + 1?", "  spaces\n", "", "caf\u00e9 <|im_end|>"]
    texts = [render_jinja_template([[{"role": "user", "content": user}]],
                                   chat_template=chat_template, add_generation_prompt=True)[0][0]
             for user in users]
    return report("chat template", users, ids_of(tokenizer, texts), qed.encode(users, "--chat"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--qed", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--count", type=int, default=200000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    tokenizer, chat_template = smollm(args.model)
    qed = Qed(args.qed, args.model)
    wrong = compare_chat(tokenizer, chat_template, qed)
    wrong += compare("SmolLM", tokenizer, qed, args.count, args.seed)
    for name, make in (("Qwen2 style", qwen2_style), ("Llama-3 style", llama3_style)):
        tokenizer = make(args.seed)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tokenizer.json"
            tokenizer.save(str(path))
            wrong += compare(name, tokenizer, Qed(args.qed, path), args.count, args.seed)
    print("ok: no differences" if wrong == 0 else f"FAILED: {wrong} differences")
    return 0 if wrong == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Writes src/text/unicode_data.cc: the character classes and the NFC data that
Hugging Face `tokenizers` really uses.

Several Unicode versions live in that library (its regular expressions, Rust's
standard library and its normalizer each have their own), so nothing is taken
from the Unicode files on trust: every class is asked of the library for each
code point, and the normalization data of Python's unicodedata is kept only
where the library agrees.

usage: python tools/gen_unicode.py [--check]     (needs the package `tokenizers`)
"""

import pathlib
import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "src" / "text" / "unicode_data.cc"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)  # composed by arithmetic, in no table


def regex_class(pattern):
    """Code points that the library's regular expressions match with `pattern`."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    return [c for c in CODE_POINTS if not split.pre_tokenize_str(chr(c))]


def numeric_class():
    """Code points that the pre-tokenizer Digits splits off (Rust's char::is_numeric)."""
    digits = pre_tokenizers.Digits(individual_digits=True)
    return [c for c in CODE_POINTS if len(digits.pre_tokenize_str(f"a{chr(c)}a")) == 3]


def added_token_classes():
    """Code points that keep a single-word added token from matching (\\w), and
    those that an added token with lstrip swallows (\\s)."""
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    tokenizer.add_tokens([AddedToken("<1>", single_word=True, normalized=False),
                          AddedToken("<2>", lstrip=True, normalized=False)])
    single, strip = tokenizer.token_to_id("<1>"), tokenizer.token_to_id("<2>")
    word = [c for c in CODE_POINTS if single not in tokenizer.encode(f"{chr(c)}<1>").ids]
    space = []
    for c in CODE_POINTS:
        encoding = tokenizer.encode(f"a{chr(c)}<2>")
        if encoding.offsets[encoding.ids.index(strip)][0] == 1:
            space.append(c)
    return word, space


def normalization():
    """(combining classes, decompositions, compositions) as the library has them."""
    nfd, nfc = normalizers.NFD().normalize_str, normalizers.NFC().normalize_str
    known = {c: unicodedata.combining(chr(c)) for c in CODE_POINTS
             if unicodedata.combining(chr(c))}
    # A mark of class k goes behind one of a lower class and stays before one of
    # a higher class, unless the library does not know it.
    lowest, highest = "\u0334", "\u0345"  # classes 1 and 240
    classes = {}
    for c, value in known.items():
        mark = chr(c)
        moves = nfd(mark + lowest) != mark + lowest or nfd(highest + mark) != highest + mark
        if moves or c in (ord(lowest), ord(highest)):
            classes[c] = value
    decompositions, compositions = {}, {}
    for c in CODE_POINTS:
        parts = unicodedata.decomposition(chr(c)).split()
        if c in HANGUL or not parts or parts[0].startswith("<") or nfd(chr(c)) == chr(c):
            continue
        mapped = [int(part, 16) for part in parts]
        decompositions[c] = mapped + [0] * (2 - len(mapped))
        if len(mapped) == 2 and nfc(nfd(chr(c))) == chr(c):
            compositions[tuple(mapped)] = c
    return classes, decompositions, compositions


def ranges(points):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def class_ranges(classes):
    out = []
    for c in sorted(classes):
        if out and out[-1][1] == c - 1 and out[-1][2] == classes[c]:
            out[-1][1] = c
        else:
            out.append([c, c, classes[c]])
    return out


def table(kind, name, rows):
    lines, line = [], "   "
    for row in rows:
        item = " {" + ", ".join(f"0x{value:x}" for value in row) + "},"
        if len(line) + len(item) > 100:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join([f"constexpr {kind} {name}Rows[] = {{", *lines, line, "};", ""])


def generate():
    letters, numbers = regex_class(r"\p{L}"), regex_class(r"\p{N}")
    spaces = regex_class(r"\s")
    digits = numeric_class()
    words, stripped = added_token_classes()
    if sorted(stripped) != sorted(spaces):
        raise SystemExit("the two kinds of white space differ: give lstrip a table of its own")
    classes, decompositions, compositions = normalization()
    tables = [
        ("CodeRange", "kLetterRanges", ranges(letters)),
        ("CodeRange", "kNumberRanges", ranges(numbers)),
        ("CodeRange", "kNumericRanges", ranges(digits)),
        ("CodeRange", "kSpaceRanges", ranges(spaces)),
        ("CodeRange", "kWordRanges", ranges(words)),
        ("CombiningRange", "kCombiningRanges", class_ranges(classes)),
        ("Decomposition", "kDecompositions",
         [[c, *parts] for c, parts in sorted(decompositions.items())]),
        ("Composition", "kCompositions", [[*pair, c] for pair, c in sorted(compositions.items())]),
    ]
    return "\n".join([
        "// Generated by tools/gen_unicode.py from what Hugging Face tokenizers",
        f"// {tokenizers.__version__} does with each code point. Do not edit.",
        '#include "text/unicode_data.h"',
        "",
        "// clang-format off",
        "namespace qed {",
        "namespace {",
        "",
        *[table(*item) for item in tables],
        "}  // namespace",
        "",
        *[f"const std::span<const {kind}> {name}({name}Rows);" for kind, name, _ in tables],
        "",
        "}  // namespace qed",
        "",
    ])


def main():
    text = generate()
    if sys.argv[1:] == ["--check"]:
        if OUTPUT.read_text() != text:
            raise SystemExit(f"{OUTPUT.name} is out of date: run tools/gen_unicode.py")
        print(f"ok: {OUTPUT.name} is what tokenizers {tokenizers.__version__} does")
    else:
        OUTPUT.write_text(text)
        print(f"wrote {OUTPUT} ({len(text)} bytes)")


if __name__ == "__main__":
    main()

"""Tables as other programs write them, and `qed calibration-set`."""

import csv
import json
import os
import random
import resource
import unittest

from qed_run import MODEL, qed, require_model, skip, temporary_folder

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    skip("needs pyarrow (tests/requirements.txt)")

FAILED, UNUSABLE = 1, 2
PROMPT = ("<|im_start|>system\n<|im_end|>\n<|im_start|>user\nSolve the following math problem. Make sure to "
          "put the answer (and only answer) inside \\boxed{{}}.\n\n{}<|im_end|>\n<|im_start|>assistant\n")


def rows(count, name="r"):
    return [{"problem": f"What is {i} + {i}?", "generated_solution": f"{name}{i} " + "so " * (i % 50),
             "expected_answer": str(2 * i), "pass_rate": i / 7, "tags": ["a", str(i)],
             "inference_mode": "tir"} for i in range(count)]


class DataTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.output = self.path("texts.parquet")

    def path(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def parquet(self, name, table, **options):
        if isinstance(table, list):
            table = pa.Table.from_pylist(table)
        pq.write_table(table, self.path(name), **options)
        return self.path(name)

    def make(self, input_path, *flags, output=None, **options):
        return qed("calibration-set", "--input", input_path, "--output", output or self.output,
                   *flags, **options)

    def texts(self, *arguments, **options):
        run = self.make(*arguments, **options)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        if "output" in options:
            with open(options["output"], encoding="utf-8") as file:
                return [json.loads(line)["text"] for line in file]
        table = pq.read_table(self.output)
        self.assertEqual(table.column_names, ["text"])
        return table["text"].to_pylist()

    def check_error(self, run, *parts, code=UNUSABLE):
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        for part in parts:
            self.assertIn(part, run.stderr)
        self.assertEqual([name for name in os.listdir(self.folder) if "texts" in name], [])

    def wanted(self, data):
        return [PROMPT.format(row["problem"]) + row["generated_solution"] for row in data]

    def test_writers_of_every_kind(self):
        data = rows(700)
        for options in ({}, {"compression": "zstd", "row_group_size": 50},
                        {"compression": "gzip", "use_dictionary": False, "data_page_size": 500},
                        {"compression": "none", "data_page_version": "2.0", "version": "1.0"},
                        {"write_page_checksum": True, "compression": "brotli"}):
            with self.subTest(options):
                self.assertEqual(self.texts(self.parquet("a.parquet", data, **options)),
                                 self.wanted(data))
        table = pa.Table.from_pylist(data)
        kinds = table.schema
        for name, kind in (("problem", pa.large_string()), ("generated_solution", pa.binary()),
                           ("inference_mode", pa.dictionary(pa.int32(), pa.string()))):
            kinds = kinds.set(kinds.get_field_index(name), pa.field(name, kind))
        self.assertEqual(self.texts(self.parquet("b.parquet", table.cast(kinds))),
                         self.wanted(data))

    def test_splits_and_shards(self):
        data = rows(30)
        for shard in range(3):
            self.parquet(f"set/data/tir-0000{shard}-of-00003.parquet",
                         data[10 * shard:10 * shard + 10])
        self.parquet("set/data/cot-00000-of-00001.parquet", rows(3, "c"))
        folder = self.path("set")
        self.assertEqual(self.texts(folder, "--split", "tir"), self.wanted(data))
        self.assertEqual(self.texts(folder, "--split", "tir", "--size", "12"),
                         self.wanted(data[:12]))
        # Only as far as needed: the last shard may be broken.
        with open(self.path("set/data/tir-00002-of-00003.parquet"), "wb") as file:
            file.write(b"PAR1 and nothing more")
        self.assertEqual(len(self.texts(folder, "--split", "tir", "--size", "20")), 20)
        os.remove(self.output)
        self.check_error(self.make(folder, "--split", "tir"), "tir-00002-of-00003", code=FAILED)
        self.check_error(self.make(folder), "--split", "cot, tir")

    def test_shuffled(self):
        data = rows(40)
        path = self.parquet("a.parquet", data)
        one, again, other = [self.texts(path, "--size", "10", "--shuffle", seed)
                             for seed in ("1", "1", "2")]
        self.assertEqual(one, again)
        self.assertNotEqual(one, other)
        self.assertEqual(len(set(one)), 10)
        self.assertLess(set(one), set(self.wanted(data)))
        self.assertEqual(sorted(self.texts(path, "--shuffle", "3")), sorted(self.wanted(data)))
        # Each row is drawn about equally often.
        counts = {text: 0 for text in self.wanted(data)}
        for seed in range(20):
            for text in self.texts(path, "--size", "20", "--shuffle", str(seed)):
                counts[text] += 1
        self.assertGreater(min(counts.values()), 1)   # 10 expected, 2.2 the deviation
        self.assertLess(max(counts.values()), 19)

    def test_other_formats_and_columns(self):
        with open(self.path("a.csv"), "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["question", "solution"], ['Say "x",\nplease', "so, 5"]])
        self.assertEqual(self.texts(self.path("a.csv")), [PROMPT.format('Say "x",\nplease') + "so, 5"])
        with open(self.path("a.jsonl"), "w", encoding="utf-8") as file:
            file.write(json.dumps({"question": "1+1?", "answer": "Two.\n#### 2"}) + "\n")
            file.write(json.dumps({"question": "2+2?", "answer": "Four.\n#### 4"}) + "\n")
        want = [PROMPT.format("1+1?") + "Two.\n#### 2", PROMPT.format("2+2?") + "Four.\n#### 4"]
        self.assertEqual(self.texts(self.path("a.jsonl"), output=self.path("o.jsonl")), want)
        other = self.parquet("o.parquet", [{"a": "p", "b": "s"}])
        self.assertEqual(self.texts(other, "--problem-field", "a", "--solution-field", "b",
                                    "--chat-wrapper", "none", "--prompt", "openmath/tir")[0][-1], "s")
        os.remove(self.output)
        self.check_error(self.make(other), "row 1", "problem, question", "(a, b)", "--problem-field")
        self.check_error(self.make(other, "--problem-field", "a"), "solution", "(a, b)",
                         "--solution-field")
        self.check_error(self.make(other, "--problem-field", "c"), '"c"', "a, b")

    def test_tokens(self):
        require_model()
        data = rows(3)
        data[1]["generated_solution"] = "long " * 3000
        path = self.parquet("a.parquet", data)
        self.assertEqual(self.texts(path), self.wanted(data))
        cut = self.texts(path, "--max-tokens", "100", "--model", MODEL)
        self.assertEqual(cut[0], self.wanted(data)[0])
        self.assertTrue(self.wanted(data)[1].startswith(cut[1]))
        ids = qed("tokenize", "--model", MODEL, "--text", cut[1], "--json")
        self.assertEqual(len(json.loads(ids.stdout)["token_ids"]), 100)
        os.remove(self.output)
        self.check_error(self.make(path, "--max-tokens", "5"), "--model")

    def test_damaged_files(self):
        path = self.parquet("a.parquet", rows(300), write_page_checksum=True)
        with open(path, "rb") as file:
            whole = file.read()
        choice = random.Random(3)
        errors = 0
        for _ in range(40):
            damaged = bytearray(whole)
            damaged[choice.randrange(4, len(whole))] ^= 1 << choice.randrange(8)
            with open(path, "wb") as file:
                file.write(damaged)
            run = self.make(path)
            if run.returncode == 0:
                self.assertEqual(pq.read_table(self.output)["text"].to_pylist(),
                                 self.wanted(rows(300)))
                os.remove(self.output)
            else:
                errors += 1
                self.check_error(run, "a.parquet", code=run.returncode)
                self.assertIn(run.returncode, (FAILED, UNUSABLE))
        self.assertGreater(errors, 10)
        for size in (4, 100, len(whole) - 1):
            with open(path, "wb") as file:
                file.write(whole[:size])
            self.check_error(self.make(path), "a.parquet", code=FAILED)

    def test_targets(self):
        path = self.parquet("a.parquet", rows(2000))
        self.check_error(self.make(path, output=self.path("texts.txt")), ".parquet or .jsonl")
        self.check_error(self.make(path, output=self.path("a.parquet") + "/texts.parquet"),
                         "a.parquet/texts.parquet", code=FAILED)
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        for name in ("texts.parquet", "texts.jsonl"):
            self.check_error(self.make(path, output=self.path(name), preexec_fn=limit), name,
                             code=FAILED)

    def test_problems_for_solve(self):
        require_model()
        path = self.parquet("p.parquet", [{"question": "1+1?", "answer": "Two.\n#### 2"},
                                          {"question": "2+2?", "answer": "Four.\n#### 4"}])
        run = qed("solve", path, "--model", MODEL, "--samples", "1", "--max-tokens", "8",
                  "--sandbox", "off", "--output", self.path("run"))
        self.assertEqual(run.returncode, 0, run.stderr)
        with open(self.path("run/output-rs0.jsonl"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual([line["expected_answer"] for line in lines], ["2", "4"])
        self.assertEqual([line["problem"] for line in lines], ["1+1?", "2+2?"])


if __name__ == "__main__":
    unittest.main()

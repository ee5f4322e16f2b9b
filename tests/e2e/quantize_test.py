"""qed quantize: what it writes, by a reader of our own, and how it fails."""

import json
import os
import resource
import signal
import struct
import unittest

from hf_folder import HIDDEN, INNER, numbers, read_safetensors, write_folder, write_safetensors
from qed_run import qed, temporary_folder

FAILED, UNUSABLE = 1, 2
RECIPES = {
    "row": ("--scales", "row"),
    "int8": ("--qformat", "int8_wo"),
    "static": ("--scales", "tensor"),
}


def largest_step(dtype, scale, value):
    """Half the distance between the codes around a value."""
    if dtype == "I8":
        return 0.5 * scale
    return max(abs(value) / 16, scale * 2.0**-10)


class QuantizeTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.source = os.path.join(self.folder, "source")
        self.tensors = write_folder(self.source)
        self.texts = os.path.join(self.folder, "texts.jsonl")
        with open(self.texts, "w", encoding="utf-8") as file:
            for i in range(20):
                file.write(json.dumps({"text": f"{i} times {i} is {i * i}. " * 3}) + "\n")

    def quantize(self, *flags, output="made", **options):
        return qed("quantize", "--model", self.source, "--output",
                   os.path.join(self.folder, output), *flags, **options)

    def entries(self):
        return sorted(os.listdir(self.folder))

    def check_tensors(self, output):
        """Every code is the nearest; all else is as it was."""
        made = read_safetensors(os.path.join(self.folder, output, "model.safetensors"))
        for name, before in self.tensors.items():
            if "_proj.weight" not in name:
                self.assertEqual((made[name][0], made[name][2]), (before[0], before[2]), name)
                continue
            if f"{name}_packed" in made:
                rows, columns = struct.unpack("<2q", made[f"{name}_shape"][2])
                dtype, words = "I8", made[f"{name}_packed"][2]
                codes = [byte - 128 for byte in words]
                self.assertEqual((rows, columns), tuple(before[1]))
            else:
                dtype, (rows, columns), _ = made[name]
                codes = numbers(made[name])
            values = numbers(before)
            scales = numbers(made[name.replace("weight", "weight_scale")])
            self.assertIn(len(scales), (1, rows))
            for i, value in enumerate(values):
                scale = scales[i // columns % len(scales)]
                step = largest_step(dtype, scale, value) * (1 + 1e-5)
                self.assertLessEqual(abs(codes[i] * scale - value), step, (name, i))
        return made

    def test_every_recipe_in_both_layouts_is_read_back_and_runs(self):
        for recipe, flags in RECIPES.items():
            for export in ("modelopt", "compressed-tensors"):
                with self.subTest(recipe=recipe, export=export):
                    output = f"{recipe}-{export}"
                    run = self.quantize(*flags, "--export", export, "--calib-dataset", self.texts,
                                        "--rounding", "nearest", "--min-agreement", "0", "--json",
                                        output=output)
                    self.assertEqual(run.returncode, 0, run.stderr)
                    made = self.check_tensors(output)
                    report = json.loads(run.stdout)
                    self.assertLess(report["bytes_after"], report["bytes_before"])
                    self.assertEqual(len(report["matrices"]), 14)
                    self.assertEqual(len(report["worst_matrices"]), 10)
                    self.assertGreater(report["quality"]["tokens"], 50)
                    self.assertGreater(report["quality"]["top1_agreement"], 0.7)
                    self.assertLess(report["quality"]["kl"], 0.1)
                    inputs = [n for n in made if n.endswith("input_scale")]
                    self.assertEqual(len(inputs), 14 if recipe == "static" else 0)
                    folder = os.path.join(self.folder, output)
                    self.assertTrue(os.path.exists(f"{folder}/generation_config.json"))
                    self.assertEqual(os.path.exists(f"{folder}/hf_quant_config.json"),
                                     export == "modelopt")
                    run = qed("generate", "--model", folder, "--prompt", "1 + 1", "--max-tokens",
                              "4", "--device", "cpu", "--json")
                    self.assertEqual(run.returncode, 0, run.stderr)
                    self.assertEqual(len(json.loads(run.stdout)["token_ids"]), 4)

    def kept(self, output):
        """Linears of a folder without scales, each of which must be as it was."""
        made = read_safetensors(os.path.join(self.folder, output, "model.safetensors"))
        modules = [n[:-len(".weight")] for n in made if n.endswith("_proj.weight")]
        kept = [m for m in modules if f"{m}.weight_scale" not in made]
        for module in kept:
            before = self.tensors[f"{module}.weight"]
            now = made[f"{module}.weight"]
            self.assertEqual((now[0], now[2]), (before[0], before[2]), module)
        return sorted(kept)

    def named_in_configuration(self, output):
        path = os.path.join(self.folder, output)
        with open(f"{path}/config.json", encoding="utf-8") as file:
            config = json.load(file)["quantization_config"]
        if config["quant_method"] == "modelopt":
            with open(f"{path}/hf_quant_config.json", encoding="utf-8") as file:
                names = json.load(file)["quantization"]["exclude_modules"]
            self.assertEqual(config["ignore"], names)
        return sorted(set(config["ignore"]) - {"lm_head"})

    def generated(self, model):
        run = qed("generate", "--model", model, "--prompt", "1 + 1", "--max-tokens", "6",
                  "--device", "cpu", "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)["token_ids"]

    def test_what_is_ignored_stays_in_16_bits_with_all_that_readers_join_with_it(self):
        layer = "model.layers.0."
        joined = [f"{layer}self_attn.{part}_proj" for part in ("k", "q", "v")]
        down = [f"model.layers.{i}.mlp.down_proj" for i in (0, 1)]
        for export in ("modelopt", "compressed-tensors"):
            with self.subTest(export):
                run = self.quantize("--scales", "row", "--export", export, "--ignore",
                                    f"{layer}self_attn.k_proj", "--ignore", "*.down_proj",
                                    output=export)
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertIn("in 16 bits  5 of 14 linears", run.stdout)
                self.assertEqual(self.kept(export), sorted(joined + down))
                self.assertEqual(self.named_in_configuration(export), sorted(joined + down))
                folder = os.path.join(self.folder, export)
                run = qed("build", "--checkpoint", folder, "--output", f"{folder}-engine",
                          "--device", "cpu")
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertEqual(self.generated(folder), self.generated(f"{folder}-engine"))
                run = qed("build", "--checkpoint", folder, "--output", f"{folder}-plan",
                          "--device", "cuda", "--plan-only")
                self.assertEqual(run.returncode, 0, run.stderr)
        self.check_failure(self.quantize("--scales", "row", "--ignore", "*.middle_proj",
                                         output="none"), UNUSABLE, "--ignore *.middle_proj fits no")

    def test_a_goal_is_reached_by_keeping_linears_or_as_far_as_that_may_go(self):
        def report(*flags, output):
            run = self.quantize("--scales", "row", "--calib-dataset", self.texts, "--json", *flags,
                                output=output)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(sorted(os.listdir(os.path.join(self.folder, output))),
                             sorted(os.listdir(os.path.join(self.folder, "none"))))
            return json.loads(run.stdout)

        none = self.quantize("--scales", "row", "--calib-dataset", self.texts, "--min-agreement",
                             "0", "--json", output="none")
        self.assertEqual(none.returncode, 0, none.stderr)
        before = json.loads(none.stdout)["quality"]
        self.assertEqual(self.kept("none"), [])
        most = report("--min-agreement", "100", output="most")
        self.assertEqual(most["quality"]["top1_agreement"], 1.0)
        self.assertLess(most["quality"]["kl"], before["kl"])
        self.assertEqual(most["quality_without_kept"], before)
        kept = [m["name"][:-len(".weight")] for m in most["matrices"] if m["kept"]]
        self.assertEqual(self.kept("most"), sorted(kept))
        self.assertEqual(self.named_in_configuration("most"), sorted(kept))
        self.assertTrue(0 < len(kept) <= 14, kept)
        some = report("--min-agreement", "100", "--max-kept", "30", output="some")
        self.assertLessEqual(some["kept_share"], 0.3)
        self.assertLess(some["quality"]["kl"], before["kl"])

    def test_a_goal_that_is_missed_on_other_text_is_said(self):
        hard = "".join(chr(33 + i * i * 7 % 90) for i in range(400))
        with open(self.texts, "a", encoding="utf-8") as file:
            for text in ("1 1", hard):  # to choose by, and to judge by
                file.write(json.dumps({"text": text}) + "\n")
        flags = ("--scales", "row", "--calib-dataset", self.texts, "--eval-size", "2",
                 "--calib-size", "20", "--rounding", "nearest", "--json")
        run = self.quantize(*flags, "--min-agreement", "100", output="missed")
        self.assertEqual(run.returncode, 0, run.stderr)
        quality = json.loads(run.stdout)["quality"]
        self.assertGreater(quality["tokens"], 390)
        self.assertLess(quality["top1_agreement"], 1)
        self.assertIn("not the 100 % of --min-agreement", run.stderr)
        run = self.quantize(*flags, "--min-agreement", "10", output="reached")
        self.assertNotIn("--min-agreement", run.stderr)

    def test_compensated_codes_make_smaller_errors_where_it_counts(self):
        quality = {}
        for rounding in ("nearest", "compensated"):
            run = self.quantize("--qformat", "int8_wo", "--calib-dataset", self.texts, "--json",
                                "--min-agreement", "0", "--rounding", rounding, output=rounding)
            self.assertEqual(run.returncode, 0, run.stderr)
            quality[rounding] = json.loads(run.stdout)["quality"]
        self.assertLess(quality["compensated"]["kl"], quality["nearest"]["kl"])
        again = self.quantize("--qformat", "int8_wo", "--calib-dataset", self.texts, "--threads",
                              "1", "--min-agreement", "0", output="again")
        self.assertEqual(again.returncode, 0, again.stderr)
        made = [read_safetensors(os.path.join(self.folder, output, "model.safetensors"))
                for output in ("compensated", "again", "nearest")]
        self.assertEqual(made[0], made[1])
        self.assertNotEqual(made[0], made[2])

    def test_texts_come_from_tables_of_any_kind(self):
        with open(self.texts, encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        table = os.path.join(self.folder, "texts.csv")
        with open(table, "w", encoding="utf-8") as file:
            file.write("id,solution\n")
            file.writelines(f'{i},"{text}"\n' for i, text in enumerate(texts))
        for output, flags in (("jsonl", ("--calib-dataset", self.texts)),
                              ("csv", ("--calib-dataset", table, "--text-field", "solution"))):
            self.assertEqual(self.quantize(*flags, output=output).returncode, 0)
        made = [read_safetensors(os.path.join(self.folder, output, "model.safetensors"))
                for output in ("jsonl", "csv")]
        self.assertEqual(made[0], made[1])
        self.check_failure(self.quantize("--calib-dataset", table), UNUSABLE, "id, solution")

    def write_adapter(self, name, values):
        """W' = W + 2 B A, of rank 1, on one matrix."""
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        module = "base_model.model.model.layers.0.mlp.down_proj"
        a = struct.pack(f"<{INNER}f", *values)
        b = struct.pack(f"<{HIDDEN}f", *([0.5] * HIDDEN))
        write_safetensors(f"{folder}/adapter_model.safetensors",
                          {f"{module}.lora_A.weight": ("F32", (1, INNER), a),
                           f"{module}.lora_B.weight": ("F32", (HIDDEN, 1), b)})
        with open(f"{folder}/adapter_config.json", "w", encoding="utf-8") as file:
            json.dump({"peft_type": "LORA", "r": 1, "lora_alpha": 2,
                       "target_modules": ["down_proj"]}, file)
        return folder

    def test_an_adapter_is_merged_first(self):
        values = [0.01 * (i % 7) for i in range(INNER)]
        adapter = self.write_adapter("adapter", values)
        run = self.quantize("--qformat", "int8_wo", "--adapter", adapter)
        self.assertEqual(run.returncode, 0, run.stderr)
        name = "model.layers.0.mlp.down_proj.weight"
        dtype, shape, _ = self.tensors[name]
        merged = [w + values[i % INNER] for i, w in enumerate(numbers(self.tensors[name]))]
        self.tensors[name] = ("F32", shape, struct.pack(f"<{len(merged)}f", *merged))
        self.assertEqual(dtype, "BF16")
        self.check_tensors("made")

    def test_what_cannot_be_done_is_one_line_and_leaves_nothing(self):
        before = self.entries()
        taken = os.path.join(self.folder, "taken")
        os.makedirs(taken + "/x")
        bad_texts = os.path.join(self.folder, "bad.jsonl")
        with open(bad_texts, "w", encoding="utf-8") as file:
            file.write('{"text": "a"}\n{"problem": "b"}\n')
        cases = [
            (UNUSABLE, "wants --calib-dataset", ()),
            (UNUSABLE, "--qformat", ("--qformat", "int4")),
            (UNUSABLE, "--scales", ("--scales", "column")),
            (UNUSABLE, "--export", ("--scales", "row", "--export", "onnx")),
            (UNUSABLE, "--observer", ("--calib-dataset", self.texts, "--observer", "mean")),
            (UNUSABLE, "--rounding", ("--scales", "row", "--rounding", "up")),
            (UNUSABLE, "wants --calib-dataset", ("--scales", "row", "--rounding", "compensated")),
            (UNUSABLE, "--min-agreement", ("--scales", "row", "--min-agreement", "101")),
            (UNUSABLE, "--batch-size", ("--scales", "row", "--batch-size", "0")),
            (FAILED, "nothing.jsonl", ("--calib-dataset", "nothing.jsonl")),
            (UNUSABLE, "bad.jsonl", ("--calib-dataset", bad_texts)),
        ]
        for code, message, flags in cases:
            with self.subTest(message):
                self.check_failure(self.quantize(*flags), code, message)
        self.check_failure(self.quantize("--scales", "row", output="taken"), UNUSABLE,
                           "not an empty folder")
        self.check_failure(self.quantize("--scales", "row", output="texts.jsonl/x"), FAILED,
                           "cannot write")
        self.assertEqual(self.entries(), sorted([*before, "taken", "bad.jsonl"]))

    def check_failure(self, run, code, message):
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn(message, run.stderr)

    def test_weights_that_are_not_finite_are_named(self):
        before = self.entries()
        name = "model.layers.1.mlp.down_proj.weight"
        dtype, shape, content = self.tensors[name]
        for bits, what in ((b"\xc0\x7f", "NaN"), (b"\x80\xff", "infinity")):
            self.tensors[name] = (dtype, shape, content[:384] + bits + content[386:])
            write_safetensors(f"{self.source}/model.safetensors", self.tensors)
            run = self.quantize("--scales", "row")
            self.check_failure(run, FAILED, f"{name} holds {what} in row 2")
        self.assertEqual(self.entries(), before)

    def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(self):
        before = self.entries()

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

        run = self.quantize("--scales", "row", preexec_fn=small_files)
        self.check_failure(run, FAILED, "model.safetensors: File too large")
        self.assertEqual(self.entries(), before)

    def test_a_quantized_folder_or_a_gguf_file_is_no_source(self):
        self.assertEqual(self.quantize("--qformat", "int8_wo", output="int8").returncode, 0)
        self.source = os.path.join(self.folder, "int8")
        self.check_failure(self.quantize("--scales", "row", output="again"), UNUSABLE,
                           "quantized already")


if __name__ == "__main__":
    unittest.main()

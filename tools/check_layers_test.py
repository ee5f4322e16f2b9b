#!/usr/bin/env python3
"""Tests check_layers.py on small trees with known violations."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECKER = pathlib.Path(__file__).with_name("check_layers.py")


def run(files, law):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            path = root / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (root / "layers.txt").write_text(law)
        done = subprocess.run([sys.executable, CHECKER, root / "src", root / "layers.txt"],
                              capture_output=True, text=True)
        return done.returncode, done.stdout


class CheckLayers(unittest.TestCase):
    LAW = "base:\nkv: base\nengine: base kv\n"

    def test_lawful_tree(self):
        code, _ = run({"base/a.h": "", "kv/b.h": '#include "base/a.h"\n'}, self.LAW)
        self.assertEqual(code, 0)

    def test_upward_include(self):
        code, text = run({"base/a.h": '#include "kv/b.h"\n', "kv/b.h": ""}, self.LAW)
        self.assertEqual(code, 1)
        self.assertIn("base/a.h:1: base may not include kv", text)

    def test_unlisted_folder(self):
        code, text = run({"solve/a.h": ""}, self.LAW)
        self.assertEqual(code, 1)
        self.assertIn("folder solve is not in layers.txt", text)

    def test_law_with_a_cycle(self):
        code, text = run({}, "base: kv\nkv: base\n")
        self.assertEqual(code, 1)
        self.assertIn("base lists kv", text)

    def test_cuda_header_in_neutral_file(self):
        files = {"base/a.cc": "#include <cuda_runtime.h>\n", "base/b.cu": "#include <cuda_fp16.h>\n"}
        code, text = run(files, self.LAW)
        self.assertEqual(code, 1)
        self.assertIn("base/a.cc:1: CUDA header", text)
        self.assertNotIn("b.cu", text)

    def test_own_cuda_folder(self):
        files = {"cuda/a.h": "", "cuda/a.cuh": "", "cuda/b.cc": '#include "cuda/a.h"\n',
                 "cuda/c.cc": '#include "cuda/a.cuh"\n', "cuda/d_cuda.cc": '#include "cuda/a.cuh"\n'}
        code, text = run(files, "cuda:\n")
        self.assertEqual(code, 1)
        self.assertIn("cuda/c.cc:1: CUDA header", text)
        self.assertEqual(text.count("CUDA header"), 1)

    def test_include_without_folder(self):
        code, text = run({"base/a.h": '#include "b.h"\n'}, self.LAW)
        self.assertEqual(code, 1)
        self.assertIn("from the root of src/", text)


if __name__ == "__main__":
    unittest.main()

"""A model that cannot be used, and flags that cannot be: one line, no crash."""

import os
import struct
import unittest

from qed_run import MODEL, qed, require_model, temporary_folder

FAILED, UNUSABLE = 1, 2


def patched_header(find, offset, value):
    """The model's bytes with `value` written `offset` bytes after `find`'s end."""
    with open(MODEL, "rb") as file:
        content = bytearray(file.read())
    at = content.index(find) + len(find) + offset
    content[at:at + len(value)] = value
    return content


class BadModelTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)

    def file(self, content):
        path = os.path.join(self.folder, "model.gguf")
        with open(path, "wb") as file:
            file.write(content)
        return path

    def check(self, exit_code, message, *arguments):
        """The run fails with `exit_code` and one line that contains `message`."""
        run = qed(*arguments)
        self.assertEqual(run.returncode, exit_code, run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn(message, run.stderr)

    def generate(self, *flags, model=MODEL, prompt="One"):
        return ("generate", "--model", model, "--prompt", prompt, "--max-tokens", "2", *flags)

    def test_model_files(self):
        with open(MODEL, "rb") as file:
            good = file.read()
        # Behind a tensor's name: the number of dimensions (4 bytes), two of
        # them (8 bytes each), the type (4).
        embedding = b"token_embd.weight"
        for content in (b"", b"not a model at all"):
            self.check(UNUSABLE, "neither a GGUF file nor", *self.generate(model=self.file(content)))
        for content, message in [
                (b"GGUF", "model.gguf"),
                (good[:1000], "model.gguf"),
                (good[:-1], "truncated"),
                (good[:len(good) // 2], "truncated"),
                (patched_header(b"general.architecture", 12, b"lxama"), "lxama"),
                (patched_header(embedding, 20, struct.pack("<I", 250)), "token_embd.weight"),
                (patched_header(embedding, 12, struct.pack("<Q", 49120)),
                 "does not lie where the one before it ends"),
                (patched_header(embedding, 4, struct.pack("<Q", 2**62)), "token_embd.weight"),
        ]:
            with self.subTest(message):
                self.check(FAILED, message, *self.generate(model=self.file(content)))

    def test_missing_model(self):
        for arguments in [self.generate(model="no-such.gguf"), ("inspect", "no-such.gguf"),
                          ("tokenize", "--model", "no-such.gguf", "--text", "x"),
                          ("bench", "--model", "no-such.gguf")]:
            with self.subTest(arguments[0]):
                self.check(FAILED, "no-such.gguf", *arguments)

    def test_empty_folder(self):
        self.check(FAILED, self.folder, *self.generate(model=self.folder))

    def test_prompt_longer_than_the_context(self):
        self.check(UNUSABLE, "context", *self.generate(prompt="one two three " * 5000))
        self.check(UNUSABLE, "", *self.generate("--max-seq-len", "8", prompt="one two " * 10))

    def test_impossible_flags(self):
        for flags, message in [
                (("--no-such-flag",), "--no-such-flag"),
                (("--threads", "-1"), "--threads"),
                (("--threads", "2000"), "--threads"),
                (("--page-size", "24"), "page"),
                (("--page-size", "0"), "--page-size"),
                (("--kv-cache-bytes", "0"), "--kv-cache-bytes"),
                (("--max-batch-size", "0"), "--max-batch-size"),
                (("--max-seq-len", "100000000"), "--max-seq-len"),
                (("--compute", "f8"), "f8"),
                (("--top-p", "nan"), "--top-p"),
                (("--temperature", "hot"), "--temperature"),
                (("--adapter", "no-such-adapter"), "no-such-adapter"),
        ]:
            with self.subTest(flags):
                run = qed(*self.generate(*flags))
                self.assertIn(run.returncode, (FAILED, UNUSABLE), run.stderr)
                self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
                self.assertIn(message, run.stderr)

    def test_a_kv_cache_too_small_for_one_page(self):
        run = qed(*self.generate("--kv-cache-bytes", "1000"))
        self.assertNotEqual(run.returncode, 0)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn("1000", run.stderr)

    def test_no_command(self):
        for arguments in [(), ("no-such-command",), ("generate",)]:
            with self.subTest(arguments):
                run = qed(*arguments)
                self.assertEqual(run.returncode, UNUSABLE)
                self.assertEqual(run.stderr.count("\n"), 1, run.stderr)


if __name__ == "__main__":
    require_model()
    unittest.main()

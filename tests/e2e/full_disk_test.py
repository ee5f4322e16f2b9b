"""Real disks that are full or read-only: every command that writes ends in one line and keeps
nothing half-written. Skips where the kernel lets nobody mount a file system of his own."""

import json
import os
import subprocess
import unittest

import hub as hubs
from hf_folder import write_folder
from qed_run import BINARY, skip, temporary_folder

FAILED = 1
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]
# The disk goes with its namespace, so what is left on it is listed there.
SCRIPT = """
mount -t tmpfs -o size=$SIZE none "$DISK" || exit 77
[ -z "$READ_ONLY" ] || mount -o remount,ro "$DISK" || exit 77
"$@" > "$OUT" 2> "$ERR"
echo $? > "$STATUS"
cd "$DISK" && find . -mindepth 1 -printf '%P %s\\n' > "$LEFT"
"""


def can_mount():
    test = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], check=False,
                          capture_output=True)
    return test.returncode == 0


class FullDiskTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.disk = os.path.join(self.folder, "disk")
        os.makedirs(self.disk)

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def run_on_disk(self, size, read_only, arguments, environment=None):
        """(exit status, standard error, {what is left: its size})"""
        names = {name: self.path(name.lower()) for name in ("OUT", "ERR", "STATUS", "LEFT")}
        done = subprocess.run(
            [*UNSHARE, "sh", "-c", SCRIPT, "sh", BINARY, *arguments], check=False, timeout=120,
            env={**os.environ, **(environment or {}), **names, "DISK": self.disk,
                 "SIZE": str(size), "READ_ONLY": "yes" if read_only else ""})
        self.assertEqual(done.returncode, 0)
        left = dict(line.rsplit(" ", 1) for line in self.read("left").splitlines())
        return int(self.read("status")), self.read("err"), left

    def check(self, arguments, environment=None, may_stay=lambda name: False,
              full="No space left on device"):
        for read_only, size in ((False, 40_960), (True, 64 << 20)):
            with self.subTest(arguments[0], read_only=read_only):
                status, errors, left = self.run_on_disk(size, read_only, arguments, environment)
                self.assertEqual(status, FAILED, errors)
                self.assertEqual(errors.count("\n"), 1, errors)
                self.assertIn("Read-only file system" if read_only else full, errors)
                self.assertEqual([name for name in left if not may_stay(name)], [])

    def test_quantize(self):
        source = self.path("source")
        write_folder(source)
        self.check(["quantize", "--model", source, "--scales", "row", "--output",
                    f"{self.disk}/made"])

    def test_quantize_with_texts(self):
        source, texts = self.path("source"), self.path("texts.jsonl")
        write_folder(source)
        with open(texts, "w", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": f"{i} and {i}"}) + "\n" for i in range(12))
        self.check(["quantize", "--model", source, "--qformat", "fp8", "--calib-dataset", texts,
                    "--min-agreement", "100", "--output", f"{self.disk}/made"])

    def test_build(self):
        source = self.path("source")
        write_folder(source)
        for device in ("cpu", "cuda"):
            self.check(["build", "--checkpoint", source, "--device", device, "--output",
                        f"{self.disk}/engine"])

    def test_calibration_set(self):
        rows = self.path("rows.jsonl")
        with open(rows, "w", encoding="utf-8") as file:
            file.writelines(json.dumps({"problem": f"{i}?", "solution": os.urandom(400).hex()})
                            + "\n" for i in range(400))
        parquet = os.path.exists(os.path.join(os.path.dirname(BINARY), "libqed_parquet.so"))
        for name in ("texts.jsonl", *["texts.parquet"] * parquet):
            self.check(["calibration-set", "--input", rows, "--output", f"{self.disk}/{name}"])

    def test_download(self):
        files = {"config.json": b"{}", "model.safetensors": os.urandom(3_000_000)}
        with_hub = hubs.Hub({"acme/tiny": files})
        self.addCleanup(with_hub.close)
        # What came is gone on from, so it stays, under no name that anybody would read.
        self.check(["download", "acme/tiny", "--output", f"{self.disk}/tiny"],
                   environment=with_hub.environment(self.path("home")), full="0 MiB are free",
                   may_stay=lambda name: name == "tiny" or "qed-part" in name or
                   name == "tiny/config.json" or ".cache" in name)


if __name__ == "__main__":
    if not can_mount():
        skip("file systems cannot be mounted here")
    unittest.main()

"""The cache is one with Hugging Face's own tool: what either has fetched, the other finds."""

import os
import subprocess
import sys
import unittest

import hub as hubs
from download_test import FILES, REPO
from qed_run import qed, skip, temporary_folder

try:
    import huggingface_hub  # noqa: F401
except ImportError:
    skip("needs huggingface_hub (tests/requirements.txt)")

SCRIPT = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], local_files_only=sys.argv[2] == "offline",
                        **({"local_dir": sys.argv[3]} if len(sys.argv) > 3 else {})))
"""


class InteropTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.hub = hubs.Hub({REPO: dict(FILES)})
        self.addCleanup(self.hub.close)
        self.environment = self.hub.environment(os.path.join(self.folder, "home"),
                                                HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1",
                                                HF_HUB_DISABLE_PROGRESS_BARS="1")

    def theirs(self, *arguments):
        run = subprocess.run([sys.executable, "-c", SCRIPT, REPO, *arguments], text=True,
                             capture_output=True, env=self.environment, timeout=120, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.strip()

    def ours(self, *arguments):
        run = qed("download", REPO, *arguments, env=self.environment)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.strip()

    def fetched(self):
        return self.hub.count("hub") + self.hub.count("store")

    def check_files(self, folder):
        for path, content in FILES.items():
            with open(os.path.join(folder, path), "rb") as file:
                self.assertEqual(file.read(), content, path)

    def test_theirs_first(self):
        folder = self.theirs("online")
        before = self.fetched()
        self.assertEqual(self.ours(), folder)
        self.assertEqual(self.fetched(), before)
        self.check_files(folder)

    def test_ours_first(self):
        folder = self.ours()
        before = self.fetched()
        self.assertEqual(self.theirs("offline"), folder)
        self.assertEqual(self.theirs("online"), folder)
        self.assertEqual(self.fetched(), before)
        self.check_files(folder)

    def test_plain_folders(self):
        for first, second in [(self.theirs, self.ours), (self.ours, self.theirs)]:
            out = os.path.join(self.folder, first.__name__)
            call = lambda who, out=out: (who("online", out) if who == self.theirs
                                         else who("--output", out))
            call(first)
            before = self.fetched()
            call(second)
            self.assertEqual(self.fetched(), before, first.__name__)
            self.check_files(out)


if __name__ == "__main__":
    unittest.main()

"""`qed download` and models named by their hub's name, against a hub that fails in every
way: a file is right or absent, and what is wrong is one line."""

import hashlib
import os
import random
import resource
import signal
import subprocess
import tempfile
import time
import unittest

import hub as hubs
from qed_run import BINARY, MODEL, qed, temporary_folder

FAILED, UNUSABLE = 1, 2
REPO = "acme/tiny"


def noise(size, seed=0):
    return random.Random(seed).randbytes(size)


FILES = {
    "config.json": b'{"a": 1}',
    "empty.txt": b"",
    "model.safetensors": noise(3_500_000, 1),
    "sub/folder/data.bin": noise(1_200_000, 2),
    "twin.bin": noise(1_200_000, 2),
    "spaces and %s.json": b"[]",
}


class DownloadTest(unittest.TestCase):
    tls = None

    def setUp(self):
        self.folder = temporary_folder(self)
        self.home = os.path.join(self.folder, "home")
        self.hub = hubs.Hub({REPO: dict(FILES)}, tls=self.tls)
        self.addCleanup(self.hub.close)

    def download(self, *arguments, repo=REPO, environment=None, **options):
        more = environment or {}
        return qed("download", repo, *arguments, env=self.hub.environment(self.home, **more),
                   timeout=120, **options)

    def check_ok(self, run):
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stderr, "")
        return run.stdout.strip()

    def check_error(self, run, *parts, code=FAILED):
        self.assertEqual(run.returncode, code, run.stderr + run.stdout)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertEqual(run.stdout, "")
        for part in parts:
            self.assertIn(part, run.stderr)

    def check_files(self, folder, files=None):
        for path, content in (files or FILES).items():
            with open(os.path.join(folder, path), "rb") as file:
                self.assertEqual(hashlib.sha256(file.read()).digest(),
                                 hashlib.sha256(content).digest(), path)

    def left(self, folder=None):
        """Every file that is there, but for locks and notes."""
        found = set()
        for parent, _, names in os.walk(folder or self.home):
            found |= {os.path.join(parent, name) for name in names if not name.endswith(".lock")}
        return found

    def check_nothing_half(self):
        """Whatever has a name in a snapshot is right."""
        for path in self.left():
            self.assertNotIn("qed-part", path)
            if "/snapshots/" in path:
                name = path.split("/snapshots/")[1].split("/", 1)[1]
                self.check_files(path[:-len(name)], {name: FILES[name]})


class CacheTest(DownloadTest):

    def test_layout_and_second_run(self):
        folder = self.check_ok(self.download())
        root = os.path.join(self.home, "hub", "models--acme--tiny")
        self.assertEqual(folder, os.path.join(root, "snapshots", hubs.COMMIT))
        self.check_files(folder)
        with open(os.path.join(root, "refs", "main"), encoding="utf-8") as file:
            self.assertEqual(file.read(), hubs.COMMIT)
        for path, content in FILES.items():
            link = os.readlink(os.path.join(folder, path))
            self.assertFalse(os.path.isabs(link))
            self.assertEqual(os.path.basename(link), hubs.digest(content))
        self.assertEqual(set(os.listdir(os.path.join(root, "blobs"))),
                         {hubs.digest(content) for content in FILES.values()})
        before = self.hub.count("hub"), self.hub.count("store")
        self.assertEqual(self.check_ok(self.download()), folder)
        self.assertEqual((self.hub.count("hub"), self.hub.count("store")), before)
        self.assertEqual(self.check_ok(self.download(environment={"HF_HUB_OFFLINE": "1"})), folder)
        os.remove(os.path.join(folder, "config.json"))
        self.check_ok(self.download())  # linked again, not fetched
        self.assertEqual((self.hub.count("hub"), self.hub.count("store")), before)
        self.check_files(folder)

    def test_patterns_revisions_and_data_sets(self):
        self.hub.files["datasets/acme/sums"] = {"data/train-00000-of-00001.parquet": b"PAR1"}
        folder = self.check_ok(self.download("--include", "*.json", "--exclude", "spaces*"))
        self.assertEqual(os.listdir(folder), ["config.json"])
        folder = self.check_ok(self.download("--repo-type", "dataset", repo="acme/sums"))
        self.assertIn("datasets--acme--sums", folder)
        folder = self.check_ok(self.download("--include", "sub/", "--revision", "refs/pr/1"))
        self.check_files(folder, {"sub/folder/data.bin": FILES["sub/folder/data.bin"]})
        with open(os.path.join(folder, "../../refs/refs/pr/1"), encoding="utf-8") as file:
            self.assertEqual(file.read(), hubs.COMMIT)
        self.check_error(self.download("--include", "*.gguf"), "none that is asked for")

    def test_fifty_interruptions(self):
        self.hub.cuts = 50
        self.check_files(self.check_ok(self.download()))
        self.assertEqual(self.hub.cuts, 0)
        self.assertGreater(self.hub.count("store") + self.hub.count("hub"), 40)

    def test_the_process_dies_again_and_again(self):
        """Each start goes on where the last one was killed."""
        content = noise(24_000_000, 3)
        self.hub.files[REPO] = {"model.safetensors": content}
        pause = lambda kind, handler: bool(kind == "store" and time.sleep(0.03))
        self.hub.failures = pause
        environment = self.hub.environment(self.home)
        choice = random.Random(7)
        for _ in range(15):
            with subprocess.Popen([BINARY, "download", REPO, "--connections", "3"],
                                  env=environment, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                time.sleep(choice.uniform(0.02, 0.25))
                process.kill()
        folder = self.check_ok(self.download())
        self.check_files(folder, {"model.safetensors": content})
        self.check_nothing_half_of(content, folder)

    def check_nothing_half_of(self, content, folder):
        blobs = os.listdir(os.path.join(folder, "../../blobs"))
        self.assertEqual(blobs, [hubs.digest(content)])

    def test_interrupt_and_go_on(self):
        self.hub.failures = lambda kind, handler: bool(kind == "store" and time.sleep(1))
        with subprocess.Popen([BINARY, "download", REPO], env=self.hub.environment(self.home),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            time.sleep(0.7)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertEqual(stderr.count("\n"), 1, stderr)
        self.hub.failures = lambda kind, handler: False
        self.check_files(self.check_ok(self.download()))

    def test_two_at_once(self):
        self.hub.failures = lambda kind, handler: bool(kind == "store" and time.sleep(0.2))
        environment = self.hub.environment(self.home)
        runs = [subprocess.Popen([BINARY, "download", REPO], env=environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for _ in range(3)]
        for run in runs:
            stdout, stderr = run.communicate(timeout=60)
            self.assertEqual((run.returncode, stderr), (0, ""))
            self.check_files(stdout.strip())
        # Nobody fetched what another one had.
        self.assertEqual(self.hub.count("store"), 2)

    def test_a_server_without_ranges(self):
        self.hub.ranges = False
        self.hub.cuts = 4
        self.check_files(self.check_ok(self.download()))

    def test_wrong_contents(self):
        good = hubs.digest(FILES["model.safetensors"])
        for content in (noise(3_500_000, 9), FILES["model.safetensors"][:-1] + b"x"):
            def other(kind, handler, content=content):
                if kind != "store" or good not in handler.path:
                    return False
                handler.send_file(content)
                return True
            self.hub.failures = other
            self.check_error(self.download(), "model.safetensors", "does not have the digest", good)
            self.check_nothing_half()
        self.hub.failures = lambda kind, handler: False
        small = dict(FILES, **{"config.json": b'{"a": 2}'})
        self.hub.files[REPO] = small
        self.hub.listed = {"config.json": {"blobId": hubs.git_hash(b'{"a": 1}')}}
        self.home = os.path.join(self.folder, "another home")
        self.check_error(self.download(), "config.json", "does not have the digest")
        self.check_nothing_half()

    def test_wrong_sizes(self):
        for size in (3_500_001, 3_499_999, 10):
            self.hub.listed = {"model.safetensors": {
                "size": size, "lfs": {"sha256": hubs.digest(FILES["model.safetensors"]),
                                      "size": size}}}
            self.check_error(self.download("--patience", "0.3"), "model.safetensors", str(size))
            self.check_nothing_half()

    def test_sizes_whose_sum_no_number_holds(self):
        huge = {"size": 2**63 - 1, "lfs": None}
        self.hub.listed = {"config.json": huge, "model.safetensors": huge}
        self.check_error(self.download(), REPO, "more than 1 PiB")
        self.check_nothing_half()

    def test_a_list_without_sizes(self):
        self.hub.listed = {path: {"size": None, "blobId": None, "lfs": None} for path in FILES}
        self.check_files(self.check_ok(self.download()))
        self.assertGreater(self.hub.count("head", "HEAD"), 0)

    def test_names_that_lead_outside(self):
        for name in ("../evil", "a/../../evil", "/tmp/qed-evil", "a//b", "", "a\\..\\b"):
            self.hub.listed = {"config.json": {"rfilename": name}}
            self.check_error(self.download(), "such a name could lie outside")
        self.assertEqual(self.left(), set())

    def test_answers_that_are_no_lists(self):
        for body in (b"", b"{", b"[]", b'{"sha": "../x", "siblings": []}', b'{"sha": 1}',
                     b"x" * 1000, b'{"sha": "%s", "siblings": [5]}' % hubs.COMMIT.encode()):
            def api(kind, handler, body=body):
                return kind == "api" and (handler.answer(200, body), True)[1]
            self.hub.failures = api
            self.check_error(self.download(), REPO)


class ErrorTest(DownloadTest):

    def fail(self, status, kinds=("api",), times=None, headers=()):
        """The next `times` answers of these kinds (all of them without a number)."""
        left = [times if times is not None else 10**9]

        def failure(kind, handler):
            if kind not in kinds or left[0] == 0:
                return False
            left[0] -= 1
            handler.answer(status, b"no", headers)
            return True

        self.hub.failures = failure

    def test_what_stays(self):
        for status, headers, part in [
                (401, (), "HF_TOKEN"),
                (403, (), "HF_TOKEN"),
                (404, (), "no such repository"),
                (404, [("X-Error-Code", "RevisionNotFound")], 'no revision "main"'),
                (401, [("X-Error-Code", "GatedRepo")], "gated"),
                (403, [("X-Error-Code", "GatedRepo")], "accept its terms at"),
                (418, (), "418"),
        ]:
            with self.subTest(status=status, headers=headers):
                self.fail(status, headers=headers)
                start = time.monotonic()
                self.check_error(self.download(), part, str(status), REPO)
                self.assertLess(time.monotonic() - start, 10)
                self.fail(status, kinds=("store", "hub"), headers=headers)
                self.check_error(self.download(), str(status), REPO)
                self.check_nothing_half()

    def test_what_passes(self):
        for status, headers in [(429, [("Retry-After", "1")]), (500, ()), (502, ()), (503, ()),
                                (504, ()), (408, ())]:
            with self.subTest(status=status):
                self.fail(status, kinds=("api", "hub", "store"), times=3, headers=headers)
                start = time.monotonic()
                self.check_files(self.check_ok(self.download("--output", f"{self.folder}/{status}")))
                if headers:
                    self.assertGreater(time.monotonic() - start, 0.9)

    def test_what_lasts_too_long(self):
        self.fail(503)
        self.check_error(self.download("--patience", "0.5"), "503")
        self.fail(429, headers=[("Retry-After", "1000")])
        self.check_error(self.download("--patience", "5"), "429", "1000 s")
        self.fail(503, kinds=("store",))
        self.check_error(self.download("--patience", "0.5"), "503", "goes on with what is there")

    def test_nobody_there(self):
        url = self.hub.url
        self.hub.close()
        self.check_error(self.download("--patience", "0.3", environment={"HF_ENDPOINT": url}),
                         "127.0.0.1")
        self.check_error(self.download(environment={"HF_ENDPOINT": "ftp://x"}), "HF_ENDPOINT",
                         code=UNUSABLE)
        self.check_error(self.download(environment={"HF_HUB_OFFLINE": "1"}), "HF_HUB_OFFLINE")

    def test_redirects_without_end(self):
        self.hub.failures = lambda kind, handler: kind == "hub" and (
            handler.answer(302, headers=[("Location", handler.path)]), True)[1]
        self.check_error(self.download("--patience", "0.5"), "redirects without end")

    def test_unusable_arguments(self):
        for arguments in (["no such"], ["../x"], [REPO, "--repo-type", "space"],
                          [REPO + "@main", "--revision", "main"], [REPO, "--connections", "0"],
                          [REPO, "--revision", "../x"]):
            self.check_error(self.download(*arguments[1:], repo=arguments[0]), code=UNUSABLE)

    def test_the_token_stays_at_the_hub(self):
        with_token = [{"HF_TOKEN": "hf_secret"}, {}]
        os.makedirs(self.home)
        with open(os.path.join(self.home, "token"), "w", encoding="utf-8") as file:
            file.write("hf_secret\n")
        for number, environment in enumerate(with_token):
            self.check_ok(self.download("--output", f"{self.folder}/{number}",
                                        environment=environment))
        seen = {(kind, token) for kind, _, _, _, token in self.hub.requests}
        self.assertEqual(seen, {("api", "Bearer hf_secret"), ("hub", "Bearer hf_secret"),
                                ("store", None)})
        self.check_error(self.download(environment={"HF_TOKEN": "a b"}), "HF_TOKEN", code=UNUSABLE)

    def test_netrc(self):
        path = os.path.join(self.folder, "netrc")
        with open(path, "w", encoding="utf-8") as file:
            file.write("machine localhost login me password secret\n")
        self.check_ok(self.download(environment={"NETRC": path}))
        seen = {(kind, token) for kind, _, _, _, token in self.hub.requests}
        self.assertIn(("store", "Basic bWU6c2VjcmV0"), seen)
        self.assertNotIn(("hub", "Basic bWU6c2VjcmV0"), seen)

    def test_proxy(self):
        """The proxy is asked for a host that nobody else knows; the loopback goes direct."""
        environment = {"HF_ENDPOINT": "http://hub.test:8000", "http_proxy": self.hub.url}
        run = self.download(environment={**environment, "HF_HUB_CACHE": f"{self.folder}/c"})
        self.check_error(run, "hub.test:8000 answers 404")
        self.assertEqual(self.hub.requests[-1][2].split("/api")[0], "http://hub.test:8000")
        self.check_files(self.check_ok(self.download(environment={"http_proxy": "http://x.invalid"})))


class DiskTest(DownloadTest):

    def test_plain_folder(self):
        out = os.path.join(self.folder, "out")
        self.assertEqual(self.check_ok(self.download("--output", out)), out)
        self.check_files(out)
        before = self.hub.count("hub"), self.hub.count("store")
        self.check_ok(self.download("--output", out))
        self.assertEqual((self.hub.count("hub"), self.hub.count("store")), before)
        with open(os.path.join(out, "config.json"), "wb") as file:
            file.write(b'{"a": 7}')
        os.utime(os.path.join(out, "config.json"), (time.time() + 100,) * 2)
        self.check_ok(self.download("--output", out))
        self.check_files(out)
        self.assertEqual(self.hub.count("store"), before[1])

    def test_no_room(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        self.check_error(self.download(preexec_fn=limit), "cannot write")
        self.check_nothing_half()

    def test_a_full_disk(self):
        script = ('mount -t tmpfs -o size=2m none "$0" && HF_HOME="$0" "$@"; code=$?; '
                  'find "$0" -type f ! -name "*.lock" | grep -v -e config.json; exit $code')
        folder = os.path.join(self.folder, "disk")
        os.mkdir(folder)
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, folder]
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("this machine allows no file systems of one's own")
        run = subprocess.run([*command, BINARY, "download", REPO], capture_output=True, text=True,
                             timeout=60, env=self.hub.environment(self.home), check=False)
        self.check_error(run, "MiB are free")

    def test_a_target_that_cannot_be_written(self):
        blocked = os.path.join(self.folder, "file")
        with open(blocked, "w", encoding="utf-8"):
            pass
        self.check_error(self.download("--output", os.path.join(blocked, "x")), blocked)
        self.check_error(self.download(environment={"HF_HOME": os.path.join(blocked, "x")}), blocked)


class TlsTest(DownloadTest):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.authority, cls.tls = hubs.make_certificates(folder.name)

    def test_a_trusted_authority(self):
        environment = {"SSL_CERT_FILE": self.authority, "HF_TOKEN": "hf_secret"}
        self.hub.cuts = 5
        self.check_files(self.check_ok(self.download(environment=environment)))
        self.assertIn(("api", "Bearer hf_secret"),
                      {(kind, token) for kind, _, _, _, token in self.hub.requests})

    def test_one_that_nobody_knows(self):
        run = self.download(environment={"HF_TOKEN": "hf_secret"})
        self.check_error(run, "certificate is not trusted")
        self.assertEqual(self.hub.requests, [])

    def test_no_way_back_to_plain_http(self):
        self.hub.failures = lambda kind, handler: kind == "hub" and (
            handler.answer(302, headers=[("Location", "http://127.0.0.1:1/x")]), True)[1]
        run = self.download("--patience", "0.5", environment={"SSL_CERT_FILE": self.authority})
        self.check_error(run, "from https to http")


class ModelTest(DownloadTest):

    def test_models_by_name(self):
        if not os.path.exists(MODEL):
            self.skipTest("needs the default model")
        with open(MODEL, "rb") as file:
            self.hub.files["acme/gguf"] = {"README.md": b"#", "model.gguf": file.read()}
        environment = self.hub.environment(self.home)
        for name in ("acme/gguf", "acme/gguf@main"):
            run = qed("tokenize", "--model", name, "--text", "a b", "--json", env=environment)
            self.assertEqual(run.stdout, qed("tokenize", "--model", MODEL, "--text", "a b",
                                             "--json").stdout, run.stderr)
        self.hub.close()  # it is in the cache now
        run = qed("inspect", "acme/gguf", env=environment)
        self.assertEqual(run.returncode, 0, run.stderr)
        run = qed("generate", "--model", "acme/gguf", "--prompt", "1 + 1 =", "--max-tokens", "2",
                  env=environment)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_models_that_are_not_there(self):
        run = qed("generate", "--model", "acme/none", "--prompt", "x",
                  env=self.hub.environment(self.home))
        self.check_error(run, "no file or folder acme/none", "404")
        self.hub.files["acme/two"] = {"a.gguf": b"1", "b.gguf": b"2"}
        run = qed("inspect", "acme/two", env=self.hub.environment(self.home))
        self.check_error(run, "a.gguf, b.gguf", code=UNUSABLE)
        run = qed("inspect", "acme/none", env=self.hub.environment(self.home, HF_HUB_OFFLINE="1"))
        self.check_error(run, "HF_HUB_OFFLINE")


if __name__ == "__main__":
    unittest.main()

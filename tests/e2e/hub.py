"""A hub of Hugging Face's kind on the loopback, which fails as it is told.

Speaks what qed and huggingface_hub ask: the API's revision and tree, HEAD and GET of
files with ranges; big files ("lfs") by a redirect to a store on another port. HTTP, or
HTTPS with a certificate of an authority that is made for the test.
"""

import contextlib
import functools
import hashlib
import http.server
import json
import os
import random
import ssl
import subprocess
import threading
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LFS_BYTES = 10_000  # files from this size on are in the store


def git_hash(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@functools.lru_cache(maxsize=None)
def digest(content):
    """The name of a blob: as the hub's ETag says it."""
    if len(content) >= LFS_BYTES:
        return hashlib.sha256(content).hexdigest()
    return git_hash(content)


class Hub:
    """State that handlers share; tests change it while the servers run.

    files: {repo: {path: content}}; repo is "ORG/NAME" or "datasets/ORG/NAME".
    failures: called with (kind, handler) before each answer, kind being "api", "head",
        "hub" or "store"; answers itself and returns True, or returns False.
    cuts: how many files' bodies are still to be cut off at a random byte.
    """

    def __init__(self, files, tls=None):
        self.files = files
        self.listed = {}  # {path: changes of what the list says of it}
        self.failures = lambda kind, handler: False
        self.cuts = 0
        self.random = random.Random(1)
        self.ranges = True
        self.lock = threading.Lock()
        self.requests = []  # (kind, method, path, range, authorization)
        self.tls = tls
        self.servers = [self._serve(_HubHandler), self._serve(_StoreHandler)]
        self.url, self.store_url = [
            f"http{'s' if tls else ''}://{host}:{server.server_address[1]}"
            for host, server in zip(("127.0.0.1", "localhost"), self.servers)]

    def _serve(self, handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # clients that go away are part of the tests
        server.hub = self
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            server.socket = context.wrap_socket(server.socket, server_side=True,
                                                do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def count(self, kind, method="GET"):
        with self.lock:
            return sum(1 for request in self.requests if request[:2] == (kind, method))

    def environment(self, home, **more):
        names = {"HF_ENDPOINT": self.url, "HF_HOME": home, **more}
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("HF_", "HUGGING", "TRANSFORMERS_", "SSL_CERT", "CURL_CA"))
                and "proxy" not in name.lower()}
        return {**kept, **names}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kind = None

    def log_message(self, *_):
        pass

    @property
    def hub(self):
        return self.server.hub

    def note(self, kind):
        self.kind = kind
        with self.hub.lock:
            self.hub.requests.append((kind, self.command, self.path, self.headers.get("Range"),
                                      self.headers.get("Authorization")))

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if "Content-Length" not in dict(headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        with self.hub.lock:
            cut = self.kind != "api" and self.hub.cuts > 0 and len(body) > 0
            self.hub.cuts -= cut
            if cut:
                body = body[:self.hub.random.randrange(len(body))]
        with contextlib.suppress(OSError):
            self.wfile.write(body)
            self.wfile.flush()
        if cut:
            self.close_connection = True
            self.connection.close()

    def send_file(self, content, headers=()):
        wanted = self.headers.get("Range")
        if wanted and self.hub.ranges:
            first, last = wanted.removeprefix("bytes=").split("-")
            begin, end = int(first), min(int(last or len(content) - 1) + 1, len(content))
            span = ("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
            return self.answer(206, content[begin:end], (span, *headers))
        return self.answer(200, content, headers)


class _StoreHandler(_Handler):

    def do_GET(self):
        self.note("store")
        if self.hub.failures("store", self):
            return
        name = self.path.strip("/").split("?")[0]
        for files in self.hub.files.values():
            for content in files.values():
                if digest(content) == name:
                    return self.send_file(content)
        self.answer(404)

    do_HEAD = do_GET


class _HubHandler(_Handler):

    def do_GET(self):
        path = urllib.parse.unquote(self.path.split("?")[0])
        kind = "api" if path.startswith("/api/") else "head" if self.command == "HEAD" else "hub"
        self.note(kind)
        if self.hub.failures(kind, self):
            return
        for repo, files in self.hub.files.items():
            api = "/api/" + (repo if repo.startswith("datasets/") else "models/" + repo)
            if path.startswith(api + "/revision/"):
                return self.send_json({"id": repo, "sha": COMMIT, "private": False, "siblings":
                                       [self.sibling(*item) for item in files.items()]})
            if path.startswith(api + "/tree/"):
                return self.send_json([self.leaf(*item) for item in files.items()])
            if path.startswith(f"/{repo}/resolve/"):
                name = path.removeprefix(f"/{repo}/resolve/").split("/", 1)[1]
                if name in files:
                    return self.resolve(files[name])
        self.answer(404, headers=[("X-Error-Code", "RepoNotFound")])

    do_HEAD = do_GET

    def send_json(self, value):
        self.answer(200, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def sibling(self, path, content):
        entry = {"rfilename": path, "size": len(content), "blobId": git_hash(content)}
        if len(content) >= LFS_BYTES:
            entry["lfs"] = {"sha256": digest(content), "size": len(content), "pointerSize": 134}
        entry.update(self.hub.listed.get(path, {}))
        return entry

    def leaf(self, path, content):
        entry = {"type": "file", "path": path, "size": len(content), "oid": git_hash(content)}
        if len(content) >= LFS_BYTES:
            entry["lfs"] = {"oid": digest(content), "size": len(content), "pointerSize": 134}
        return entry

    def resolve(self, content):
        common = [("X-Repo-Commit", COMMIT), ("ETag", f'"{digest(content)}"')]
        if len(content) < LFS_BYTES:
            if self.command == "HEAD":
                common.append(("Content-Length", str(len(content))))
            return self.send_file(content, common)
        common += [("X-Linked-Size", str(len(content))), ("X-Linked-Etag", f'"{digest(content)}"'),
                   ("Location", f"{self.hub.store_url}/{digest(content)}?signature=a")]
        return self.answer(302, headers=common)


def make_certificates(folder):
    """An authority and a certificate of it for the loopback: (authority, (cert, key))."""
    path = lambda name: os.path.join(folder, name)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", path("ca.key"), "-out", path("ca.pem"), "-subj", "/CN=test authority",
            "-days", "2")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", path("host.key"), "-out", path("host.csr"), "-subj", "/CN=localhost")
    with open(path("host.ext"), "w", encoding="utf-8") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", path("host.csr"), "-CA", path("ca.pem"), "-CAkey",
            path("ca.key"), "-CAcreateserial", "-out", path("host.pem"), "-days", "2",
            "-extfile", path("host.ext"))
    return path("ca.pem"), (path("host.pem"), path("host.key"))

"""Who may ask our servers: what a web page of another site, a stranger or a form can send, and
what ours can. The same for `qed serve` and `qed sandbox`."""

import contextlib
import http.client
import json
import os
import subprocess
import tempfile

from qed_run import BINARY, MODEL, require_model
from sandbox_run import Sandbox
from serve_run import Server

KEY = "s3cret-key"


class Served:
    """One of the two servers: its address and a route that changes something."""

    def __init__(self, kind, *flags):
        if kind == "serve":
            self.server = Server(*flags)
            self.port = self.server.address.port
            self.path, self.headers = "/v1/completions", {}
            self.body = json.dumps({"prompt": "2+2=", "max_tokens": 1})
        else:
            self.server = Sandbox(*flags)
            self.port = self.server.port
            self.path, self.headers = "/execute", {"X-Session-ID": "s"}
            self.body = json.dumps({"generated_code": "6*7", "timeout": 20})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.process.kill()
        self.server.process.wait()

    def ask(self, method="POST", path=None, body=None, **headers):
        """Status, header and body. A header of None is left out."""
        fields = {"Host": f"localhost:{self.port}", **self.headers}
        if method == "POST":
            fields["Content-Type"] = "application/json"
            body = self.body if body is None else body
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.putrequest(method, path or self.path, skip_host=True,
                                  skip_accept_encoding=True)
            for name, value in fields.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(None if body is None else body.encode())
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read().decode()


def expect(reply, status, kind):
    assert reply[0] == status, (kind, reply)
    if status >= 400 and reply[2]:
        error = json.loads(reply[2])["error"]
        message = error["message"] if kind == "serve" else error
        assert message and "\n" not in message, reply


def test_strangers_pages(kind):
    """What a page elsewhere can make a browser send, each in its own way."""
    with Served(kind) as served:
        evil = "http://evil.example"
        expect(served.ask(), 200, kind)
        expect(served.ask(Host="evil.example:6000"), 403, kind)
        expect(served.ask(Origin=evil), 403, kind)
        expect(served.ask(Origin="null"), 403, kind)
        expect(served.ask(Origin=f"http://127.0.0.1:{served.port}"), 403, kind)
        expect(served.ask(Origin=f"http://localhost:{served.port}"), 200, kind)
        expect(served.ask("GET", "/health", Host="evil.example"), 403, kind)
        expect(served.ask("GET", "/metrics", Origin=evil), 403, kind)
        expect(served.ask("DELETE", "/sessions/s", Origin=evil), 403, kind)
        form = "application/x-www-form-urlencoded"
        for body_type in ("text/plain", "multipart/form-data", form, None):
            expect(served.ask(Content_Type=body_type), 415, kind)
        expect(served.ask(Content_Type=form, User_Agent="curl/7.88.1"), 415, kind)
        preflight = served.ask("OPTIONS", Origin=evil, Access_Control_Request_Method="POST")
        expect(preflight, 403, kind)
        assert "Access-Control-Allow-Origin" not in preflight[1], preflight[1]
        metrics = served.ask("GET", "/metrics")[2]
        name = "qed_forbidden" if kind == "serve" else "qed_sandbox_forbidden"
        assert f"{name}_requests_total 13" in metrics, metrics


def test_pages_that_are_allowed(kind):
    page = "http://page.example:3000"
    with Served(kind, "--cors-origin", f"{page},https://b.example", "--allowed-host", "qed.example",
                "--cors-origin", "http://c.example") as served:
        status, headers, _ = served.ask("OPTIONS", Origin=page, Access_Control_Request_Method="POST",
                                        Access_Control_Request_Headers="content-type,x-session-id")
        assert status == 204 and headers["Access-Control-Allow-Origin"] == page, headers
        assert headers["Access-Control-Allow-Headers"] == "content-type,x-session-id", headers
        for origin in (page, "https://b.example", "http://c.example"):
            reply = served.ask(Origin=origin, Host="qed.example")
            expect(reply, 200, kind)
            assert reply[1]["Access-Control-Allow-Origin"] == origin, reply[1]
        reply = served.ask(Origin=page, body="{")
        expect(reply, 400, kind)  # whose text the page may read
        assert reply[1]["Access-Control-Allow-Origin"] == page, reply[1]
        expect(served.ask(Origin="http://d.example"), 403, kind)


def test_key(kind):
    """Of a file; every route wants it, a browser's question beforehand does not."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(KEY + "\n")
        file.flush()
        with Served(kind, "--api-key", file.name, "--cors-origin", "*") as served:
            for method, path in (("POST", None), ("GET", "/health"), ("GET", "/metrics"),
                                 ("GET", "/"), ("GET", "/sessions"), ("DELETE", "/sessions/s"),
                                 ("GET", "/v1/models"), ("POST", "/tokenize")):
                expect(served.ask(method, path), 401, kind)
                expect(served.ask(method, path, Authorization="Bearer " + KEY + "x"), 401, kind)
            expect(served.ask(Authorization="Bearer " + KEY), 200, kind)
            expect(served.ask("GET", "/health", Authorization="Bearer " + KEY), 200, kind)
            status, headers, _ = served.ask("OPTIONS", Origin="http://page.example",
                                            Access_Control_Request_Method="POST")
            assert status == 204 and headers["Access-Control-Allow-Origin"] == "*", headers


def command(kind):
    return ("serve", "--model", MODEL) if kind == "serve" else ("sandbox",)


def test_key_of_the_environment(kind):
    os.environ["QED_API_KEY"] = KEY
    try:
        with Served(kind) as served:
            expect(served.ask(), 401, kind)
            expect(served.ask(Authorization="Bearer " + KEY), 200, kind)
    finally:
        del os.environ["QED_API_KEY"]


def test_unusable_flags(kind):
    for flags in (("--api-key", "/nonexistent"), ("--allowed-host", "http://x"),
                  ("--cors-origin", "x")):
        done = subprocess.run([BINARY, *command(kind), "--port", "0", *flags], text=True,
                              capture_output=True, check=False)
        assert done.returncode in (1, 2) and flags[0] in done.stderr, (flags, done)
        assert done.stderr.count("\n") == 1, done.stderr


def test_warning(kind):
    """Loud where strangers may come, silent where they may not."""
    for flags, warned in ((("--host", "0.0.0.0"), True), (("--host", "127.0.0.1"), False)):
        process = subprocess.Popen([BINARY, *command(kind), "--port", "0", *flags],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "http://" in process.stdout.readline()
        process.kill()
        assert ("WARNING: everyone" in process.communicate()[1]) == warned, flags


def main():
    require_model()
    os.environ.pop("QED_API_KEY", None)
    for kind in ("sandbox", "serve"):
        for test in (test_strangers_pages, test_pages_that_are_allowed, test_key,
                     test_key_of_the_environment, test_unusable_flags, test_warning):
            test(kind)
            print("ok", kind, test.__name__, flush=True)


if __name__ == "__main__":
    main()

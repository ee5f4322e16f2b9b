"""`qed solve` with a model server and a sandbox behind TLS."""

import contextlib
import os
import select
import socket
import ssl
import threading
import time
import unittest

import hub as hubs
from qed_run import qed, read_lines, require_model, temporary_folder, write_problems
from sandbox_run import sandbox
from serve_run import Server

require_model()


class TlsFront:
    """Takes TLS connections on the loopback and hands their bytes to a plain server."""

    def __init__(self, certificate, port):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.port = port
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            secure = self.context.wrap_socket(client, server_side=True)
            with socket.create_connection(("127.0.0.1", self.port)) as plain:
                while True:
                    ready = [secure] if secure.pending() else select.select([secure, plain], [], [])[0]
                    for source in ready:
                        data = source.recv(65536)
                        if not data:
                            return
                        (plain if source is secure else secure).sendall(data)

    def close(self):
        self.listener.close()


class HttpsTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        self.authority, self.certificate = hubs.make_certificates(self.folder)
        self.problems = os.path.join(self.folder, "problems.jsonl")
        write_problems(self.problems, [{"problem": f"What is {i} + {i}?"} for i in range(3)])

    def front(self, port):
        front = TlsFront(self.certificate, port)
        self.addCleanup(front.close)
        return front

    def solve(self, server, sandbox, name, **environment):
        return qed("solve", self.problems, "--server", server, "--sandbox", sandbox, "--samples", "2",
                   "--max-tokens", "24", "--output", os.path.join(self.folder, name),
                   env={**os.environ, **environment})

    def texts(self, name):
        records = read_lines(os.path.join(self.folder, name, "samples.jsonl"))
        return sorted((record["problem_id"], record["sample"], str(record["segments"]))
                      for record in records)

    def test_the_same_samples_over_tls(self):
        with Server() as server, sandbox() as programs:
            plain = self.solve(server.url, programs.url, "plain")
            self.assertEqual(plain.returncode, 0, plain.stderr)
            fronts = self.front(server.address.port), self.front(programs.port)
            secure = self.solve(*[front.url for front in fronts], "secure",
                                SSL_CERT_FILE=self.authority)
            self.assertEqual(secure.returncode, 0, secure.stderr)
            self.assertEqual(self.texts("secure"), self.texts("plain"))
            for front in fronts:
                self.assertGreater(front.connections, 0)
            start = time.monotonic()
            unknown = self.solve(fronts[0].url, "off", "unknown")
            self.assertEqual(unknown.returncode, 1)
            self.assertEqual(unknown.stderr.count("\n"), 1, unknown.stderr)
            self.assertIn("certificate is not trusted", unknown.stderr)
            self.assertLess(time.monotonic() - start, 10)


if __name__ == "__main__":
    unittest.main()

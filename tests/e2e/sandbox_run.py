"""A `qed sandbox` process and the requests that a NeMo-Skills client sends it."""

import contextlib
import http.client
import json
import pathlib
import re
import socket
import subprocess
import sys

from qed_run import BINARY

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))
import process_tree


class Sandbox:
    def __init__(self, *flags):
        self.process = subprocess.Popen([BINARY, "sandbox", "--port", "0", *flags],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        match = re.search(r"listens on (http://127\.0\.0\.1:(\d+))", line)
        assert match, line + self.process.stderr.read()
        self.url, self.port = match.group(1), int(match.group(2))

    def request(self, method, path, body=None, headers=None, timeout=60):
        """Status, headers and body of the reply."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            types = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, body, {**types, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()

    def post(self, fields, session=None):
        headers = {} if session is None else {"X-Session-ID": session}
        status, _, body = self.request("POST", "/execute", json.dumps(fields), headers)
        return status, json.loads(body)

    def run(self, code, session, timeout=20, **fields):
        """The reply of a cell of a notebook, as the recipe's client asks for it."""
        status, reply = self.post({
            "generated_code": code, "timeout": timeout, "language": "ipython", "std_input": "",
            "max_output_characters": 1000, "traceback_verbosity": "Plain", **fields}, session)
        assert status == 200, (status, reply)
        assert set(reply) == {"process_status", "stdout", "stderr", "new_session_created"}, reply
        return reply

    def get_json(self, path):
        status, _, body = self.request("GET", path)
        assert status == 200, (status, body)
        return json.loads(body)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def descendants(self):
        """The processes below the server that have not ended."""
        return process_tree.descendants(self.process.pid)

    def terminate(self):
        """The exit code after SIGTERM, and what the log said."""
        self.process.terminate()
        _, log = self.process.communicate(timeout=60)
        return self.process.returncode, log

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@contextlib.contextmanager
def sandbox(*flags):
    """Ends well after use: with 0 on SIGTERM."""
    server = Sandbox(*flags)
    try:
        yield server
        code, log = server.terminate()
        assert code == 0, (code, log[-2000:])
    finally:
        server.kill()

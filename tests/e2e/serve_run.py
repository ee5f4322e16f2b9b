"""Starts `qed serve` for a test and asks it things."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

from qed_run import BINARY, MODEL

SMALL = ("--model", MODEL, "--threads", "2", "--port", "0", "--max-seq-len", "1024")


class Server:
    """A running server; a context manager. Its log lines are kept in `log`."""

    def __init__(self, *flags, adapter="none", kv_cache_bytes=64 << 20):
        self.start(*SMALL, "--adapter", adapter, "--kv-cache-bytes", str(kv_cache_bytes), *flags)

    def start(self, *flags, environment=None):
        self.process = subprocess.Popen([BINARY, "serve", *flags], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment)
        line = self.process.stdout.readline()
        if " at http://" not in line:
            raise RuntimeError(f"no server: {line}{self.process.stderr.read()}")
        self.name = line.split()[1]
        self.url = line.split(" at ")[1].strip()
        self.address = urllib.parse.urlsplit(self.url)
        self.log = []
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def request(self, method, path, body=None, timeout=120):
        """Status, headers and body."""
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port,
                                                timeout=timeout)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def post(self, path, body):
        """Status and parsed body."""
        status, _, data = self.request("POST", path, json.dumps(body))
        return status, json.loads(data)

    def complete(self, **body):
        status, reply = self.post("/v1/completions", body)
        assert status == 200, reply
        return reply

    def open_stream(self, **body):
        """A socket on which a streamed completion has begun to arrive."""
        data = json.dumps({"stream": True, **body}).encode()
        sock = socket.create_connection((self.address.hostname, self.address.port), timeout=120)
        sock.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Type: application/json\r\nContent-Length: "
                     + str(len(data)).encode() + b"\r\n\r\n" + data)
        first = b""
        while b"data: " not in first:
            piece = sock.recv(4096)
            assert piece, first
            first += piece
        return sock

    def metrics(self):
        """Values by name and labels."""
        _, _, body = self.request("GET", "/metrics")
        lines = [line.rsplit(" ", 1) for line in body.decode().splitlines() if line[:1] != "#"]
        return {name: float(value) for name, value in lines}

    def pages_in_use(self, metrics=None):
        m = metrics or self.metrics()
        return m["qed_kv_pages_total"] - m["qed_kv_pages_free"] - m["qed_kv_pages_cached"]

    def wait_idle(self, seconds=60):
        """Until nothing runs, waits or holds pages. False: there still is something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            m = self.metrics()
            requests = m["qed_num_requests_running"] + m["qed_num_requests_waiting"]
            if requests == 0 and self.pages_in_use(m) == 0:
                return True
            time.sleep(0.05)
        return False

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def wait_for_log(self, text, seconds=120):
        """Until a line has it."""
        deadline = time.monotonic() + seconds
        while not any(text in line for line in self.log):
            assert time.monotonic() < deadline, (text, self.log[-20:])
            time.sleep(0.02)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

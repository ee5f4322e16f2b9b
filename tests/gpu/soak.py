#!/usr/bin/env python3
"""Random arrivals, cancels and tool pauses against `qed serve`: everything must be given back.

usage: QED_BINARY=QED tests/gpu/soak.py [--seconds 600] [--clients 48] [FLAGS OF QED SERVE...]

Fails if pages stay in use when all clients are gone, if the server's memory grows, here or on the
GPU, after a fifth of the time, or if a request ends in an error.
"""

import argparse
import collections
import json
import random
import sys
import threading
import time

from gpu_server import GpuServer

GROWTH = 64 << 20  # bytes: what allocators and lazily touched buffers may take


class Client(threading.Thread):
    """One request after another, each of another kind."""

    def __init__(self, server, seed, end, counts):
        super().__init__()
        self.server, self.end, self.counts = server, end, counts
        self.rng = random.Random(seed)
        self.error = None

    def run(self):
        try:
            while time.monotonic() < self.end:
                kind = self.rng.choice((self.plain, self.plain, self.cancelled, self.tool_loop))
                kind()
                self.counts[kind.__name__] += 1
                time.sleep(self.rng.expovariate(20))
        except (AssertionError, OSError, ValueError) as error:
            self.error = f"{type(error).__name__}: {error}"

    def tokens(self, most):
        return [self.rng.randrange(256) for _ in range(self.rng.randint(1, most))]

    def params(self):
        params = {"max_tokens": self.rng.randint(1, 200), "seed": self.rng.randrange(1 << 30),
                  "temperature": self.rng.choice((0, 0.7, 1.5)), "ignore_eos": True}
        if self.rng.random() < 0.3:
            params |= {"presence_penalty": 0.5, "repetition_penalty": 1.1}
        if self.rng.random() < 0.3:
            params |= {"top_p": 0.9, "top_k": 50, "logprobs": 3}
        if self.rng.random() < 0.3:
            params["stop"] = [chr(self.rng.randint(97, 122))]
        return params

    def plain(self):
        self.server.complete(prompt=self.tokens(600), **self.params())

    def cancelled(self):
        sock = self.server.open_stream(prompt=self.tokens(600), **self.params())
        sock.settimeout(self.rng.uniform(0.01, 0.5))
        try:
            while sock.recv(1024):  # until the time is up: a stream that ended stays open
                pass
        except TimeoutError:
            pass
        sock.close()

    def tool_loop(self):
        prompt, ranges = self.tokens(300), []
        for _ in range(self.rng.randint(1, 4)):
            reply = self.server.complete(prompt=prompt, return_token_ids=True,
                                         generated_ranges=ranges, **self.params())
            made = reply["choices"][0]["token_ids"]
            ranges.append([len(prompt), len(prompt) + len(made)])
            prompt += made + self.tokens(60)
            time.sleep(self.rng.expovariate(2))


def run(server, options):
    """What went wrong, one line each."""
    start = time.monotonic()
    counts = collections.Counter()
    clients = [Client(server, i, start + options.seconds, counts) for i in range(options.clients)]
    for client in clients:
        client.start()
    time.sleep(options.seconds / 5)
    host, device = server.resident_bytes(), server.gpu_bytes()
    for client in clients:
        client.join()
    wrong = sorted({client.error for client in clients if client.error})
    if not server.wait_idle():
        wrong.append(f"{server.pages_in_use():.0f} pages are in use and no request runs")
    for name, before, after in (("host", host, server.resident_bytes()),
                                ("GPU", device, server.gpu_bytes())):
        print(f"{name} memory: {before >> 20} MiB after a fifth of the time, {after >> 20} at the end")
        if after > before + GROWTH:
            wrong.append(f"the {name}'s memory grew by {(after - before) >> 20} MiB")
    metrics = server.metrics()
    print(json.dumps({"requests": counts, "steps": metrics["qed_engine_steps_total"],
                      "tokens": metrics["qed_generation_tokens_total"],
                      "preemptions": metrics["qed_num_preemptions_total"]}))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=48)
    options, flags = parser.parse_known_args()
    with GpuServer("--max-seq-len", "4096", *flags) as server:
        wrong = run(server, options)
        if server.gpu_bytes() == 0 and any(flag.startswith("cuda") for flag in flags):
            wrong.append("nvidia-smi does not say what the server holds of the GPU")
    for line in wrong:
        print(f"soak: {line}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

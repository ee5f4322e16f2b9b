#!/usr/bin/env python3
"""`qed serve --replicas` on GPUs: each replica has its own, answers as one server does but for near
ties, and comes back there when it was killed.

usage: QED_BINARY=QED tests/gpu/replicas.py [--replicas 2]

Fails too if one replica more than there are GPUs starts, or if processes or GPU memory are left.
"""

import argparse
import concurrent.futures
import json
import os
import signal
import subprocess
import time

from gpu_server import GpuServer, is_free_again, used_mib, wait_until
from request_parity import PROMPTS, compare, generate

FLAGS = ("--device", "cuda", "--random-weights", "smollm2-135m", "--max-seq-len", "1024",
         "--kv-cache-free-gpu-memory-fraction", "0.1")
REQUESTS = [{"prompt": prompt, "max_tokens": 48} for prompt in 4 * PROMPTS]
NEAR_TIE = 0.3  # a start may choose another product than the one before


def replicas_of(server):
    return json.loads(server.request("GET", "/health")[2])["replicas"]


def answers(server):
    """Greedy ones to all requests at once: tokens and log-probabilities."""
    with concurrent.futures.ThreadPoolExecutor(len(REQUESTS)) as pool:
        return list(pool.map(lambda request: generate(server, request), REQUESTS))


def check_answers(ours, theirs):
    for request, a, b in zip(REQUESTS, ours, theirs, strict=True):
        _, _, wrong = compare(request, a, b, NEAR_TIE)
        assert wrong is None, (request, wrong)
    return sum(a[0] == b[0] for a, b in zip(ours, theirs, strict=True))


def check_replicas(count, before):
    with GpuServer(*FLAGS) as server:
        alone = answers(server)
    with GpuServer(*FLAGS, "--replicas", str(count)) as server:
        used = [now - old for now, old in zip(used_mib(), before, strict=True)]
        print(f"{count} replicas hold MiB of each GPU: {used}")
        assert min(used[:count]) > 3000 and max(used) < 2 * min(used[:count]), used
        together = answers(server)
        same = check_answers(alone, together)
        given = {key: value for key, value in server.metrics().items()
                 if key.startswith("qed_replica_requests_total")}
        print(f"{same} of {len(alone)} answers as one server's; {given}")
        victim = replicas_of(server)[-1]["pid"]
        os.kill(victim, signal.SIGKILL)
        began = time.monotonic()
        assert wait_until(lambda: all(
            r["state"] == "ready" and r["pid"] != victim for r in replicas_of(server)), 60)
        print(f"killed and ready again after {time.monotonic() - began:.1f} s")
        check_answers(alone, answers(server))
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=60) == 0
    assert is_free_again(before, 60), used_mib()


def check_one_too_many(count):
    qed = os.environ["QED_BINARY"]
    run = subprocess.run([qed, "serve", *FLAGS, "--replicas", str(count)], capture_output=True,
                         text=True, timeout=120, check=False)
    said = [line for line in run.stderr.splitlines() if line.startswith("qed")]
    print(f"{count} replicas: {said}")
    assert run.returncode != 0 and len(said) == 1 and "GPU" in said[0], run.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, default=2)
    options = parser.parse_args()
    before = used_mib()
    check_replicas(options.replicas, before)
    check_one_too_many(len(before) + 1)
    assert is_free_again(before, 60), used_mib()


if __name__ == "__main__":
    main()

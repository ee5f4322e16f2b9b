#!/usr/bin/env python3
"""What is left when a rank on a GPU dies or hangs: nothing, and one line that says so.

usage: tests/gpu/rank_faults.py --qed QED [--ranks 2]

Each case starts a long answer on all ranks, does something to one of them, and looks how soon all
processes are gone, what they said, whether the exit code is an error's, and whether the GPUs'
memory is free again.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

from gpu_server import is_free_again, used_mib, wait_until
from ranks_run import ranks_below

STALL_SECONDS = 5
HANGS = f"has not answered for {STALL_SECONDS} s (--stall-seconds)"
# (name, rank, signal, seconds until all must be gone, what must be said last)
CASES = (("SIGKILL of rank 0", 0, signal.SIGKILL, 5, ""),
         ("SIGKILL of the last rank", -1, signal.SIGKILL, 5, ""),
         ("SIGSTOP of rank 0", 0, signal.SIGSTOP, 2 * STALL_SECONDS, HANGS),
         ("SIGSTOP of the last rank", -1, signal.SIGSTOP, 2 * STALL_SECONDS, HANGS))


def run_case(options, rank, what, limit, line):
    """(what is wrong, seconds until all were gone, what was said)"""
    before = used_mib()
    with tempfile.TemporaryFile("w+") as errors:
        run = subprocess.Popen(
            [options.qed, "generate", "--random-weights", "qwen2.5-1.5b", "--device", "cuda",
             "--prompt", "1 + 1 =", "--max-tokens", "30000", "--ignore-eos",
             "--tp-size", str(options.ranks), "--stall-seconds", str(STALL_SECONDS),
             "--kv-cache-free-gpu-memory-fraction", "0.1"],
            stdout=subprocess.PIPE, stderr=errors)
        os.read(run.stdout.fileno(), 1)  # the answer has begun
        ranks = ranks_below(run.pid, options.ranks)
        pids = list(ranks.values())
        os.kill(ranks[sorted(ranks)[rank]], what)
        start = time.monotonic()
        run.stdout.close()
        gone = wait_until(lambda: run.poll() is not None and
                          not any(os.path.exists(f"/proc/{pid}") for pid in pids), limit)
        taken = time.monotonic() - start
        if not gone:
            for pid in [*pids, run.pid]:
                if os.path.exists(f"/proc/{pid}"):
                    os.kill(pid, signal.SIGKILL)
            return "not all are gone", taken, ""
        errors.seek(0)
        said = [line.strip() for line in errors if line.strip()]
    if run.returncode == 0:
        return "the exit code is 0", taken, said[-1]
    if line not in said[-1]:
        return f"{line!r} is not said", taken, said[-1]
    return None if is_free_again(before, 5) else "GPU memory is left", taken, said[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qed", required=True)
    parser.add_argument("--ranks", type=int, default=2)
    options = parser.parse_args()
    failures = 0
    for name, *case in CASES:
        wrong, taken, said = run_case(options, *case)
        print(f"{name}: {taken:.1f} s; {said} {'WRONG: ' + wrong if wrong else ''}", flush=True)
        failures += wrong is not None
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

"""Starts ranks under mpirun for a test, and finds their processes."""

import os
import shutil
import signal
import subprocess
import sys
import time

from qed_run import BINARY, read_lines, skip

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from process_tree import descendants, is_running  # noqa: E402

TIMES = ("start_time", "end_time", "generation_seconds", "code_seconds", "problem_seconds",
         "run_seconds", "generation_start_time", "generation_end_time", "generation_time")
# How much of a prompt was computed depends on what ran before it.
CACHE = ("prompt_prefilled", "inserted_prefilled")


def require_mpi():
    """Ends the test as skipped where ranks cannot be started."""
    if shutil.which("mpirun") is None:
        skip("mpirun is not installed (openmpi-bin)")
    if not os.path.exists(os.path.join(os.path.dirname(os.path.abspath(BINARY)), "libqed_mpi.so")):
        skip("this build has no MPI (libopenmpi-dev)")


def environment(**changes):
    """As it is here, without what a launcher of this test itself may have said."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("OMPI_", "PMI", "PMIX_", "SLURM_"))}
    return {**kept, **changes}


def start_ranks(number, *arguments, **options):
    """mpirun with so many of `qed ARGUMENTS`, running."""
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return subprocess.Popen(
        ["mpirun", "--quiet", "--oversubscribe", "--bind-to", "none", "-n", str(number), BINARY,
         *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(**root), **options)


def run_ranks(number, *arguments, timeout=300):
    """The same to its end: status, output, lines of ours on standard error."""
    with start_ranks(number, *arguments) as process:
        output, errors = process.communicate(timeout=timeout)
    return process.returncode, output, [line for line in errors.splitlines()
                                        if line.startswith("qed")]


def rank_of(pid):
    """None: the process is no rank."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            words = file.read().split(b"\0")
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            if file.read().strip() != "qed":
                return None
    except OSError:
        return None
    name = b"OMPI_COMM_WORLD_RANK="
    return next((int(word[len(name):]) for word in words if word.startswith(name)), None)


def ranks_below(pid, number, seconds=60):
    """{rank: pid}, once all are there. Of a rank's own children that say the same, the parent."""
    deadline = time.monotonic() + seconds
    while True:
        found = {}
        for below in sorted(descendants(pid)):
            rank = rank_of(below)
            if rank is not None:
                found.setdefault(rank, below)
        if len(found) == number or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def wait_until_begun(process, output):
    """Until a run of several processes has its folder."""
    while not os.path.exists(os.path.join(output, "parts")):
        assert process.poll() is None, process.returncode
        time.sleep(0.02)


def wait_until_gone(pids, seconds, process=None):
    """Those still running after so many seconds, which are then killed."""
    deadline = time.monotonic() + seconds
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        if process is not None:
            process.poll()
        time.sleep(0.02)
    left = [pid for pid in pids if is_running(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return left


def without(line, names):
    return {name: value for name, value in line.items() if name not in names}


def records(output):
    """What a run recorded, but for times: {(problem, sample): record}, and its result files."""
    samples = {}
    for record in read_lines(os.path.join(output, "samples.jsonl")):
        key = record["problem_id"], record["sample"]
        assert key not in samples, f"{key} is there twice"
        samples[key] = without(record, TIMES + CACHE)
        for call in samples[key]["code_calls"]:
            call.pop("seconds", None)
    results = {}
    for name in sorted(os.listdir(output)):
        if name.startswith("output-rs"):
            results[name] = [{key: value for key, value in line.items()
                              if "time" not in key and "seconds" not in key and key not in CACHE}
                             for line in read_lines(os.path.join(output, name))]
    return samples, results

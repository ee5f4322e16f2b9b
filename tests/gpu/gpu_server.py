"""`qed serve` for the programs of this folder: on any device, with any network."""

import os
import pathlib
import subprocess
import sys
import time

for folder in ("e2e", "support"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / folder))

from process_tree import descendants  # noqa: E402
from serve_run import Server  # noqa: E402


def used_mib():
    """Memory in use on each GPU."""
    query = subprocess.run(["nvidia-smi", "--query-gpu=memory.used",
                            "--format=csv,noheader,nounits"],
                           capture_output=True, text=True, check=True)
    return [int(line) for line in query.stdout.split()]


def wait_until(done, seconds):
    """Whether it is in time."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_free_again(before, seconds):
    """Whether the GPUs' memory is as used_mib() was before, but for what drivers keep."""
    return wait_until(lambda: all(now < old + 100 for now, old in
                                  zip(used_mib(), before, strict=True)), seconds)


class GpuServer(Server):
    """Its flags are given whole."""

    def __init__(self, *flags):
        self.start("--port", "0", *flags)

    def processes(self):
        """The server's: with --tp-size a launcher and its ranks."""
        return {self.process.pid, *descendants(self.process.pid)}

    def resident_bytes(self):
        pages = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                pages += int(file.read().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def gpu_bytes(self):
        """What they hold on all GPUs; 0 where there is none."""
        try:
            query = subprocess.run(["nvidia-smi", "--query-compute-apps=pid,used_gpu_memory",
                                    "--format=csv,noheader,nounits"],
                                   capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return 0
        rows = (line.split(", ") for line in query.stdout.splitlines())
        ours = self.processes()
        return sum(int(mib) << 20 for pid, mib in rows if int(pid) in ours)

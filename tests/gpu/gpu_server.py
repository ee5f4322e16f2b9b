"""`qed serve` for the programs of this folder: on any device, with any network."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from serve_run import Server  # noqa: E402


class GpuServer(Server):
    """Its flags are given whole."""

    def __init__(self, *flags):
        self.start("--port", "0", *flags)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def gpu_bytes(self):
        """What this process holds on all GPUs; 0 where it has none."""
        try:
            query = subprocess.run(["nvidia-smi", "--query-compute-apps=pid,used_gpu_memory",
                                    "--format=csv,noheader,nounits"],
                                   capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return 0
        rows = (line.split(", ") for line in query.stdout.splitlines())
        return sum(int(mib) << 20 for pid, mib in rows if int(pid) == self.process.pid)

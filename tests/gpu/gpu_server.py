"""`qed serve` for the programs of this folder: on any device, with any network."""

import os
import pathlib
import subprocess
import sys

for folder in ("e2e", "support"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / folder))

from process_tree import descendants  # noqa: E402
from serve_run import Server  # noqa: E402


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

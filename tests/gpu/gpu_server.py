"""`qed serve` for the programs of this folder: on any device, with any network."""

import os
import pathlib
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

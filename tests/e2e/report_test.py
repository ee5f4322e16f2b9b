"""qed replay and qed report over records written here; the page in headless Chromium
where there is one."""

import json
import os
import shutil
import struct
import subprocess
import unittest
import zlib

from qed_run import qed, temporary_folder, write_problems

PROBLEMS, SAMPLES = 6, 8
BAR_COLOR = (0x1F, 0x5F, 0xA8)


def record(problem, sample):
    """The record of a sample that took a second; every third one is wrong."""
    answer = "7" if (problem + sample) % 3 else "8"
    start = problem * SAMPLES / 2 + sample // 2
    return {
        "problem_id": f"<b>p{problem}</b>", "sample": sample, "seed": sample,
        "finish_reason": "stop", "boxed": answer, "answer": answer, "correct": answer == "7",
        "prompt_tokens": 10, "generated_tokens": 40 + 5 * problem, "inserted_tokens": 4,
        "prompt_prefilled": 10, "inserted_prefilled": 4, "mean_logprob": -0.5,
        "logprob_count": 40, "lowest_window_logprob": -0.7,
        "segments": [{"source": "model", "text": f"So \\boxed{{{answer}}}", "tokens": 40}],
        "code_calls": [{"status": "completed", "seconds": 0.1, "new_session": True}],
        "start_time": 1000.0 + start, "end_time": 1001.0 + start, "generation_seconds": 0.9,
        "code_seconds": 0.1, "problem_seconds": 1.0 + sample // 2, "run_seconds": start + 1.0}


def png_colors(path):
    """The set of colours of an 8-bit RGB or RGBA picture."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, color_type = struct.unpack(">IIBB", body[:10])
        if kind == b"IDAT":
            packed += body
        at += 12 + length
    assert depth == 8 and color_type in (2, 6)
    channels = 3 if color_type == 2 else 4
    raw, stride = zlib.decompress(packed), width * channels
    before, colors = bytearray(stride), set()
    for y in range(height):
        method = raw[y * (stride + 1)]
        row = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            left = row[x - channels] if x >= channels else 0
            corner = before[x - channels] if x >= channels else 0
            up = before[x]
            estimate = left + up - corner
            nearest = min((left, up, corner), key=lambda value: abs(estimate - value))
            row[x] = (row[x] + (0, left, up, (left + up) // 2, nearest)[method]) & 255
        colors.update(zip(row[0::channels], row[1::channels], row[2::channels]))
        before = row
    return colors


class ReportTest(unittest.TestCase):

    def setUp(self):
        self.folder = temporary_folder(self)
        write_problems(os.path.join(self.folder, "samples.jsonl"),
                       [record(p, s) for p in range(PROBLEMS) for s in range(SAMPLES)])

    def test_replay_prints_a_row_a_rule(self):
        rules = ["never", "agree:2", "posterior:0.9", "done:4"]
        flags = [flag for rule in rules for flag in ("--stop-when", rule)]
        run = qed("replay", self.folder, *flags, "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        rows = json.loads(run.stdout)
        self.assertEqual([row["stop_when"] for row in rows], rules)
        never, agree = rows[:2]
        self.assertEqual(never["tokens_saved_percent"], 0)
        self.assertAlmostEqual(never["seconds"], PROBLEMS * SAMPLES / 2, places=3)
        self.assertLess(agree["tokens"], never["tokens"])
        self.assertLess(agree["seconds"], never["seconds"])
        table = qed("replay", self.folder, *flags)
        self.assertEqual(len(table.stdout.splitlines()), 1 + len(rules))

    def test_replay_refuses_what_it_cannot_do(self):
        for flags in (["--stop-when", "sometimes"], ["--samples", "9"], ["--time-bank", "3"],
                      ["--vote", "loud"]):
            run = qed("replay", self.folder, *flags)
            self.assertEqual(run.returncode, 2, flags)
            self.assertEqual(len(run.stderr.splitlines()), 1)
            self.assertIn(flags[0], run.stderr)
        self.assertEqual(qed("replay", "/no/such/folder").returncode, 1)

    def test_report_in_a_browser(self):
        run = qed("report", self.folder)
        self.assertEqual(run.returncode, 0, run.stderr)
        page = os.path.join(self.folder, "report.html")
        with open(page, encoding="utf-8") as file:
            html = file.read()
        self.assertNotIn("<b>p0", html)
        self.assertIn("&lt;b&gt;p0", html)
        browser = shutil.which("chromium") or shutil.which("chromium-browser")
        if browser is None:
            self.skipTest("no chromium here: the page is not looked at")
        picture = os.path.join(self.folder, "page.png")
        subprocess.run([browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                        f"--user-data-dir={self.folder}/profile", "--window-size=860,1000",
                        f"--screenshot={picture}", f"file://{page}"],
                       check=True, capture_output=True, timeout=240)
        colors = png_colors(picture)
        self.assertIn(BAR_COLOR, colors, "no bar or line was drawn")


if __name__ == "__main__":
    unittest.main()

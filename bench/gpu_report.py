#!/usr/bin/env python3
"""What scripts/bench-gpu runs and writes.

The file: device, commit, date, command, ready_s and read_bytes_per_s of each format, and
"rows", each with case ("decode fp8", "prefill bf16", "replay fp8"), batch, context, step_ms,
floor_ms and tokens_per_s. A replay's row has the whole report of `qed bench --replay` beside it.
"""

import argparse
import datetime
import json
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPE = "qwen2.5-14b"
# About 650 tokens of context on average while they decode.
PROMPT, NEW = 600, 100
BATCHES = (1, 8, 12, 32, 64, 256)
PREFILLS = (2048, 8192)
QUICK_BATCHES = (1, 12, 64)
TRACE = ROOT / "bench/traces/recipe-12.jsonl"
FORMATS = {"fp8": "fp8", "bf16": "none", "int8_wo": "int8_wo"}


def commit():
    """That of this tree; a copy without its repository may bring a file named COMMIT."""
    brought = ROOT / "COMMIT"
    if brought.exists():
        return brought.read_text(encoding="utf-8").strip()
    found = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"],
                           capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def bench(qed, *flags):
    """One run of qed bench: its JSON. Its own line of error ends the report."""
    command = [str(qed), "bench", "--device", "cuda", "--random-weights", SHAPE, "--json", *flags]
    print("$", shlex.join(command), flush=True)
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"qed bench ended with {run.returncode}")
    return json.loads(run.stdout)


def show(rows):
    print(f"{'case':<16} {'batch':>6} {'context':>8} {'step ms':>9} {'floor ms':>9} "
          f"{'of floor':>9} {'tokens/s':>10} {'wait us':>8}")
    for row in rows:
        share = f"{100 * row['floor_ms'] / row['step_ms']:.0f} %" if row["floor_ms"] else ""
        print(f"{row['case']:<16} {row['batch']:>6} {row['context']:>8} {row['step_ms']:>9.3f} "
              f"{row['floor_ms']:>9.3f} {share:>9} {row['tokens_per_s']:>10.0f} "
              f"{row.get('wait_us', 0):>8.1f}", flush=True)


def measure_format(qed, name, batches, report):
    found = bench(qed, "--quantize", FORMATS[name],
                  "--sequences", ",".join(map(str, batches)), "--prompt-tokens", str(PROMPT),
                  "--new-tokens", str(NEW), "--prefill-tokens", ",".join(map(str, PREFILLS)),
                  "--max-num-tokens", "8192")
    report["device"] = found["device"]
    report["ready_s"][name] = round(found["ready_s"], 2)
    report["read_bytes_per_s"][name] = found["roof"]["read_bytes_per_s"]
    rows = [{**row, "case": f"{row['case']} {name}"} for row in found["rows"]]
    report["rows"] += rows
    show(rows)


def measure_replay(qed, name, report):
    found = bench(qed, "--quantize", FORMATS[name], "--replay", str(TRACE),
                  "--max-num-tokens", "8192")
    batch = found["most_at_a_time"]
    row = {"case": f"replay {name}", "batch": batch, "context": 0,
           "step_ms": 1e3 * batch / found["tokens_per_s"], "floor_ms": 0,
           "tokens_per_s": found["tokens_per_s"], "replay": found}
    report["rows"].append(row)
    show([row])
    print(f"  kept samples only: {found['kept_tokens_per_s']:.0f} tokens/s; tail "
          f"{found['tail_s']:.1f} s of {found['seconds']:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="FP8 only, fewer sizes")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args()
    qed = options.build / "qed"
    if not qed.exists():
        sys.exit(f"bench-gpu: {qed} is not there: build with -DQED_CUDA=ON and bring the folder")
    report = {"device": "", "commit": commit(), "date": datetime.date.today().isoformat(),
              "command": "scripts/bench-gpu" + (" --quick" if options.quick else ""),
              "shape": SHAPE, "ready_s": {}, "read_bytes_per_s": {}, "failed": [], "rows": []}
    batches = QUICK_BATCHES if options.quick else BATCHES
    for name in ("fp8",) if options.quick else FORMATS:
        for measure in (lambda: measure_format(qed, name, batches, report),
                        lambda: measure_replay(qed, name, report)):
            try:
                measure()
            except RuntimeError as error:
                report["failed"].append(f"{name}: {error}")
            # After every part: a run that is cut off leaves what it has.
            options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for failure in report["failed"]:
        print(f"bench-gpu: {failure}", file=sys.stderr)
    sys.exit(1 if report["failed"] else 0)


if __name__ == "__main__":
    main()

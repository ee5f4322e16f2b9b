#!/usr/bin/env python3
"""Runs `qed bench` and llama.cpp's benches in turn and prints medians and ratios.

usage: compare_llama_cpp.py --qed build/qed --llama-bin DIR --model FILE.gguf
                            [--peer-model FILE.gguf ...] [--rounds 3] [--threads 2] [--load]

DIR holds llama-bench and llama-batched-bench. Each --peer-model is a file for
llama.cpp (its best format is Q4_0, made by llama-quantize --allow-requantize);
the default is the same file as QED's. --load keeps one core busy with another
program all the time.

Both programs decode after a prompt of 128 tokens a sequence, 32 new tokens each,
and prefill 512 tokens. The machines this runs on are noisy: rounds alternate
between the programs, and the ratio is that of medians.
"""
import argparse
import contextlib
import json
import statistics
import subprocess
import sys

SEQUENCES = (1, 8, 16, 32)
PROMPT, NEW, PREFILL = 128, 32, 512


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def measure_qed(args):
    out = run([args.qed, "bench", "--model", args.model, "--adapter", "none",
               "--threads", str(args.threads), "--json", "--repeat", "1", "--draft", "none",
               "--sequences", ",".join(map(str, SEQUENCES)),
               "--prompt-tokens", str(PROMPT), "--new-tokens", str(NEW),
               "--prefill-tokens", str(PREFILL)])
    rows = json.loads(out)["rows"]
    return {(row["case"], row["batch"]): row["tokens_per_s"] for row in rows}


def measure_llama(args, model):
    found = {}
    out = run([f"{args.llama_bin}/llama-batched-bench", "-m", model, "-t", str(args.threads),
               "-c", "8192", "-b", "2048", "-ub", "512", "-npp", str(PROMPT), "-ntg", str(NEW),
               "-npl", ",".join(map(str, SEQUENCES)), "--output-format", "jsonl"])
    for line in out.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            found["decode", row["pl"]] = row["speed_tg"]
    out = run([f"{args.llama_bin}/llama-bench", "-m", model, "-t", str(args.threads),
               "-p", str(PREFILL), "-n", "0", "-r", "1", "-o", "json"])
    found["prefill", 1] = json.loads(out)[0]["avg_ts"]
    return found


@contextlib.contextmanager
def other_program(wanted):
    """A loop that takes a core, as another user's program would."""
    if not wanted:
        yield
        return
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qed", required=True)
    parser.add_argument("--llama-bin", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--peer-model", action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--json", help="also write the rounds to this file")
    args = parser.parse_args()
    peers = args.peer_model or [args.model]

    rounds = {name: [] for name in ["qed"] + peers}
    with other_program(args.load):
        for _ in range(args.rounds):
            rounds["qed"].append(measure_qed(args))
            for peer in peers:
                rounds[peer].append(measure_llama(args, peer))
    cases = [("decode", n) for n in SEQUENCES] + [("prefill", 1)]
    median = {name: {case: statistics.median(r[case] for r in found) for case in cases}
              for name, found in rounds.items()}
    print(f"tokens/s, medians of {args.rounds} alternating rounds, {args.threads} threads"
          + (", one core taken by another program" if args.load else ""))
    for case in cases:
        ours = median["qed"][case]
        line = f"{case[0]:8} {case[1]:3}  qed {ours:7.0f}"
        for peer in peers:
            theirs = median[peer][case]
            line += f"   {peer.rsplit('/', 1)[-1]} {theirs:7.0f} (x{ours / theirs:.2f})"
        print(line)
    if args.json:
        with open(args.json, "w") as out:
            json.dump({name: [{f"{c} {n}": v for (c, n), v in r.items()} for r in found]
                       for name, found in rounds.items()}, out, indent=1)


if __name__ == "__main__":
    main()

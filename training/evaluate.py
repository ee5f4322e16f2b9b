#!/usr/bin/env python3
"""Measures the adapter with QED itself: `qed solve` on problem files, greedy and by vote.

Prints a table with pass@1 (greedy), majority@k (temperature 1), the share of
samples that end with a boxed answer and the share of programs that run without an
error, for the untouched model and the adapter, with and without the sandbox.

usage: evaluate.py --qed build/qed --model MODEL.gguf --adapter DIR --sets FILE... [--limit 300] [--output training/out/eval]
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess

SAMPLES = 8


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of `qed solve`."""

    model: str  # "untouched" or "adapter"
    tools: bool
    problems: pathlib.Path
    votes: bool  # eight samples at temperature 1, else one greedy one

    def name(self) -> str:
        return "-".join(
            [
                self.model,
                "tools" if self.tools else "no-tools",
                self.problems.stem,
                "votes" if self.votes else "greedy",
            ]
        )

    def command(self, arguments: argparse.Namespace, folder: pathlib.Path) -> list[str]:
        sampling = (
            ["--samples", str(SAMPLES), "--temperature", "1.0"]
            if self.votes
            else ["--samples", "1", "--temperature", "0"]
        )
        sandbox = (
            ["--sandbox", "local", "--sandbox-python", arguments.sandbox_python]
            if self.tools
            else ["--sandbox", "off"]
        )
        return [
            str(arguments.qed),
            "solve",
            str(self.problems),
            "--model",
            str(arguments.model),
            *arguments.adapter_flags[self.model],
            "--max-tokens",
            str(arguments.max_tokens),
            "--max-seq-len",
            "2048",
            "--max-batch-size",
            "32",
            "--kv-cache-bytes",
            str(1 << 30),
            "--threads",
            "1",
            "--output",
            str(folder),
            *sampling,
            *sandbox,
        ]


def run(
    job: Job, arguments: argparse.Namespace
) -> tuple[dict[str, float], list[dict[str, object]]]:
    """Runs one job: percentages by mode, and the records of all samples."""
    folder = arguments.output / job.name()
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(job.command(arguments, folder), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{job.name()}: {(done.stderr or done.stdout)[-300:]}")
    (modes,) = json.loads((folder / "metrics.json").read_text()).values()
    samples = [
        json.loads(line) for line in (folder / "samples.jsonl").read_text().split("\n") if line
    ]
    return {mode: values["symbolic_correct"] for mode, values in modes.items()}, samples


def summary(parts: list[tuple[dict[str, float], list[dict[str, object]]]]) -> dict[str, object]:
    """Figures of all parts of one set, weighted by their problems."""
    sizes = [len({s["problem_id"] for s in samples}) for _, samples in parts]
    out: dict[str, object] = {
        mode: round(sum(p[mode] * n for (p, _), n in zip(parts, sizes)) / sum(sizes), 1)
        for mode in parts[0][0]
    }
    samples = [s for _, each in parts for s in each]
    calls = [call["status"] for s in samples for call in s["code_calls"]]
    out["problems"], out["samples"] = sum(sizes), len(samples)
    out["boxed"] = round(100 * sum(s["boxed"] is not None for s in samples) / len(samples), 1)
    out["without program"] = round(
        100 * sum(not s["code_calls"] for s in samples) / len(samples), 1
    )
    out["programs without error"] = (
        round(100 * sum(c == "completed" for c in calls) / len(calls), 1) if calls else None
    )
    out["tokens a sample"] = round(sum(s["generated_tokens"] for s in samples) / len(samples))
    return out


def split(
    problems: pathlib.Path, limit: int, parts: int, folder: pathlib.Path
) -> list[pathlib.Path]:
    """The first `limit` problems in as many files, so that every core has work."""
    lines = [line for line in problems.read_text().split("\n") if line][:limit]
    files = [folder / f"{problems.stem}.{i}.jsonl" for i in range(parts)]
    for i, file in enumerate(files):
        file.write_text("".join(line + "\n" for line in lines[i::parts]))
    return files


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--qed", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--adapter", type=pathlib.Path, required=True)
    parser.add_argument("--sets", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument(
        "--models", nargs="+", default=["untouched", "adapter"], choices=["untouched", "adapter"]
    )
    parser.add_argument(
        "--tools", nargs="+", default=["tools", "no-tools"], choices=["tools", "no-tools"]
    )
    parser.add_argument(
        "--modes", nargs="+", default=["greedy", "votes"], choices=["greedy", "votes"]
    )
    parser.add_argument("--limit", type=int, default=300, help="problems of a set")
    parser.add_argument(
        "--parts",
        type=int,
        default=8,
        help="a set is split into; each is one run of qed on one thread",
    )
    parser.add_argument("--max-tokens", type=int, default=512, help="of a sample")
    parser.add_argument("--sandbox-python", default="/usr/bin/python3")
    parser.add_argument(
        "--no-adapter-flag",
        default="none",
        help="value of --adapter for the untouched model; empty leaves it out",
    )
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "out" / "eval"
    )
    arguments = parser.parse_args()
    untouched = ["--adapter", arguments.no_adapter_flag] if arguments.no_adapter_flag else []
    arguments.adapter_flags = {
        "untouched": untouched,
        "adapter": ["--adapter", str(arguments.adapter)],
    }
    return arguments


def main() -> None:
    arguments = parse_arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    files = {
        s: split(s, arguments.limit, arguments.parts, arguments.output) for s in arguments.sets
    }
    rows = {
        (mode, model, tools, s): [
            Job(model, tools == "tools", f, mode == "votes") for f in files[s]
        ]
        for mode in sorted(arguments.modes, reverse=True)
        for model in arguments.models
        for tools in arguments.tools
        for s in arguments.sets
    }
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool, open(
        arguments.output / "results.jsonl", "a"
    ) as results:
        running = {
            row: [pool.submit(run, job, arguments) for job in jobs] for row, jobs in rows.items()
        }
        for (mode, model, tools, problems), parts in running.items():
            result = {"set": problems.stem, "model": model, "tools": tools, "mode": mode} | summary(
                [p.result() for p in parts]
            )
            print(json.dumps(result), flush=True)
            results.write(json.dumps(result) + "\n")
            results.flush()


if __name__ == "__main__":
    main()

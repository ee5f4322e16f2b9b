#!/usr/bin/env python3
"""Writes samples as `qed solve` does, many thousands at a time: prompt, programs, their
outputs, answer. One GPU, or --device cpu.

Each FILE:N is a JSONL of problems ("problem", perhaps "id") with N samples of each; half of
them are drawn at the first temperature, the others at the second. Programs are run in
processes of their own, under limits, as `runner.py` has it: the model wrote them, so do
this where nothing can be lost. In --output: samples.jsonl, prompts.jsonl.

usage: write_samples.py --model MODEL.gguf --adapter DIR --problems FILE:N... --output DIR
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import random
import resource
import signal
import time
from dataclasses import dataclass, field

from decoding import Decoder, draw
from models import Model, load_model
from qed_training.example import (
    CODE_END,
    DEFAULT_SYSTEM,
    GENERIC_MATH,
    OUTPUT_BEGIN,
    OUTPUT_END,
    chat,
)
from qed_training.runner import TooSlow, run_session

TURN_END = "<|im_end|>"
CODE_BEGIN = "<tool_call>"
MOST_PROGRAMS = 3
MOST_SECONDS = 4  # for a session's programs, by the clock


@dataclass
class Text:
    """A sample while it is written."""

    problem: str  # id
    temperature: float
    ids: list[int]
    segments: list[dict[str, str]] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    open: bool = True


def read_problems(arguments: list[str]) -> dict[str, tuple[str, int]]:
    """By id: the problem and the number of its samples."""
    problems = {}
    for argument in arguments:
        path, _, count = argument.rpartition(":")
        for i, line in enumerate(pathlib.Path(path).read_text().splitlines()):
            row = json.loads(line)
            name = f"{pathlib.Path(path).stem}/{row.get('id', i)}"
            problems[name] = (row["problem"], int(count))
    return problems


def begin_worker() -> None:
    """What a program may take: 2 GiB more than there is, files of 1 MB, nobody's rights."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + (2 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"


def _too_late(_number: int, _frame: object) -> None:
    raise TooSlow


def last_output(programs: list[str]) -> str | None:
    """What the last of the session's programs prints; None where one takes too long."""
    signal.signal(signal.SIGALRM, _too_late)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    try:
        return run_session(programs)[0][-1]
    except BaseException:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def run_programs(pool, sessions: list[list[str]]) -> list[str | None]:
    """None for all where a process was lost with its work."""
    try:
        return pool.map_async(last_output, sessions, chunksize=16).get(MOST_SECONDS * 20)
    except multiprocessing.TimeoutError:
        return [None] * len(sessions)


def take(model: Model, text: Text, ids: list[int], ends: dict[str, list[int]]) -> None:
    """The text goes on with `ids`; it stays open where they are a program."""
    written = model.decode(ids)
    text.open = False
    if ids[-len(ends["turn"]) :] == ends["turn"]:
        text.segments.append({"source": "model", "text": written})
    elif ids[-len(ends["code"]) :] == ends["code"] and CODE_BEGIN in written:
        text.segments.append({"source": "model", "text": written})
        text.programs.append(written.removesuffix(CODE_END).rpartition(CODE_BEGIN)[2].strip("\n"))
        text.ids += ids
        text.open = True
    else:
        text.segments.clear()  # never ended: of no use


def write_batch(model: Model, decoder: Decoder, pool, texts: list[Text], options, seed: int) -> None:
    ends = {"turn": model.encode([TURN_END])[0], "code": model.encode([CODE_END])[0]}
    for turn in range(MOST_PROGRAMS + 1):
        going_on = [t for t in texts if t.open]
        if not going_on:
            return
        drawn = draw(
            decoder,
            [t.ids for t in going_on],
            [t.temperature for t in going_on],
            list(ends.values()),
            options.max_tokens,
            seed + turn,
        )
        for text, ids in zip(going_on, drawn, strict=True):
            take(model, text, ids, ends)
        going_on = [t for t in going_on if t.open]
        outputs = run_programs(pool, [t.programs for t in going_on])
        for text, output in zip(going_on, outputs, strict=True):
            if output is None or turn == MOST_PROGRAMS:
                text.open = False
                text.segments.clear()
                continue
            shown = f"{OUTPUT_BEGIN}{output}{OUTPUT_END}"
            text.segments.append({"source": "tool", "text": shown})
            text.ids += model.encode([shown])[0]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--adapter", type=pathlib.Path)
    parser.add_argument("--problems", nargs="+", required=True, metavar="FILE:N")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--temperatures", type=float, nargs=2, default=[0.7, 1.0])
    parser.add_argument("--batch", type=int, default=4096, help="samples at a time")
    parser.add_argument("--max-tokens", type=int, default=192, help="of a program or an answer")
    parser.add_argument("--seconds", type=float, default=1e9, help="then it stops")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Returns the number of samples written."""
    options = parse(arguments)
    began = time.monotonic()
    # Before anything of the GPU is there: these processes are forks of this one.
    pool = multiprocessing.get_context("fork").Pool(options.workers, begin_worker)
    model = load_model(options.model, options.adapter, options.device)
    problems = read_problems(options.problems)
    prompts = {
        name: chat(GENERIC_MATH.format(problem=problem), DEFAULT_SYSTEM)
        for name, (problem, _) in problems.items()
    }
    encoded = dict(zip(prompts, model.encode(list(prompts.values())), strict=True))
    texts = [
        Text(name, options.temperatures[i % 2], list(encoded[name]))
        for name, (_, count) in problems.items()
        for i in range(count)
    ]
    random.Random(options.seed).shuffle(texts)
    options.output.mkdir(parents=True, exist_ok=True)
    with open(options.output / "prompts.jsonl", "w") as out:
        out.writelines(json.dumps({"id": n, "prompt": p}) + "\n" for n, p in prompts.items())
    decoder = Decoder(model.network)
    # A batch's prompts are about equally long; batches come in random order.
    batches = [texts[i : i + 8 * options.batch] for i in range(0, len(texts), 8 * options.batch)]
    batches = [
        part[i : i + options.batch]
        for part in (sorted(b, key=lambda t: len(t.ids)) for b in batches)
        for i in range(0, len(part), options.batch)
    ]
    random.Random(options.seed).shuffle(batches)
    written = 0
    with open(options.output / "samples.jsonl", "w") as out:
        for i, batch in enumerate(batches):
            if time.monotonic() - began > options.seconds:
                break
            write_batch(model, decoder, pool, batch, options, options.seed + 10 * i)
            for text in batch:
                if text.segments:
                    row = {"problem_id": text.problem, "segments": text.segments}
                    out.write(json.dumps(row) + "\n")
                    written += 1
            print(f"{written} samples, {time.monotonic() - began:.0f} s", flush=True)
    pool.terminate()
    return written


if __name__ == "__main__":
    import torch

    with torch.no_grad():
        main()

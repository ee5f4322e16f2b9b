#!/usr/bin/env python3
"""Trains the LoRA adapter on the data that build_data.py made.

One GPU, bfloat16 compute, the time given by --seconds: the learning rate falls to
zero with the clock. With --cpu it runs a few steps on a processor, to try the code.

usage: train.py --model MODEL.gguf [--data training/data] [--output training/out] [--seconds 270]
"""

import argparse
import json
import lzma
import pathlib
import random
import time
from collections.abc import Iterator

import numpy
import torch

from qed_training import adapter
from qed_training.example import Example, sample_prompt, segments
from qed_training.network import Network
from qed_training.weights import Base

Encoded = tuple[numpy.ndarray, numpy.ndarray]  # token ids; for each whether it is learnt


def read_examples(path: pathlib.Path, limit: int) -> list[Example]:
    examples = []
    with lzma.open(path, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            examples.append(
                Example(
                    row["kind"], row["question"], row["programs"], row["outputs"], row["answer"]
                )
            )
            if limit and len(examples) == limit:
                break
    return examples


def encode(base: Base, examples: list[Example], seed: int) -> list[Encoded]:
    """Every segment tokenised by itself, as the engine does it."""
    rng = random.Random(seed)
    parts = [segments(e, sample_prompt(rng, e.question)) for e in examples]
    ids = base.tokenizer().encode_batch_fast(
        [s.text for p in parts for s in p], add_special_tokens=False
    )
    encoded, i = [], 0
    for part in parts:
        tokens, learn = [], []
        for segment in part:
            tokens += ids[i].ids
            learn += [segment.learn] * len(ids[i].ids)
            i += 1
        encoded.append((numpy.array(tokens, dtype=numpy.int32), numpy.array(learn)))
    return encoded


def packs(encoded: list[Encoded], size: int, seed: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """Endless batches of exactly `size` tokens: whole examples, the rest filled with padding.

    Tokens, positions, borders of the examples, and the places whose next token is learnt.
    """
    rng = random.Random(seed)
    order: list[int] = []
    most = 2 * size // 100
    while True:
        chosen, used = [], 0
        while True:
            if not order:
                order = rng.sample(range(len(encoded)), len(encoded))
            length = len(encoded[order[-1]][0])
            if used + length > size or len(chosen) == most:
                break
            chosen.append(order.pop())
            used += length
        yield _pack([encoded[i] for i in chosen], size, most)


def _pack(chosen: list[Encoded], size: int, most: int) -> tuple[torch.Tensor, ...]:
    lengths = [len(t) for t, _ in chosen]
    padding = size - sum(lengths)
    tokens = numpy.concatenate([t for t, _ in chosen] + [numpy.zeros(padding, numpy.int32)])
    learn = numpy.concatenate([m for _, m in chosen] + [numpy.zeros(padding, bool)])
    starts = numpy.cumsum([0, *lengths])
    positions = numpy.arange(size) - numpy.repeat([*starts], [*lengths, padding])
    learn[starts[:-1]] = False  # nothing comes before an example's first token
    borders = numpy.full(most + 2, size, numpy.int32)
    borders[: len(starts)] = starts
    return (
        torch.from_numpy(tokens).long(),
        torch.from_numpy(positions),
        torch.from_numpy(borders),
        torch.from_numpy(numpy.flatnonzero(learn) - 1),
    )


def parse_arguments() -> argparse.Namespace:
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, default=here / "data")
    parser.add_argument("--output", type=pathlib.Path, default=here / "out")
    parser.add_argument("--seconds", type=float, default=270)
    parser.add_argument("--rank", type=int, default=26)
    parser.add_argument("--alpha", type=float, default=52)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--tokens", type=int, default=32768, help="of a step")
    parser.add_argument("--limit", type=int, default=0, help="examples; 0 takes all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu", action="store_true")
    return parser.parse_args()


def rate_at(share: float, peak: float) -> float:
    """Three percent of warm-up, then straight down to zero."""
    return peak * min(share / 0.03, (1 - share) / 0.97)


def train(
    network: Network,
    batches: Iterator[tuple[torch.Tensor, ...]],
    device: str,
    arguments: argparse.Namespace,
) -> None:
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=0, betas=(0.9, 0.99), weight_decay=0, fused=device == "cuda"
    )
    longest = 2048
    start, step, recent = None, 0, []
    while True:
        tokens, positions, starts, learn = (
            t.pin_memory().to(device, non_blocking=True) if device == "cuda" else t
            for t in next(batches)
        )
        share = 0.0 if start is None else (time.monotonic() - start) / arguments.seconds
        if share >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate_at(share, arguments.learning_rate)
        loss = network.loss(tokens, positions, starts, longest, learn)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        recent.append(loss.detach())
        step += 1
        if start is None:  # the first step compiles
            recent[-1].item()
            start = time.monotonic()
        if step % 50 == 0 or device == "cpu":
            print(
                f"step {step}: {share:.0%}, loss {torch.stack(recent).mean().item():.4f}, "
                f"{step * arguments.tokens / max(time.monotonic() - start, 1e-9):.0f} tokens/s",
                flush=True,
            )
            recent = []
    print(
        f"{step} steps, {step * arguments.tokens / 1e6:.1f} million tokens, loss"
        f" {torch.stack(recent).mean().item() if recent else 0:.4f}"
    )


def main() -> None:
    arguments = parse_arguments()
    torch.manual_seed(arguments.seed)
    began = time.monotonic()
    base = Base(arguments.model)
    examples = read_examples(arguments.data / "train.jsonl.xz", arguments.limit)
    longest = min(1024, arguments.tokens)
    encoded = [e for e in encode(base, examples, arguments.seed) if len(e[0]) <= longest]
    total = sum(len(t) for t, _ in encoded)
    print(
        f"{len(encoded)} examples, {total / 1e6:.1f} million tokens,"
        f" {sum(int(m.sum()) for _, m in encoded) / total:.0%} learnt;"
        f" {time.monotonic() - began:.0f} s",
        flush=True,
    )
    device = "cpu" if arguments.cpu else "cuda"
    network = Network(base, arguments.rank, arguments.alpha).to(device)
    if not arguments.cpu:
        torch.set_float32_matmul_precision("high")
        network.layer = torch.compile(network._layer)
    train(network, packs(encoded, arguments.tokens, arguments.seed), device, arguments)
    adapter.write(arguments.output, network.adapter_tensors(), arguments.rank, arguments.alpha)
    print(f"wrote {arguments.output}; {time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()

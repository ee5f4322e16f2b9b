#!/usr/bin/env python3
"""Trains a ReDrafter head on samples that the model itself wrote. One GPU, or --device cpu.

The model (a Hugging Face folder or a GGUF file; an adapter is merged into it) stays as it is;
the head learns to say its next tokens. Prompts are JSONL with "id" and "prompt": the text
that the model was sent for a problem. All samples of the first `--held-out` problems are not
trained on: top-1 accuracy of each draft is reported on them.

usage: train.py --model MODEL --samples RUN/samples.jsonl... --prompts prompts.jsonl... --output DIR
"""

import argparse
import itertools
import json
import pathlib
import random
import time
from collections.abc import Iterator

import torch
from head import Head, fingerprint, save
from losses import draft_losses, learning_rate
from models import Model, load_model
from places import Places, find_places
from samples import Sample, frequent_tokens, held_out, read_samples
from torch import Tensor, nn


def rate_of(
    network: nn.Module, head: Head, places: Places, learn: str = "tokens"
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses, right drafts and counted ones, by their place (losses.py)."""
    embedding = network.get_input_embeddings().weight
    embedded = torch.nn.functional.embedding(places.ids[:, :-1], embedding).float()

    @torch.no_grad()
    def model_says(draft: int) -> Tensor:
        rows = network.get_output_embeddings().weight
        if head.vocabulary is not None:
            rows = rows[torch.tensor(head.vocabulary, device=rows.device)]
        return (places.hidden(draft + 1) @ rows.T).float().softmax(-1)

    return draft_losses(
        head,
        places.hidden(0).float(),
        embedded,
        places.ids[:, 1:],
        places.learnt[:, 1:],
        model_says if learn == "distribution" else None,
    )


@torch.no_grad()
def evaluate(network: nn.Module, head: Head, places: Places, size: int) -> list[float]:
    """Top-1 accuracy of each draft."""
    rights, counted = 0, 0
    for begin in range(0, len(places), size):
        rows = slice(begin, begin + size)
        _, right, count = rate_of(network, head, places.part(rows))
        rights, counted = rights + right, counted + count
    return (rights / counted.clamp(min=1)).tolist()


class Shards:
    """The places of all samples, so many tokens at a time; where one shard holds all, its
    hidden states are computed once."""

    def __init__(self, model: Model, samples: list[Sample], drafts: int, tokens: int) -> None:
        self.model, self.samples, self.drafts, self.tokens = model, samples, drafts, tokens
        self.all: Places | None = None

    def epoch(self, rng: random.Random) -> Iterator[tuple[Places, int]]:
        """Each shard and how many tokens its samples have."""
        total = sum(len(s.ids) for s in self.samples)
        if self.all is not None:
            yield self.all, total
            return
        order = rng.sample(self.samples, len(self.samples))
        while order:
            shard, taken = [], 0
            while order and taken < self.tokens:
                shard.append(order.pop())
                taken += len(shard[-1].ids)
            places = find_places(self.model.network, shard, self.drafts)
            if taken == total:
                self.all = places
            yield places, taken


def scheduled(shards: Shards, options) -> Iterator[tuple[float, Places]]:
    """The batches of all epochs, or of the seconds given, each with the share that is behind it."""
    rng = random.Random(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    began = None
    for epoch in itertools.count() if options.seconds else range(options.epochs):
        seen, all_tokens = 0, sum(len(s.ids) for s in shards.samples)
        for places, tokens in shards.epoch(rng):
            began = began or time.monotonic()
            parts = len(places) / options.batch
            for i, part in enumerate(places.shuffled(options.batch, generator)):
                share = (epoch + (seen + tokens * i / parts) / all_tokens) / options.epochs
                if options.seconds:
                    share = (time.monotonic() - began) / options.seconds
                    if share >= 1:
                        return
                yield share, part
            seen += tokens


def train(model: Model, head: Head, samples: list[Sample], options) -> None:
    optimizer = torch.optim.AdamW(head.parameters(), lr=options.lr, weight_decay=0.0)
    shards = Shards(model, samples, options.drafts, options.shard_tokens)
    for step, (share, places) in enumerate(scheduled(shards, options)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(share, options.lr, options.warmup)
        with torch.autocast("cuda", torch.bfloat16, enabled=options.device != "cpu"):
            losses, rights, counted = rate_of(model.network, head, places, options.learn)
        optimizer.zero_grad()
        losses.sum().backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        if step % 200 == 0:
            top1 = " ".join(f"{r:.3f}" for r in (rights / counted.clamp(min=1)).tolist())
            print(
                f"step {step + 1}, {share:.0%}, loss {losses.sum().item():.3f}, top-1 {top1}",
                flush=True,
            )


def read_prompts(paths: list[pathlib.Path]) -> dict[str, str]:
    rows = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    return {str(row["id"]): row["prompt"] for row in rows}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--adapter", type=pathlib.Path)
    parser.add_argument("--samples", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--prompts", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--exit-dim", type=int, default=None, help="2 hidden sizes, if not given")
    parser.add_argument("--no-rnn", action="store_true")
    parser.add_argument("--vocabulary", type=int, default=0, help="most frequent tokens; 0: all")
    parser.add_argument("--drafts", type=int, default=3)
    parser.add_argument(
        "--learn",
        choices=["distribution", "tokens"],
        default="distribution",
        help="how likely the model thought each token, or the one it drew",
    )
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0, help="of training, in place of --epochs")
    parser.add_argument("--batch", type=int, default=4096, help="places of a step")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=float, default=0.1, help="share of the steps")
    parser.add_argument("--max-tokens", type=int, default=2048)
    parser.add_argument("--shard-tokens", type=int, default=1 << 20, help="tokens at a time")
    parser.add_argument("--held-out", type=int, default=16, help="problems")
    parser.add_argument(
        "--test", type=pathlib.Path, nargs="*", default=[], help="samples to report accuracy on too"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    return parser.parse_args(arguments)


def report(model: Model, head: Head, sets: dict[str, list[Sample]], options) -> dict[str, list]:
    """Prints and returns top-1 accuracy by place, for each set of samples."""
    found = {}
    for name, samples in sets.items():
        places = find_places(model.network, samples, options.drafts)
        found[name] = evaluate(model.network, head, places, options.batch)
        rates = " ".join(f"{a:.3f}" for a in found[name])
        print(f"{name} ({len(places)} places), top-1 by place: {rates}", flush=True)
    return found


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    options = parse(arguments)
    torch.manual_seed(options.seed)
    model = load_model(options.model, options.adapter, options.device)
    prompts = read_prompts(options.prompts)

    def read(paths: list[pathlib.Path]) -> list[Sample]:
        return read_samples(paths, prompts, model.encode, options.max_tokens)

    samples = read(options.samples)
    random.Random(options.seed).shuffle(samples)
    apart, rest = held_out(samples, options.held_out)
    if not rest or not apart:
        raise SystemExit(f"{len(samples)} samples are too few with --held-out {options.held_out}")
    print(f"{len(rest)} samples to learn, {len(apart)} held out", flush=True)
    config = model.network.config
    head = Head(
        config.hidden_size,
        config.vocab_size,
        options.layers,
        options.exit_dim,
        not options.no_rnn,
        frequent_tokens(rest, options.vocabulary) if options.vocabulary else None,
    ).to(options.device)
    train(model, head, rest, options)
    save(head, options.output, fingerprint(model.network.model.norm.weight), torch.bfloat16)
    sets = {"held out": apart} | {str(path): read([path]) for path in options.test}
    return report(model, head, sets, options)


if __name__ == "__main__":
    main()

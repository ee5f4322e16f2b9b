#!/usr/bin/env python3
"""Trains a ReDrafter head on samples that the model itself wrote. One GPU, or --device cpu.

The model (a Hugging Face folder; with an adapter, one that it was merged into) stays as it
is; the head learns to say its next tokens. Prompts are JSONL with "id" and "prompt": the text
that the model was sent for a problem. The last `--held-out` of the samples are not trained on:
top-1 accuracy of each draft is reported on them.

usage: train.py --model FOLDER --samples RUN/samples.jsonl... --prompts prompts.jsonl --output DIR
"""

import argparse
import json
import pathlib
import random
import time

import torch
from head import Head, fingerprint, save
from losses import draft_losses, learning_rate
from samples import Sample, frequent_tokens, read_samples


def batches(samples: list[Sample], size: int, rng: random.Random) -> list[list[Sample]]:
    """Of samples of about the same length, in random order."""
    ordered = sorted(samples, key=lambda s: len(s.ids))
    grouped = [ordered[i : i + size] for i in range(0, len(ordered), size)]
    rng.shuffle(grouped)
    return grouped


def padded(batch: list[Sample], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """ids and learnt [B, T]; padding is not learnt, and behind all that is."""
    longest = max(len(s.ids) for s in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    learnt = torch.zeros(len(batch), longest, dtype=torch.bool)
    for row, sample in enumerate(batch):
        ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
        learnt[row, : len(sample.ids)] = torch.tensor(sample.learnt)
    return ids.to(device), learnt.to(device)


def step_losses(model, head: Head, batch: list[Sample], drafts: int, device: str):
    ids, learnt = padded(batch, device)
    with torch.no_grad():
        hidden = model.model(ids).last_hidden_state  # after the last norm
        embedded = model.get_input_embeddings()(ids)
    return draft_losses(head, hidden.float(), embedded.float(), ids, learnt, drafts)


def evaluate(model, head: Head, samples: list[Sample], options) -> list[float]:
    head.eval()
    rng = random.Random(0)
    with torch.no_grad():
        rights = [
            step_losses(model, head, batch, options.drafts, options.device)[1]
            for batch in batches(samples, options.batch, rng)
        ]
    head.train()
    return torch.stack(rights).mean(0).tolist()


def train(model, head: Head, samples: list[Sample], options) -> None:
    rng = random.Random(options.seed)
    optimizer = torch.optim.AdamW(head.parameters(), lr=options.lr, weight_decay=0.0)
    schedule = [b for _ in range(options.epochs) for b in batches(samples, options.batch, rng)]
    began = time.monotonic()
    for step, batch in enumerate(schedule):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, len(schedule), options.lr, options.warmup)
        losses, rights = step_losses(model, head, batch, options.drafts, options.device)
        optimizer.zero_grad()
        losses.sum().backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step + 1 == len(schedule):
            top1 = " ".join(f"{r:.3f}" for r in rights.tolist())
            print(
                f"step {step + 1} of {len(schedule)}, loss {losses.sum().item():.3f}, "
                f"top-1 {top1}, {time.monotonic() - began:.0f} s",
                flush=True,
            )


def read_prompts(path: pathlib.Path) -> dict[str, str]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {str(row["id"]): row["prompt"] for row in rows}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--samples", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--prompts", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--exit-dim", type=int, default=None, help="2 hidden sizes, if not given")
    parser.add_argument("--no-rnn", action="store_true")
    parser.add_argument("--vocabulary", type=int, default=0, help="most frequent tokens; 0: all")
    parser.add_argument("--drafts", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=float, default=0.1, help="share of the steps")
    parser.add_argument("--max-tokens", type=int, default=2048)
    parser.add_argument("--held-out", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> list[float]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = parse(arguments)
    torch.manual_seed(options.seed)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    dtype = torch.float32 if options.device == "cpu" else torch.bfloat16
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype)
    model = model.to(options.device).eval().requires_grad_(False)
    samples = read_samples(
        options.samples,
        read_prompts(options.prompts),
        lambda text: tokenizer.encode(text, add_special_tokens=False),
        options.max_tokens,
    )
    samples = [s for s in samples if len(s.ids) > options.drafts + 2]
    random.Random(options.seed).shuffle(samples)
    held_out, rest = samples[: options.held_out], samples[options.held_out :]
    if not rest or not held_out:
        raise SystemExit(f"{len(samples)} samples are too few with --held-out {options.held_out}")
    head = Head(
        model.config.hidden_size,
        model.config.vocab_size,
        options.layers,
        options.exit_dim,
        not options.no_rnn,
        frequent_tokens(rest, options.vocabulary) if options.vocabulary else None,
    ).to(options.device)
    train(model, head, rest, options)
    accuracy = evaluate(model, head, held_out, options)
    print("held out, top-1 by place: " + " ".join(f"{a:.3f}" for a in accuracy))
    save(head, options.output, fingerprint(model.model.norm.weight), torch.bfloat16)
    return accuracy


if __name__ == "__main__":
    main()

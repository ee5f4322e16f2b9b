"""What a head is trained on: from every place of a text, the tokens that the model wrote
next, each draft reading the right tokens before it (teacher forcing)."""

import math

import torch
from head import Head
from torch import Tensor, nn


def draft_losses(
    head: Head, hidden: Tensor, embedded: Tensor, ids: Tensor, learnt: Tensor, drafts: int
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each draft's place, [drafts], and how often its likeliest token is right.

    hidden [B, T, E]: what the model's head saw, place t giving token t + 1; embedded [B, T, E];
    ids and learnt [B, T]. The i-th draft (from 0) at place t is token t + 2 + i. A text's
    tokens count where the model wrote them; those outside a cut vocabulary count as wrong
    and are not learnt."""
    state = torch.zeros_like(hidden)
    losses, rights = [], []
    length = ids.shape[1]
    for i in range(drafts):
        places = length - 2 - i
        state = head.advance(state[:, :places], embedded[:, 1 + i : 1 + i + places])
        logits = head.logits(hidden[:, :places], state).float()
        wanted = head.rows_of(ids[:, 2 + i :])
        counts = learnt[:, 2 + i :]
        rows = torch.where(counts, wanted, -100)
        known = (rows >= 0).sum().clamp(min=1)
        total = nn.functional.cross_entropy(
            logits.flatten(0, 1), rows.flatten(), ignore_index=-100, reduction="sum"
        )
        losses.append(total / known)
        right = (logits.argmax(-1) == wanted) & counts
        rights.append(right.sum() / counts.sum().clamp(min=1))
    return torch.stack(losses), torch.stack(rights)


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Linear to `peak` over the first `warmup` of the steps, then a half cosine to zero."""
    begin = max(1, round(warmup * steps))
    if step < begin:
        return peak * (step + 1) / begin
    return peak * (1 + math.cos(math.pi * (step - begin) / max(1, steps - begin))) / 2

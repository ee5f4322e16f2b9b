"""What a head is trained on: from every place of a text, the tokens that the model wrote
next, or how likely it thought each token, each draft reading the right tokens before it
(teacher forcing)."""

import math
from collections.abc import Callable

import torch
from head import Head
from torch import Tensor, nn


def draft_losses(
    head: Head,
    hidden: Tensor,
    embedded: Tensor,
    ids: Tensor,
    learnt: Tensor,
    model_says: Callable[[int], Tensor] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Of each draft's place: cross-entropy [drafts], how many of its likeliest tokens are right
    and how many were counted.

    hidden [N, E]: what the model's head saw at N places; embedded [N, drafts, E]: the token it
    gave there and those after it; ids and learnt [N, drafts]: the tokens that each draft is to
    be. Those count that the model wrote; of them, those outside a cut vocabulary are wrong
    and are not learnt. `model_says`: of a draft's place, how likely the model thought each of
    the head's tokens [N, rows], which is learnt in place of the token that it then drew."""
    state = torch.zeros_like(hidden)
    losses, rights = [], []
    for i in range(ids.shape[1]):
        state = head.advance(state, embedded[:, i])
        logits = head.logits(hidden, state).float()
        wanted = head.rows_of(ids[:, i])
        rows = torch.where(learnt[:, i], wanted, -100)
        known = (rows >= 0).sum().clamp(min=1)
        if model_says is None:
            total = nn.functional.cross_entropy(logits, rows, ignore_index=-100, reduction="sum")
        else:
            each = nn.functional.cross_entropy(logits, model_says(i), reduction="none")
            total = each[rows >= 0].sum()
        losses.append(total / known)
        rights.append(((logits.argmax(-1) == wanted) & learnt[:, i]).sum())
    return torch.stack(losses), torch.stack(rights), learnt.sum(0)


def learning_rate(share: float, peak: float, warmup: float) -> float:
    """At `share` of the steps: linear to `peak` over the first `warmup`, then a half cosine to
    zero."""
    if share < warmup:
        return peak * share / warmup
    return peak * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup))) / 2

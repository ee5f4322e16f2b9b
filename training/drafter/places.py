"""The places of texts that drafts are learnt at, with what the model's head saw there."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from samples import Sample
from torch import Tensor, nn

TOKENS_AT_A_TIME = 65536  # of the model's forward pass


@dataclass
class Places:
    """N places; hidden state 0 of each gave its token 0, those after it the next ones."""

    states: Tensor  # [M, E], shared by all places; behind a text's end whatever is there
    at: Tensor  # [N]: of each place hidden state 0, the others follow
    ids: Tensor  # [N, 1 + drafts]
    learnt: Tensor  # [N, 1 + drafts]

    def __len__(self) -> int:
        return len(self.ids)

    def hidden(self, which: int) -> Tensor:
        """Hidden state `which` of each place [N, E]."""
        return self.states[self.at + which]

    def part(self, rows: slice | Tensor) -> "Places":
        return Places(self.states, self.at[rows], self.ids[rows], self.learnt[rows])

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator["Places"]:
        """Parts of `size` places in random order; what is left at the end is left out."""
        order = torch.randperm(len(self), generator=generator).to(self.ids.device)
        for begin in range(0, len(self) - min(size, len(self)) + 1, size):
            yield self.part(order[begin : begin + size])


def _batches(samples: list[Sample]) -> Iterator[list[Sample]]:
    """Of samples of about the same length."""
    ordered = sorted(samples, key=lambda s: len(s.ids))
    begin = 0
    while begin < len(ordered):
        end = begin + 1
        while end < len(ordered) and (end + 1 - begin) * len(ordered[end].ids) <= TOKENS_AT_A_TIME:
            end += 1
        yield ordered[begin:end]
        begin = end


@torch.no_grad()
def find_places(network: nn.Module, samples: list[Sample], drafts: int) -> Places:
    """The places whose first draft is a token that the model wrote. `network`: a causal
    language model of transformers."""
    device = network.device
    parts = []
    for batch in _batches(samples):
        longest = max(len(s.ids) for s in batch)
        ids = torch.zeros(len(batch), longest + drafts + 1, dtype=torch.long)
        learnt = torch.zeros(ids.shape, dtype=torch.bool)
        for row, sample in enumerate(batch):
            ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
            learnt[row, : len(sample.ids)] = torch.tensor(sample.learnt)
        ids, learnt = ids.to(device), learnt.to(device)
        hidden = network.model(ids[:, :longest]).last_hidden_state  # behind the last norm
        hidden = torch.nn.functional.pad(hidden, (0, 0, 0, drafts))
        # Windows of 1 + drafts tokens, of place t those from t + 1 on.
        next_ids = ids[:, 1:].unfold(1, drafts + 1, 1)
        next_learnt = learnt[:, 1:].unfold(1, drafts + 1, 1)
        taken = next_learnt[:, :, 0] & next_learnt[:, :, 1]
        used = torch.zeros(hidden.shape[:2], dtype=torch.bool, device=device)
        for i in range(drafts + 1):
            used[:, i : i + taken.shape[1]] |= taken
        index = used.flatten().cumsum(0).view(used.shape) - 1
        at = index[:, : taken.shape[1]][taken] + sum(len(p.states) for p in parts)
        parts.append(Places(hidden[used], at, next_ids[taken], next_learnt[taken]))
    return Places(
        torch.cat([p.states for p in parts]),
        torch.cat([p.at for p in parts]),
        torch.cat([p.ids for p in parts]),
        torch.cat([p.learnt for p in parts]),
    )

"""A ReDrafter head (arXiv:2403.09919) under Apple's names, as QED reads it.

With `rnn` the state is s_t = SiLU(W e(x_t) + U s_{t-1} + b), s_0 = 0; without, the sum of
the embeddings. A draft's logits come from [h ; s_t] through residual blocks, h being what
the model's head saw.
"""

import json
import pathlib
from collections import OrderedDict

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


class Block(nn.Module):
    """z + SiLU(linear(z)), the linear at first zero: the block begins as nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, z: Tensor) -> Tensor:
        return z + nn.functional.silu(self.linear(z))


class Head(nn.Module):
    """`vocabulary`: ids of the tokens that its logits are for; None: all `vocab_size`."""

    def __init__(
        self,
        hidden_size: int,
        vocab_size: int,
        layers: int = 2,
        exit_dim: int | None = None,
        rnn: bool = True,
        vocabulary: list[int] | None = None,
    ) -> None:
        super().__init__()
        self.hidden_size, self.vocab_size, self.layers = hidden_size, vocab_size, layers
        self.exit_dim = exit_dim or 2 * hidden_size
        self.vocabulary = vocabulary
        if rnn:
            self.rnn_w = nn.Linear(hidden_size, hidden_size, bias=False)
            self.rnn_u = nn.Linear(hidden_size, hidden_size)
        self.rnn = rnn
        if self.exit_dim != 2 * hidden_size:
            self.input_proj = nn.Linear(2 * hidden_size, self.exit_dim)
        rows = len(vocabulary) if vocabulary else vocab_size
        if vocabulary is not None:
            row_of_token = torch.full((vocab_size,), -100, dtype=torch.long)
            row_of_token[torch.tensor(vocabulary)] = torch.arange(rows)
            self.register_buffer("row_of_token", row_of_token, persistent=False)
        self.lm_head = nn.ModuleList([Block(self.exit_dim) for _ in range(layers)])
        self.lm_head.append(nn.Linear(self.exit_dim, rows, bias=False))

    def advance(self, state: Tensor, embedded: Tensor) -> Tensor:
        """The state after one more token; all [..., E]."""
        if not self.rnn:
            return state + embedded
        return nn.functional.silu(self.rnn_w(embedded) + self.rnn_u(state))

    def logits(self, hidden: Tensor, state: Tensor) -> Tensor:
        z = torch.cat([hidden, state], dim=-1)
        if self.exit_dim != 2 * self.hidden_size:
            z = self.input_proj(z)
        for layer in self.lm_head:
            z = layer(z)
        return z

    def rows_of(self, ids: Tensor) -> Tensor:
        """For each token its row of the logits; -100, which losses leave out, where it has none."""
        return ids if self.vocabulary is None else self.row_of_token[ids]


def save(head: Head, folder: pathlib.Path, fingerprint: str, dtype: torch.dtype) -> None:
    """config.json, model.safetensors and, with a cut vocabulary, vocabulary.json."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "recurrent_drafting_drafter",
        "hidden_size": head.hidden_size,
        "vocab_size": head.vocab_size,
        "exit_dim": head.exit_dim,
        "num_draft_layers": head.layers,
        "rnn": head.rnn,
        "base_model_fingerprint": fingerprint,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensors = {n: t.detach().to("cpu", dtype).contiguous() for n, t in head.state_dict().items()}
    save_file(OrderedDict(sorted(tensors.items())), folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)
    if head.vocabulary is not None:
        (folder / "vocabulary.json").write_text(json.dumps(head.vocabulary) + "\n")


def load(folder: pathlib.Path) -> Head:
    config = json.loads((folder / "config.json").read_text())
    cut = folder / "vocabulary.json"
    head = Head(
        config["hidden_size"],
        config["vocab_size"],
        config["num_draft_layers"],
        config["exit_dim"],
        config["rnn"],
        json.loads(cut.read_text()) if cut.exists() else None,
    )
    tensors = load_file(folder / "model.safetensors")
    head.load_state_dict({n: t.float() for n, t in tensors.items()})
    return head


def fingerprint(final_norm: Tensor) -> str:
    """Tells models apart as QED does: FNV-1a of the last norm's weights in bfloat16."""
    value = 14695981039346656037
    for bits in final_norm.detach().cpu().bfloat16().view(torch.int16).tolist():
        for byte in (bits & 0xFF, bits >> 8 & 0xFF):
            value = (value ^ byte) * 1099511628211 % 2**64
    return f"{value:016x}"

"""A Llama decoder over packed examples, its linear layers W0 + scale * B A.

The low-rank product is added to the weights once a step (all layers in one batched
product) rather than beside every matrix product: the same function, since there is
no dropout, at the cost of plain fine-tuning.
"""

import math

import torch
import torch.nn.functional as F
from torch.nn.attention.varlen import varlen_attn

from .weights import LINEARS, Base

MODULES = list(LINEARS.values())


class LowRank(torch.nn.Module):
    """A and B of every layer of one kind, stacked: A [L, rank, in], B [L, out, rank]."""

    def __init__(self, base: torch.Tensor, rank: int, scale: float) -> None:
        super().__init__()
        layers, rows, columns = base.shape
        self.register_buffer("base", base, persistent=False)
        self.scale = scale
        self.a = torch.nn.Parameter(torch.empty(layers, rank, columns))
        self.b = torch.nn.Parameter(torch.zeros(layers, rows, rank))
        torch.nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self) -> torch.Tensor:
        return torch.baddbmm(self.base, self.b, self.a, alpha=self.scale).to(torch.bfloat16)


def rms_norm(x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + epsilon)).to(x.dtype) * weight


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """x [T, heads, D]; value i is rotated with value i + D/2."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, starts: torch.Tensor, longest: int
) -> torch.Tensor:
    """Causal attention within each example. starts [examples + 1] are the examples' borders."""
    if q.is_cuda:
        return varlen_attn(q, k, v, starts, starts, longest, longest, window_size=(-1, 0))
    owner = torch.bucketize(torch.arange(len(q)), starts, right=True)
    mask = (owner[:, None] == owner[None, :]) & torch.ones(len(q), len(q)).tril().bool()
    out = F.scaled_dot_product_attention(
        *(x.transpose(0, 1)[None] for x in (q, k, v)), attn_mask=mask
    )
    return out[0].transpose(0, 1)


class Network(torch.nn.Module):
    """Frozen embedding and norms; low-rank changes of all linear layers."""

    def __init__(self, base: Base, rank: int, alpha: float) -> None:
        super().__init__()
        self.layers, self.heads, self.kv_heads, self.epsilon, self.rope_base = (
            base.layers,
            base.heads,
            base.kv_heads,
            base.epsilon,
            base.rope_base,
        )

        def stack(name: str) -> torch.Tensor:
            return torch.stack(
                [base.tensors[f"model.layers.{i}.{name}.weight"] for i in range(self.layers)]
            )

        self.low_rank = torch.nn.ModuleDict(
            {m.replace(".", "/"): LowRank(stack(m), rank, alpha / rank) for m in MODULES}
        )
        for name, values in (
            ("embedding", base.tensors["model.embed_tokens.weight"]),
            ("final_norm", base.tensors["model.norm.weight"]),
            ("norm1", stack("input_layernorm")),
            ("norm2", stack("post_attention_layernorm")),
        ):
            self.register_buffer(name, values.to(torch.bfloat16), persistent=False)
        self.layer = self._layer

    def _layer(
        self,
        x: torch.Tensor,
        weights: list[torch.Tensor],
        norm1: torch.Tensor,
        norm2: torch.Tensor,
        rope: tuple[torch.Tensor, torch.Tensor],
        starts: torch.Tensor,
        longest: int,
    ) -> torch.Tensor:
        q, k, v, o, gate, up, down = weights
        tokens, head_dim = len(x), q.shape[0] // self.heads
        h = rms_norm(x, norm1, self.epsilon)
        queries = rotate((h @ q.T).view(tokens, self.heads, head_dim), *rope)
        keys = rotate((h @ k.T).view(tokens, self.kv_heads, head_dim), *rope)
        values = (h @ v.T).view(tokens, self.kv_heads, head_dim)
        group = self.heads // self.kv_heads
        mixed = attend(
            queries,
            keys.repeat_interleave(group, 1),
            values.repeat_interleave(group, 1),
            starts,
            longest,
        )
        x = x + mixed.reshape(tokens, -1) @ o.T
        h = rms_norm(x, norm2, self.epsilon)
        return x + (F.silu(h @ gate.T) * (h @ up.T)) @ down.T

    def _rope(self, positions: torch.Tensor, head_dim: int) -> tuple[torch.Tensor, torch.Tensor]:
        frequencies = self.rope_base ** (
            -torch.arange(0, head_dim, 2, device=positions.device) / head_dim
        )
        angles = positions[:, None].float() * frequencies
        return angles.cos()[:, None].to(torch.bfloat16), angles.sin()[:, None].to(torch.bfloat16)

    def loss(
        self,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        starts: torch.Tensor,
        longest: int,
        learn: torch.Tensor,
    ) -> torch.Tensor:
        """Mean cross entropy of tokens[i + 1] at the places i of `learn`."""
        weights = [self.low_rank[m.replace(".", "/")]().unbind(0) for m in MODULES]
        head_dim = weights[0][0].shape[0] // self.heads
        rope = self._rope(positions, head_dim)
        x = self.embedding[tokens]
        for i in range(self.layers):
            x = self.layer(
                x, [w[i] for w in weights], self.norm1[i], self.norm2[i], rope, starts, longest
            )
        x = rms_norm(x, self.final_norm, self.epsilon)
        hidden, targets = x[learn], tokens[learn + 1]
        logits = hidden @ self.embedding.T
        return F.cross_entropy(logits.float(), targets)

    def adapter_tensors(self) -> dict[str, torch.Tensor]:
        """In PEFT's names."""
        out = {}
        for module in MODULES:
            pair = self.low_rank[module.replace(".", "/")]
            for i in range(self.layers):
                stem = f"base_model.model.model.layers.{i}.{module}"
                out[f"{stem}.lora_A.weight"] = pair.a[i].detach()
                out[f"{stem}.lora_B.weight"] = pair.b[i].detach()
        return out

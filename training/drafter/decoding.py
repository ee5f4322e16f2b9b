"""Draws text from a Llama, thousands of sequences at a time: one growing cache of keys and
values whose rows are aligned at their ends, so that each step writes one column."""

import torch
import torch.nn.functional as F
from torch import Tensor

PREFILL_ROWS = 512  # prompts computed at a time


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class Decoder:
    """`network`: LlamaForCausalLM (no biases, no sliding window)."""

    def __init__(self, network) -> None:
        config = network.config
        self.layers = network.model.layers
        self.embedding = network.model.embed_tokens.weight
        self.norm = network.model.norm
        self.head = network.lm_head.weight
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.dim = config.hidden_size // self.heads
        self.base = config.rope_parameters["rope_theta"]

    def _rope(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """For positions [B, T]: cos and sin [B, 1, T, D/2]."""
        steps = torch.arange(0, self.dim, 2, device=positions.device) / self.dim
        angles = positions[:, None, :, None].float() * self.base**-steps
        return angles.cos().to(self.embedding.dtype), angles.sin().to(self.embedding.dtype)

    def _project(self, layer, x: Tensor, rope) -> tuple[Tensor, Tensor, Tensor]:
        h = layer.input_layernorm(x)
        part = layer.self_attn
        shape = (*x.shape[:2], -1, self.dim)
        q, k, v = (p(h).view(shape).transpose(1, 2) for p in (part.q_proj, part.k_proj, part.v_proj))
        return _rotate(q, *rope), _rotate(k, *rope), v

    @staticmethod
    def _finish(layer, x: Tensor, mixed: Tensor) -> Tensor:
        x = x + layer.self_attn.o_proj(mixed)
        return x + layer.mlp(layer.post_attention_layernorm(x))

    def prefill(self, prompts: list[list[int]], room: int) -> None:
        """Begins a batch; `room` columns of the cache are left for what is drawn."""
        longest = max(map(len, prompts))
        device, rows = self.embedding.device, len(prompts)
        self.pad = torch.tensor([longest - len(p) for p in prompts], device=device)
        self.column = longest
        shape = (len(self.layers), rows, self.kv_heads, longest + room, self.dim)
        self.keys = torch.zeros(shape, dtype=self.embedding.dtype, device=device)
        self.values = torch.zeros_like(self.keys)
        ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts], device=device)
        last = [self._prefill(ids, i) for i in range(0, rows, PREFILL_ROWS)]
        self.hidden = torch.cat(last)

    def _prefill(self, ids: Tensor, begin: int) -> Tensor:
        end = min(begin + PREFILL_ROWS, len(ids))
        ids, pad, length = ids[begin:end], self.pad[begin:end], ids.shape[1]
        places = torch.arange(length, device=ids.device)
        rope = self._rope((places - pad[:, None]).clamp(min=0))
        seen = (places[None, :] >= pad[:, None])[:, None, None, :]
        # A padding row sees itself, lest its softmax be of nothing.
        mask = (seen & (places[:, None] >= places)) | torch.eye(
            length, dtype=torch.bool, device=ids.device
        )
        x = F.embedding(ids, self.embedding)
        group = self.heads // self.kv_heads
        for i, layer in enumerate(self.layers):
            q, k, v = self._project(layer, x, rope)
            self.keys[i, begin:end, :, :length], self.values[i, begin:end, :, :length] = k, v
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            x = self._finish(layer, x, mixed.transpose(1, 2).flatten(2))
        return self.norm(x[:, -1])

    def logits(self) -> Tensor:
        """Of each row's next token [B, V]."""
        return F.linear(self.hidden, self.head)

    def advance(self, ids: Tensor) -> None:
        """The rows go on with these tokens [B]."""
        rows, column = len(ids), self.column
        self.column += 1
        rope = self._rope((column - self.pad)[:, None])
        places = torch.arange(self.column, device=ids.device)
        unseen = (places[None, :] < self.pad[:, None])[:, None, None, :]
        x = F.embedding(ids, self.embedding)[:, None]
        for i, layer in enumerate(self.layers):
            q, k, v = self._project(layer, x, rope)
            self.keys[i, :, :, column : column + 1] = k
            self.values[i, :, :, column : column + 1] = v
            keys = self.keys[i, :, :, : self.column]
            # The queries that share a key are rows of one product.
            q = q.view(rows, self.kv_heads, -1, self.dim)
            scores = (q @ keys.transpose(2, 3)).float() * self.dim**-0.5
            weights = scores.masked_fill(unseen, float("-inf")).softmax(-1).to(x.dtype)
            mixed = weights @ self.values[i, :, :, : self.column]
            x = self._finish(layer, x, mixed.reshape(rows, 1, -1))
        self.hidden = self.norm(x[:, 0])

    def keep(self, rows: Tensor) -> None:
        """Of the batch only these rows go on."""
        self.pad, self.hidden = self.pad[rows], self.hidden[rows]
        used = slice(0, self.keys.shape[3])
        self.keys = self.keys[:, rows, :, used]
        self.values = self.values[:, rows, :, used]


def draw(
    decoder: Decoder,
    prompts: list[list[int]],
    temperatures: list[float],
    ends: list[list[int]],
    most: int,
    seed: int,
) -> list[list[int]]:
    """What each prompt goes on with, up to and with the first of the token sequences `ends`,
    or `most` tokens."""
    decoder.prefill(prompts, most)
    device = decoder.embedding.device
    generator = torch.Generator(device).manual_seed(seed)
    temperature = torch.tensor(temperatures, device=device)[:, None]
    tails = [torch.tensor(end, device=device) for end in ends]
    texts = torch.full((len(prompts), most), -1, device=device)
    owners = torch.arange(len(prompts), device=device)
    over = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    for step in range(most):
        noise = torch.rand(
            decoder.hidden.shape[0], decoder.head.shape[0], device=device, generator=generator
        )
        scores = decoder.logits().float() / temperature - (-noise.clamp(min=1e-20).log()).log()
        ids = scores.argmax(-1)
        texts[owners, step] = torch.where(over, -1, ids)
        for tail in tails:
            if step + 1 >= len(tail):
                over |= (texts[owners, step + 1 - len(tail) : step + 1] == tail).all(-1)
        if step % 16 == 15 or step + 1 == most:
            going_on = (~over).nonzero()[:, 0]
            if len(going_on) == 0:
                break
            if len(going_on) < 0.7 * len(over):
                decoder.keep(going_on)
                ids, over = ids[going_on], over[going_on]
                owners, temperature = owners[going_on], temperature[going_on]
        if step + 1 < most:
            decoder.advance(ids)
    return [[i for i in row if i >= 0] for row in texts.tolist()]

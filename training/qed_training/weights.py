"""The base weights: a GGUF file dequantised, in Hugging Face's names and row order."""

import pathlib
import re

import gguf
import numpy
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

LINEARS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}


class Base:
    """Tensors, shape numbers and tokenizer of a Llama GGUF file."""

    def __init__(self, path: pathlib.Path) -> None:
        self._reader = gguf.GGUFReader(path)
        self.layers = int(self._field("llama.block_count"))
        self.heads = int(self._field("llama.attention.head_count"))
        self.kv_heads = int(self._field("llama.attention.head_count_kv"))
        self.rope_base = float(self._field("llama.rope.freq_base"))
        self.epsilon = float(self._field("llama.attention.layer_norm_rms_epsilon"))
        self.tensors = {self._hf_name(t.name): self._values(t) for t in self._reader.tensors}

    def _field(self, name: str) -> object:
        return self._reader.fields[name].contents()

    @staticmethod
    def _hf_name(name: str) -> str:
        stem = name.removesuffix(".weight")
        if stem in _TOP:
            return f"{_TOP[stem]}.weight"
        match = re.fullmatch(r"blk\.(\d+)\.(\w+)", stem)
        assert match is not None, name
        return f"model.layers.{match[1]}.{(LINEARS | _NORMS)[match[2]]}.weight"

    def _values(self, tensor: gguf.ReaderTensor) -> torch.Tensor:
        values = numpy.ascontiguousarray(
            gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=numpy.float32
        )
        heads = {"attn_q": self.heads, "attn_k": self.kv_heads}.get(tensor.name.split(".")[-2])
        if heads is not None:  # llama.cpp rotates neighbours, HF halves: rows go back to HF's order
            rows, columns = values.shape
            values = (
                values.reshape(heads, rows // heads // 2, 2, columns)
                .swapaxes(1, 2)
                .reshape(rows, columns)
            )
        return torch.from_numpy(values.copy())

    def tokenizer(self) -> Tokenizer:
        """As SmolLM2's tokenizer.json describes it: digits apart, byte-level BPE."""
        tokens = self._field("tokenizer.ggml.tokens")
        kinds = self._field("tokenizer.ggml.token_type")
        merges = [tuple(m.split(" ")) for m in self._field("tokenizer.ggml.merges")]
        vocabulary = {token: i for i, token in enumerate(tokens)}
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens(
            [
                AddedToken(t, special=True)
                for t, kind in zip(tokens, kinds)
                if kind == gguf.TokenType.CONTROL
            ]
        )
        return tokenizer

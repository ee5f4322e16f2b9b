"""The model a drafter is for: a Hugging Face folder, or a GGUF file as QED runs it, an
adapter merged into either."""

import json
import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))


@dataclass
class Model:
    network: nn.Module  # a causal language model of transformers, frozen
    encode: Callable[[list[str]], list[list[int]]]
    decode: Callable[[list[int]], str]


def merge_adapter(tensors: dict[str, Tensor], folder: pathlib.Path) -> None:
    """Adds scale * B A to each weight that the adapter changes (PEFT's layout)."""
    config = json.loads((folder / "adapter_config.json").read_text())
    scale = config["lora_alpha"] / config["r"]
    parts = load_file(folder / "adapter_model.safetensors")
    for name, a in parts.items():
        if ".lora_A." not in name:
            continue
        b = parts[name.replace(".lora_A.", ".lora_B.")].float()
        weight = name.removeprefix("base_model.model.").replace(".lora_A", "")
        tensors[weight] = tensors[weight].float() + scale * b @ a.float()


def _from_gguf(path: pathlib.Path, adapter: pathlib.Path | None) -> Model:
    from qed_training.weights import Base
    from transformers import LlamaConfig, LlamaForCausalLM

    base = Base(path)
    embedding = base.tensors["model.embed_tokens.weight"]
    config = LlamaConfig(
        vocab_size=embedding.shape[0],
        hidden_size=embedding.shape[1],
        intermediate_size=base.tensors["model.layers.0.mlp.gate_proj.weight"].shape[0],
        num_hidden_layers=base.layers,
        num_attention_heads=base.heads,
        num_key_value_heads=base.kv_heads,
        rms_norm_eps=base.epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": base.rope_base},
        tie_word_embeddings=True,
    )
    if adapter is not None:
        merge_adapter(base.tensors, adapter)
    network = LlamaForCausalLM(config)
    missing, unexpected = network.load_state_dict(base.tensors, strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise SystemExit(f"{path}: not a Llama with its embedding as head")
    tokenizer = base.tokenizer()

    def encode(texts: list[str]) -> list[list[int]]:
        return [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return Model(network, encode, lambda ids: tokenizer.decode(ids, skip_special_tokens=False))


def _from_folder(path: pathlib.Path, adapter: pathlib.Path | None) -> Model:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path)
    network = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    if adapter is not None:
        tensors = network.state_dict()
        merge_adapter(tensors, adapter)
        network.load_state_dict(tensors)

    def encode(texts: list[str]) -> list[list[int]]:
        return tokenizer(texts, add_special_tokens=False)["input_ids"]

    return Model(network, encode, tokenizer.decode)


def load_model(path: pathlib.Path, adapter: pathlib.Path | None, device: str) -> Model:
    """In bfloat16 on a GPU, in float32 on a processor."""
    model = (_from_gguf if path.suffix == ".gguf" else _from_folder)(path, adapter)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    model.network = model.network.to(device, dtype).eval().requires_grad_(False)
    return model

"""Writes a LoRA adapter in PEFT's layout."""

import json
import pathlib

import torch
from safetensors.torch import save_file

from .weights import LINEARS


def write(folder: pathlib.Path, tensors: dict[str, torch.Tensor], rank: int, alpha: float) -> None:
    """adapter_config.json and adapter_model.safetensors, the tensors as 16-bit floats."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "inference_mode": True,
        "target_modules": sorted(m.split(".")[-1] for m in LINEARS.values()),
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
    half = {name: t.to(torch.float16).contiguous().cpu() for name, t in tensors.items()}
    save_file(half, folder / "adapter_model.safetensors", metadata={"format": "pt"})

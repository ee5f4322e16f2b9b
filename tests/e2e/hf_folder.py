"""Small HF folders made of nothing but the standard library, and an independent reader."""

import json
import os
import random
import struct

VOCAB, HIDDEN, INNER, LAYERS, HEADS, KV_HEADS, HEAD_DIM = 320, 64, 96, 2, 4, 2, 16


def byte_tokens():
    """The 256 letters of byte-level BPE, as GPT-2 chose them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(others))]


def tokenizer():
    tokens = ["<pad>", "<s>", "</s>", *byte_tokens()]
    tokens += [f"<unused{i}>" for i in range(VOCAB - len(tokens))]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
            "normalizer": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False,
                              "trim_offsets": True, "use_regex": True},
            "post_processor": None,
            "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                        "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None,
                      "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": False, "byte_fallback": False,
                      "vocab": {t: i for i, t in enumerate(tokens)}, "merges": []}}


def shapes():
    """Name and shape of every tensor of a small Qwen2."""
    yield "model.embed_tokens.weight", (VOCAB, HIDDEN)
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", (HIDDEN,)
        yield layer + "post_attention_layernorm.weight", (HIDDEN,)
        for name, rows, columns in (("self_attn.q_proj", HEADS * HEAD_DIM, HIDDEN),
                                    ("self_attn.k_proj", KV_HEADS * HEAD_DIM, HIDDEN),
                                    ("self_attn.v_proj", KV_HEADS * HEAD_DIM, HIDDEN),
                                    ("self_attn.o_proj", HIDDEN, HEADS * HEAD_DIM),
                                    ("mlp.gate_proj", INNER, HIDDEN),
                                    ("mlp.up_proj", INNER, HIDDEN),
                                    ("mlp.down_proj", HIDDEN, INNER)):
            yield f"{layer}{name}.weight", (rows, columns)
            if name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"):
                yield f"{layer}{name}.bias", (rows,)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCAB, HIDDEN)


def to_bf16(value):
    """Cut, not rounded: any bfloat16 will do."""
    return struct.pack("<f", value)[2:]


def write_safetensors(path, tensors):
    """`tensors`: name to (dtype, shape, bytes)."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape),
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    with open(path, "rb") as file:
        content = file.read()
    length = struct.unpack("<Q", content[:8])[0]
    header, data = json.loads(content[8:8 + length]), content[8 + length:]
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
            for name, entry in header.items()}


def e4m3(code):
    """From the definition: sign, 4 bits of exponent with bias 7, 3 of fraction."""
    sign = -1.0 if code & 0x80 else 1.0
    exponent, fraction = code >> 3 & 15, code & 7
    if exponent == 15 and fraction == 7:
        return float("nan")
    if exponent == 0:
        return sign * fraction * 2.0**-9
    return sign * (1 + fraction / 8) * 2.0**(exponent - 7)


def numbers(tensor):
    dtype, _, data = tensor
    if dtype == "F32":
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    if dtype == "BF16":
        return [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(0, len(data), 2)]
    if dtype == "I8":
        return list(struct.unpack(f"<{len(data)}b", data))
    return [e4m3(code) for code in data]


def write_folder(folder, seed=1):
    """A random network in bfloat16; returns its tensors."""
    os.makedirs(folder)
    generator = random.Random(seed)
    tensors = {}
    for name, shape in shapes():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        mean = 1.0 if "norm" in name else 0.0
        deviation = 0.1 if len(shape) == 1 else 1.5 / shape[1]**0.5
        content = b"".join(to_bf16(generator.gauss(mean, deviation)) for _ in range(count))
        tensors[name] = ("BF16", shape, content)
    write_safetensors(f"{folder}/model.safetensors", tensors)
    config = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2",
              "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
              "num_key_value_heads": KV_HEADS, "hidden_size": HIDDEN,
              "intermediate_size": INNER, "vocab_size": VOCAB, "max_position_embeddings": 512,
              "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": False,
              "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16"}
    for name, content in (("config.json", config), ("tokenizer.json", tokenizer()),
                          ("generation_config.json", {"temperature": 0.6})):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            json.dump(content, file)
    return tensors

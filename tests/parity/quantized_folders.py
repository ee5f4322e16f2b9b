#!/usr/bin/env python3
"""Quantized HF folders beside PyTorch and `transformers`.

Reading: a small random network, quantized here in every layout that QED reads (ModelOpt,
compressed-tensors, FP8 in blocks, FP8 a tensor, int8), must give the log-probs that
`transformers` gives with codes * scales as weights; and, computed as stored, those of the
same network with its activations rounded to FP8 as the layout says.

Writing: codes and scales of `qed quantize` must be torch.float8_e4m3fn's (and round and
clamp for int8) bit for bit, on random weights and on rows of zeros, denormals, one outlier;
and what it wrote must give `transformers` the numbers that it gives QED.

usage: quantized_folders.py --logprobs build/tests/parity/model_logprobs --qed build/qed
"""

import argparse
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

import random_models

LINEAR = "_proj.weight"
FP8 = torch.float8_e4m3fn
BLOCK = (32, 16)
EXACT = 1e-3


def ceil_div(a, b):
    return (a + b - 1) // b


def fp8(values, scale):
    return (values / scale).clamp(-448, 448).to(FP8)


def int8(values, scale):
    return torch.round(values / scale).clamp(-127, 127).to(torch.int8)


def scale_of(largest, most):
    tiny = torch.finfo(torch.float32).tiny
    scale = (largest / most).clamp(min=tiny)
    return torch.where(largest == 0, torch.ones_like(scale), scale)


def per_tensor(w):
    scale = scale_of(w.abs().amax(), 448.0)
    return fp8(w, scale), scale.reshape(1), scale


def per_row(w):
    scale = scale_of(w.abs().amax(dim=1, keepdim=True), 448.0)
    return fp8(w, scale), scale, scale


def per_block(w):
    rows, columns = w.shape
    grid = torch.zeros(ceil_div(rows, BLOCK[0]), ceil_div(columns, BLOCK[1]))
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            part = w[i * BLOCK[0]:(i + 1) * BLOCK[0], j * BLOCK[1]:(j + 1) * BLOCK[1]]
            grid[i, j] = scale_of(part.abs().amax(), 448.0)
    wide = grid.repeat_interleave(BLOCK[0], 0)[:rows].repeat_interleave(BLOCK[1], 1)[:, :columns]
    return fp8(w, wide), grid, wide


def int8_rows(w):
    scale = scale_of(w.abs().amax(dim=1, keepdim=True), 127.0)
    return int8(w, scale), scale, scale


def compressed(kind, strategy, inputs, block=None):
    weights = dict(num_bits=8, type=kind, strategy=strategy, symmetric=True, dynamic=False)
    if block:
        weights["block_structure"] = list(block)
    group = dict(targets=["Linear"], weights=weights, input_activations=inputs)
    return dict(quant_method="compressed-tensors", format=f"{kind}-quantized",
                quantization_status="compressed", ignore=["lm_head"],
                config_groups=dict(group_0=group))


def inputs(kind, strategy, dynamic):
    return dict(num_bits=8, type=kind, strategy=strategy, dynamic=dynamic, symmetric=True)


# name: how a matrix is coded, the name of its scales, how activations are rounded, and the
# configuration.
LAYOUTS = {
    "modelopt": (per_tensor, "weight_scale", "static",
                 dict(quant_method="modelopt", quant_algo="FP8")),
    "compressed-tensors FP8": (per_tensor, "weight_scale", "static",
                               compressed("float", "tensor", inputs("float", "tensor", False))),
    "compressed-tensors FP8_DYNAMIC": (per_row, "weight_scale", "token",
                                       compressed("float", "channel",
                                                  inputs("float", "token", True))),
    "compressed-tensors FP8_BLOCK": (per_block, "weight_scale", "group",
                                     compressed("float", "block", inputs("float", "group", True),
                                                BLOCK)),
    "compressed-tensors INT8": (int8_rows, "weight_scale", None,
                                compressed("int", "channel", inputs("int", "token", True))),
    "fine-grained FP8": (per_block, "weight_scale_inv", "group",
                         dict(quant_method="fp8", fmt="e4m3", activation_scheme="dynamic",
                              weight_block_size=list(BLOCK))),
    "FP8 a tensor": (per_tensor, "weight_scale", "static",
                     dict(quant_method="fp8", activation_scheme="static")),
}
INPUT_SCALE = 0.02


def round_inputs(x, how):
    if how is None:
        return x
    if how == "static":
        inverse = torch.tensor(1.0) / torch.tensor(INPUT_SCALE)
        return (x * inverse).clamp(-448, 448).to(FP8).float() * INPUT_SCALE
    if how == "token":
        scale = x.abs().amax(dim=-1, keepdim=True) / 448
        return (x / scale).to(FP8).float() * scale
    parts = [round_inputs(part, "token") for part in x.split(BLOCK[1], dim=-1)]
    return torch.cat(parts, dim=-1)


def with_rounded_inputs(model, how):
    model = copy.deepcopy(model)
    for name, module in model.named_modules():
        if name.endswith("_proj"):
            module.register_forward_pre_hook(
                lambda _, args: (round_inputs(args[0].float(), how).to(args[0].dtype),))
    return model


def write(folder, model, layout):
    """Writes the folder and gives `model` the values that it stands for."""
    code, scale_name, how, config = layout
    random_models.save(model, folder, False)
    tensors = load_file(folder / "model.safetensors")
    parameters = dict(model.named_parameters())
    for name in [n for n in tensors if n.endswith(LINEAR)]:
        codes, scale, wide = code(tensors[name].float())
        tensors[name] = codes.contiguous()
        module = name[:-len("weight")]
        tensors[module + scale_name] = scale.contiguous()
        if how == "static":
            tensors[module + "input_scale"] = torch.tensor([INPUT_SCALE])
        with torch.no_grad():
            parameters[name].copy_(codes.float() * wide)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    path = folder / "config.json"
    settings = json.loads(path.read_text())
    settings["quantization_config"] = config
    path.write_text(json.dumps(settings))


def check(name, value, limit):
    good = value <= limit
    print(f"{'ok' if good else 'FAILED':6} {name}: {value:.1e} (at most {limit:.0e})", flush=True)
    return good


def reading(program, seed):
    passed = True
    for name, layout in LAYOUTS.items():
        for layers in (3, 1):
            torch.manual_seed(seed)
            model = random_models.qwen2(tie_word_embeddings=False, num_hidden_layers=layers)
            model = model.float().eval()
            random_models.randomize(model, seed)
            ids = random_models.random_ids(seed)
            with tempfile.TemporaryDirectory() as temporary:
                folder = pathlib.Path(temporary)
                write(folder, model, layout)
                device = "cpu" if layers > 1 else "cpu-as-stored"
                got = random_models.ours(program, folder, ids, device=device)
            want = random_models.log_probs(model, ids)
            if layers > 1:
                passed &= check(f"{name}, values", (got - want).abs().max().item(), EXACT)
                continue
            # Keys and values in 16 bits tip some codes over, which the next product sees:
            # in one layer that is less than what leaving the rounding out would do.
            rounded = random_models.log_probs(with_rounded_inputs(model, layout[2]), ids)
            passed &= check(f"{name}, as stored", (got - rounded).abs().mean().item(),
                            EXACT + 0.5 * (rounded - want).abs().mean().item())
    return passed


PACKAGE_SCHEMES = {
    "FP8": dict(weights=dict(num_bits=8, type="float", strategy="tensor", symmetric=True),
                input_activations=dict(num_bits=8, type="float", strategy="tensor",
                                       symmetric=True, dynamic=False)),
    "FP8_DYNAMIC": dict(weights=dict(num_bits=8, type="float", strategy="channel", symmetric=True),
                        input_activations=dict(num_bits=8, type="float", strategy="token",
                                               symmetric=True, dynamic=True)),
    "INT8": dict(weights=dict(num_bits=8, type="int", strategy="channel", symmetric=True),
                 input_activations=dict(num_bits=8, type="int", strategy="token", symmetric=True,
                                        dynamic=True)),
    "INT8 weights alone": dict(weights=dict(num_bits=8, type="int", strategy="channel",
                                            symmetric=True)),
}


def by_package(program, seed):
    """Folders that the compressed-tensors package itself compresses and describes."""
    try:
        from compressed_tensors.compressors import ModelCompressor
        from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config
    except ImportError as error:
        print(f"skipped: folders by the compressed-tensors package ({error})")
        return True
    passed = True
    for name, scheme in PACKAGE_SCHEMES.items():
        torch.manual_seed(seed)
        model = random_models.qwen2(tie_word_embeddings=False).float().eval()
        random_models.randomize(model, seed)
        config = QuantizationConfig(config_groups={"group_0": dict(targets=["Linear"], **scheme)},
                                    ignore=["lm_head"])
        apply_quantization_config(model, config)
        for module_name, module in model.named_modules():
            if not module_name.endswith("_proj"):
                continue
            weight = module.weight.detach()
            rows = scheme["weights"]["strategy"] == "channel"
            largest = weight.abs().amax(dim=1, keepdim=True) if rows else weight.abs().amax()
            most = 448.0 if scheme["weights"]["type"] == "float" else 127.0
            module.weight_scale.data.copy_((largest / most).reshape(module.weight_scale.shape))
            if hasattr(module, "input_scale"):
                module.input_scale.data.fill_(INPUT_SCALE)
        compressor = ModelCompressor.from_pretrained_model(model)
        ids = random_models.random_ids(seed)
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            random_models.save(random_models.qwen2(tie_word_embeddings=False), folder, False)
            compressor.compress_model(model)
            save_file({n: t.contiguous() for n, t in model.state_dict().items()},
                      folder / "model.safetensors", metadata={"format": "pt"})
            compressor.update_config(str(folder))
            got = random_models.ours(program, folder, ids)
        # The package's own values for the codes.
        compressor.decompress_model(model)
        plain = random_models.qwen2(tie_word_embeddings=False).float().eval()
        values = model.state_dict()
        plain.load_state_dict({n: values[n].float() for n in plain.state_dict()})
        want = random_models.log_probs(plain, ids)
        passed &= check(f"compressed-tensors package, {name}", (got - want).abs().max().item(),
                        EXACT)
    return passed


def adversarial(seed):
    """A network whose linears hold what quantizers trip over."""
    torch.manual_seed(seed)
    model = random_models.qwen2(tie_word_embeddings=False)
    random_models.randomize(model, seed)
    with torch.no_grad():
        for i, (name, w) in enumerate(model.named_parameters()):
            if not name.endswith(LINEAR):
                continue
            w[0].zero_()
            w[1].mul_(1e-41 / w[1].abs().max())  # denormals of float
            w[2, 3] = 5000.0 if i % 2 == 0 else -5000.0
            w[3].mul_(1e-12)
            w[4].fill_(448.0 / 512)
            w[5] = torch.linspace(-2, 2, w.shape[1])
    return model.float().eval()


JOINED = {"q_proj": ("q_proj", "k_proj", "v_proj"), "gate_proj": ("gate_proj", "up_proj")}


def joint_largest(tensors, name):
    layer, module = name.rsplit(".", 2)[:2]
    group = next((g for g in JOINED.values() if module in g), (module,))
    return max(tensors[f"{layer}.{m}.weight"].float().abs().max() for m in group)


def same_bits(got, want):
    return got.dtype == want.dtype and torch.equal(got.view(torch.uint8), want.view(torch.uint8))


def unpacked(words, shape):
    """Four codes in a word, each with 128 added, the first in the lowest byte."""
    codes = [(words >> (8 * i) & 255) - 128 for i in range(4)]
    return torch.stack(codes, dim=2).flatten(1)[:, :shape[1]].to(torch.int8)


def read_by_transformers(program, qed, seed):
    """Folders of `qed quantize` give `transformers`, by the compressed-tensors package, the
    numbers that they give QED: in one layer, for keys and values in 16 bits tip codes over."""
    try:
        import compressed_tensors  # noqa: F401
    except ImportError as error:
        print(f"skipped: our folders read by transformers ({error})")
        return True
    passed = True
    torch.manual_seed(seed)
    model = random_models.qwen2(tie_word_embeddings=False, num_hidden_layers=1)
    random_models.randomize(model, seed)
    model = model.float().eval()
    ids = random_models.random_ids(seed)
    with tempfile.TemporaryDirectory() as temporary:
        source = pathlib.Path(temporary) / "source"
        random_models.save(model, source, False)
        texts = pathlib.Path(temporary) / "texts.jsonl"
        texts.write_text("".join(json.dumps({"text": f"{i} and {i * i} are " + "so " * i}) + "\n"
                                 for i in range(1, 12)))
        plain = random_models.log_probs(model, ids)
        for name, flags in (("FP8, a scale a row", ["--scales", "row"]),
                            ("FP8, static", ["--calib-dataset", str(texts)]),
                            ("FP8, o left", ["--scales", "row", "--ignore", "*.o_proj"]),
                            ("int8", ["--qformat", "int8_wo"])):
            folder = pathlib.Path(temporary) / name.replace(" ", "_")
            subprocess.run([qed, "quantize", "--model", str(source), "--output", str(folder),
                            "--export", "compressed-tensors", "--min-agreement", "0", *flags],
                           check=True, capture_output=True)
            read = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
            want = random_models.log_probs(read.eval(), ids)
            got = random_models.ours(program, folder, ids, device="cpu-as-stored")
            change = (want - plain).abs().mean().item()
            limit = EXACT if name == "int8" else EXACT + 0.5 * change
            passed &= check(f"read by transformers: {name}", (got - want).abs().mean().item(),
                            limit)
    return passed


def written(folder, source, arguments, export):
    """The tensors that are not torch's, by name."""
    before = load_file(source / "model.safetensors")
    after = load_file(folder / "model.safetensors")
    wrong = []
    for name, w in before.items():
        if not name.endswith(LINEAR):
            if not same_bits(after[name], w):
                wrong.append(name)
            continue
        w = w.float()
        if "int8_wo" in arguments:
            codes, scale, _ = int8_rows(w)
        elif "row" in arguments:
            codes, scale, _ = per_row(w)
        else:
            largest = joint_largest(before, name) if export == "modelopt" else w.abs().amax()
            scale = scale_of(largest.reshape(1), 448.0)
            codes = fp8(w, scale)
        scale_name = name[:-len("weight")] + "weight_scale"
        if name + "_packed" in after:
            after[name] = unpacked(after[name + "_packed"], after[name + "_shape"])
        if not same_bits(after[name], codes):
            wrong.append(name)
        if not torch.equal(after[scale_name].flatten(), scale.flatten()):
            wrong.append(scale_name)
    return wrong


def writing(program, qed, seed):
    passed = True
    for dtype in (torch.float32, torch.bfloat16):
        with tempfile.TemporaryDirectory() as temporary:
            source = pathlib.Path(temporary) / "source"
            model = adversarial(seed).to(dtype)
            random_models.save(model, source, False)
            texts = pathlib.Path(temporary) / "texts.jsonl"
            texts.write_text("".join(json.dumps({"text": f"{i} and {i * i} are " + "so " * i}) + "\n"
                                     for i in range(1, 12)))
            for arguments in (["--scales", "row"], ["--qformat", "int8_wo"],
                              ["--calib-dataset", str(texts)]):
                for export in ("modelopt", "compressed-tensors"):
                    folder = pathlib.Path(temporary) / ("_".join(arguments[:2]).replace("/", "_")
                                                        + export)
                    command = [qed, "quantize", "--model", str(source), "--output", str(folder),
                               "--export", export, "--rounding", "nearest",
                               "--min-agreement", "0", *arguments]
                    done = subprocess.run(command, capture_output=True, text=True, check=False)
                    name = f"qed quantize {' '.join(arguments[:2])[:24]}, {export}, {dtype}"
                    if done.returncode != 0:
                        print(f"FAILED {name}: {done.stderr.strip()}")
                        passed = False
                        continue
                    wrong = written(folder, source, arguments, export)
                    print(f"{'FAILED' if wrong else 'ok':6} {name}: codes and scales {wrong[:3]}",
                          flush=True)
                    passed &= not wrong and (folder / "quantization_report.json").exists()
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--logprobs", required=True, help="the program model_logprobs")
    parser.add_argument("--qed", help="also check what this program writes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(2)
    transformers.utils.logging.disable_progress_bar()
    passed = reading(args.logprobs, args.seed)
    passed &= by_package(args.logprobs, args.seed)
    if args.qed:
        passed &= writing(args.logprobs, args.qed, args.seed)
        passed &= read_by_transformers(args.logprobs, args.qed, args.seed)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

// qed inspect: what a checkpoint is, without loading it.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/engine_folder.h"
#include "cli/commands.h"
#include "cli/hub_model.h"
#include "nlohmann/json.hpp"
#include "tensor/dtype.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

struct InspectFlags {
  std::string model;
  bool as_json = false;
  bool tensors = false;
};

// Tensors of one type.
struct DTypeTotal {
  int64_t tensors = 0;
  int64_t parameters = 0;
  int64_t bytes = 0;
};

std::map<std::string, DTypeTotal> TotalsByDType(const Checkpoint& checkpoint) {
  std::map<std::string, DTypeTotal> totals;
  if (checkpoint.engine) {
    for (const EngineRank& rank : checkpoint.engine->ranks) {
      for (const PackedTensor& packed : rank.weights.tensors) {
        DTypeTotal& total = totals[WeightFormatName(packed.format)];
        total.tensors += static_cast<int64_t>(packed.roles.size());
        total.parameters += int64_t{packed.n} * std::max(1, packed.k);
        total.bytes += packed.bytes;
      }
    }
  }
  for (const auto& [name, tensor] : checkpoint.tensors) {
    DTypeTotal& total = totals[std::string(DTypeName(tensor.dtype))];
    int64_t values = 1;
    for (int64_t extent : tensor.shape) values *= extent;
    total.tensors += 1;
    total.parameters += values;
    total.bytes += static_cast<int64_t>(tensor.data.size());
  }
  return totals;
}

std::string RopeText(const ModelConfig& config) {
  switch (config.rope_scaling.kind) {
    case RopeScaling::Kind::kLlama3:
      return "llama3";
    case RopeScaling::Kind::kLinear:
      return "linear";
    case RopeScaling::Kind::kYarn:
      return "yarn";
    case RopeScaling::Kind::kNone:
      break;
  }
  return config.rope_freq_factors.empty() ? "none" : "llama3 (as factors)";
}

Json DescribeConfig(const ModelConfig& config) {
  return {{"architecture", config.architecture},
          {"layers", config.num_layers},
          {"heads", config.num_heads},
          {"kv_heads", config.num_kv_heads},
          {"head_dim", config.head_dim},
          {"hidden_size", config.hidden_size},
          {"intermediate_size", config.intermediate_size},
          {"vocab_size", config.vocab_size},
          {"context_length", config.context_length},
          {"rope_theta", config.rope_theta},
          {"rope_scaling", RopeText(config)},
          {"rope_scaling_factor", config.rope_scaling.factor},
          {"qkv_bias", config.qkv_bias},
          {"output_bias", config.output_bias},
          {"qk_norm", config.qk_norm},
          {"tied_embeddings", config.tied_embeddings},
          {"bos_token_id", config.bos_token_id},
          {"eos_token_ids", config.eos_token_ids}};
}

Result<Json> DescribeTokenizer(const Checkpoint& checkpoint) {
  const TokenizerSpec& spec = checkpoint.tokenizer;
  if (spec.tokens.empty() && spec.tokenizer_json.empty()) return Json(nullptr);
  QED_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Create(spec));
  if (tokenizer->vocab_size() > checkpoint.config.vocab_size) {
    return Corrupt(spec.source + ": tokenizer has " + std::to_string(tokenizer->vocab_size()) +
                   " tokens, the model only " + std::to_string(checkpoint.config.vocab_size));
  }
  return Json{{"kind", "byte-level BPE"},
              {"pre_tokenizer", spec.pre.empty() ? "tokenizer.json" : spec.pre},
              {"tokens", tokenizer->vocab_size()},
              {"chat_template", !tokenizer->chat_template().empty()}};
}

// Of an engine: what it was built for.
Json DescribeEngine(const EngineFolder& engine) {
  const RecordedLimits& limits = engine.limits;
  return {{"device", engine.device == PackedFor::kCpu ? "cpu" : "cuda"},
          {"ranks", engine.ranks.size()},
          {"source", engine.source},
          {"adapter", engine.adapter},
          {"drafter", engine.has_drafter},
          {"max_batch_size", limits.max_batch_size},
          {"max_seq_len", limits.max_seq_len},
          {"max_input_len", limits.max_input_len},
          {"max_num_tokens", limits.max_num_tokens}};
}

void AddPackedTensors(const EngineFolder& engine, Json& list) {
  for (const EngineRank& rank : engine.ranks) {
    for (const PackedTensor& packed : rank.weights.tensors) {
      std::string names;
      for (TensorRole role : packed.roles) {
        if (!names.empty()) names += " + ";
        names += HfTensorName(packed.layer, role);
      }
      const std::vector<int32_t> shape =
          packed.k == 0 ? std::vector<int32_t>{packed.n} : std::vector<int32_t>{packed.n, packed.k};
      list.push_back({{"name", names},
                      {"name_in_file", rank.file},
                      {"dtype", WeightFormatName(packed.format)},
                      {"shape", shape},
                      {"bytes", packed.bytes}});
    }
  }
}

Json DescribeTensors(const Checkpoint& checkpoint) {
  Json list = Json::array();
  if (checkpoint.engine) AddPackedTensors(*checkpoint.engine, list);
  for (const auto& [name, tensor] : checkpoint.tensors) {
    list.push_back({{"name", name},
                    {"name_in_file", tensor.file_name},
                    {"dtype", DTypeName(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"bytes", tensor.data.size()}});
  }
  return list;
}

Result<Json> Describe(const Checkpoint& checkpoint, bool with_tensors) {
  Json report = {{"path", checkpoint.path}, {"format", checkpoint.format}};
  report["quantization"] =
      checkpoint.quantization.empty() ? Json(nullptr) : Json(checkpoint.quantization);
  if (checkpoint.engine) report["engine"] = DescribeEngine(*checkpoint.engine);
  report.update(DescribeConfig(checkpoint.config));
  int64_t parameters = 0;
  int64_t bytes = 0;
  Json by_dtype = Json::object();
  for (const auto& [name, total] : TotalsByDType(checkpoint)) {
    by_dtype[name] = {
        {"tensors", total.tensors}, {"parameters", total.parameters}, {"bytes", total.bytes}};
    parameters += total.parameters;
    bytes += total.bytes;
  }
  report["parameters"] = parameters;
  report["weight_bytes"] = bytes;
  report["dtypes"] = std::move(by_dtype);
  QED_ASSIGN_OR_RETURN(report["tokenizer"], DescribeTokenizer(checkpoint));
  if (with_tensors) report["tensors"] = DescribeTensors(checkpoint);
  return report;
}

std::string Millions(const Json& count) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", static_cast<double>(count.get<int64_t>()) / 1e6);
  return text;
}

void PrintLine(const char* label, const std::string& text) {
  std::printf("%-14s %s\n", label, text.c_str());
}

// What a value prints as in a sentence: strings without quotes.
std::string Plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void PrintWeights(const Json& report) {
  PrintLine("parameters", Millions(report["parameters"]) + " million");
  PrintLine("weights", Millions(report["weight_bytes"]) + " MB");
  if (!report["quantization"].is_null()) PrintLine("quantized", Plain(report["quantization"]));
  for (const auto& [name, total] : report["dtypes"].items()) {
    PrintLine(("  " + name).c_str(), Millions(total["bytes"]) + " MB in " +
                                         Plain(total["tensors"]) + " tensors of " +
                                         Millions(total["parameters"]) + " million values");
  }
}

std::string FormatText(const Json& r) {
  if (r["format"] == "gguf") return "GGUF file";
  if (!r.contains("engine")) return "HF folder";
  const Json& engine = r["engine"];
  std::string text = "engine of " + Plain(engine["source"]) + " for " +
                     (engine["device"] == "cpu" ? "a CPU" : "a GPU");
  if (engine["ranks"] != 1) text += ", " + Plain(engine["ranks"]) + " ranks";
  if (engine["adapter"] != "") text += ", " + Plain(engine["adapter"]) + " merged";
  if (engine["drafter"].get<bool>()) text += ", with a drafter";
  return text;
}

void PrintText(const Json& r) {
  PrintLine("path", Plain(r["path"]));
  PrintLine("format", FormatText(r));
  PrintLine("architecture", Plain(r["architecture"]));
  PrintLine("layers", Plain(r["layers"]) + ", hidden size " + Plain(r["hidden_size"]) +
                          ", intermediate size " + Plain(r["intermediate_size"]));
  PrintLine("attention", Plain(r["heads"]) + " heads of " + Plain(r["head_dim"]) + ", " +
                             Plain(r["kv_heads"]) + " key-value heads");
  PrintLine("RoPE", "base " + Plain(r["rope_theta"]) + ", scaling " + Plain(r["rope_scaling"]));
  std::string flags;
  for (const char* flag : {"tied_embeddings", "qkv_bias", "output_bias", "qk_norm"}) {
    if (r[flag].get<bool>()) flags += (flags.empty() ? "" : ", ") + std::string(flag);
  }
  PrintLine("flags", flags.empty() ? "none" : flags);
  PrintLine("context", Plain(r["context_length"]) + " tokens");
  PrintWeights(r);
  const Json& tokenizer = r["tokenizer"];
  PrintLine("tokenizer",
            tokenizer.is_null()
                ? "none"
                : Plain(tokenizer["kind"]) + ", " + Plain(tokenizer["tokens"]) +
                      " tokens, pre-tokenizer " + Plain(tokenizer["pre_tokenizer"]) +
                      (tokenizer["chat_template"].get<bool>() ? ", chat template" : ""));
  PrintLine("vocabulary", Plain(r["vocab_size"]) + ", begins with " + Plain(r["bos_token_id"]) +
                              ", ends with " + Plain(r["eos_token_ids"]));
  if (!r.contains("tensors")) return;
  for (const Json& tensor : r["tensors"]) {
    std::printf("%-52s %-5s %s\n", Plain(tensor["name"]).c_str(), Plain(tensor["dtype"]).c_str(),
                tensor["shape"].dump().c_str());
  }
}

Status RunInspect(const InspectFlags& flags) {
  QED_ASSIGN_OR_RETURN(const std::string path, ResolveModel(flags.model));
  QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
  QED_ASSIGN_OR_RETURN(const Json report, Describe(checkpoint, flags.tensors));
  if (flags.as_json) {
    std::printf("%s\n", report.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    PrintText(report);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return IoError("standard output cannot be written");
  }
  return OkStatus();
}

}  // namespace

CLI::App* AddInspectCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command = app.add_subcommand("inspect", "Show what a checkpoint is.");
  command
      ->add_option("model", flags->model, "GGUF file, HF folder, engine folder or a hub's ORG/NAME")
      ->required();
  command->add_flag("--json", flags->as_json, "write one JSON object");
  command->add_flag("--tensors", flags->tensors, "list every tensor");
  run = [flags] { return RunInspect(*flags); };
  return command;
}

}  // namespace qed

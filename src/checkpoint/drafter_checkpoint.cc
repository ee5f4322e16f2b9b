#include "checkpoint/drafter_checkpoint.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "base/json.h"
#include "checkpoint/config_size.h"
#include "checkpoint/engine_folder.h"
#include "checkpoint/json_fields.h"
#include "checkpoint/safetensors.h"
#include "nlohmann/json.hpp"
#include "tensor/dtype.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxVocabularyBytes = size_t{16} << 20;
constexpr int32_t kMaxLayers = 64;
constexpr char kDrafterConfig[] = "config.json";
constexpr char kVocabulary[] = "vocabulary.json";

// The two names that a folder's weights may have: Apple's and TensorRT-LLM's.
constexpr const char* kWeightFiles[] = {"model.safetensors", "rank0.safetensors"};

// An int of either name: Apple's, else TensorRT-LLM's.
Result<int32_t> EitherInt(const JsonFields& fields, const char* apple, const char* trt) {
  return fields.Find(apple) != nullptr ? fields.Int(apple) : fields.Int(trt);
}

Status ReadConfig(const std::string& text, const Checkpoint& model, DrafterCheckpoint& drafter) {
  QED_ASSIGN_OR_RETURN(const Json object, ParseJsonObject(text, kMaxConfigBytes));
  const JsonFields fields(object);
  const int32_t hidden = model.config.hidden_size;
  QED_ASSIGN_OR_RETURN(drafter.hidden_size, fields.Int("hidden_size"));
  QED_ASSIGN_OR_RETURN(drafter.vocab_size, fields.Int("vocab_size"));
  QED_ASSIGN_OR_RETURN(drafter.num_layers,
                       EitherInt(fields, "num_draft_layers", "redrafter_num_layers"));
  QED_ASSIGN_OR_RETURN(drafter.exit_dim, EitherInt(fields, "exit_dim", "redrafter_exit_dim"));
  const char* rnn = fields.Find("rnn") != nullptr ? "rnn" : "redrafter_is_rnn";
  QED_ASSIGN_OR_RETURN(drafter.rnn, fields.Bool(rnn, false));
  QED_ASSIGN_OR_RETURN(const std::string fingerprint, fields.String("base_model_fingerprint", ""));
  if (drafter.hidden_size != hidden || drafter.vocab_size != model.config.vocab_size) {
    return InvalidArgument("is for a model of hidden size " + std::to_string(drafter.hidden_size) +
                           " and " + std::to_string(drafter.vocab_size) + " tokens; this one has " +
                           std::to_string(hidden) + " and " +
                           std::to_string(model.config.vocab_size));
  }
  if (!fingerprint.empty() && fingerprint != ModelFingerprint(model)) {
    return InvalidArgument("is another model's drafter: its base_model_fingerprint is " +
                           Printable(fingerprint) + ", this model's " + ModelFingerprint(model));
  }
  if (drafter.num_layers < 0 || drafter.num_layers > kMaxLayers || drafter.exit_dim < 1 ||
      drafter.exit_dim > 8 * hidden) {
    return Corrupt(std::string(kDrafterConfig) + " has " + std::to_string(drafter.num_layers) +
                   " layers and exit_dim " + std::to_string(drafter.exit_dim));
  }
  return OkStatus();
}

Status ReadVocabulary(const std::string& path, int32_t vocab_size, std::vector<int32_t>& ids) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return OkStatus();
  QED_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxVocabularyBytes));
  QED_ASSIGN_OR_RETURN(const Json list, ParseJson(text, {.max_bytes = kMaxVocabularyBytes}));
  std::set<int64_t> seen;
  if (!list.is_array() || list.empty()) return Corrupt("must be a list of token ids");
  for (const Json& item : list) {
    const int64_t id = item.is_number_integer() ? item.get<int64_t>() : -1;
    if (id < 0 || id >= vocab_size || !seen.insert(id).second) {
      return Corrupt("has " + Printable(DumpJson(item)) + "; it must be different ids below " +
                     std::to_string(vocab_size));
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return OkStatus();
}

// Apple's name of a tensor, from any that it has had.
std::string AppleName(const std::string& name, const std::string& head) {
  constexpr std::pair<const char*, const char*> kPrefixes[] = {{"drafter.layers.", "lm_head."},
                                                               {"drafter.", ""},
                                                               {"lm_heads.", "lm_head."},
                                                               {"0.", "lm_head."},
                                                               {"input_projs.", "input_proj."}};
  if (name == "drafter.lm_head.weight") return head;
  for (const auto& [from, to] : kPrefixes) {
    const std::string_view prefix = from;
    if (name.starts_with(prefix)) return to + name.substr(prefix.size());
  }
  return name;
}

// What a tensor's shape must be, by Apple's names.
std::map<std::string, std::vector<int64_t>> Shapes(const DrafterCheckpoint& d, int64_t head_rows) {
  const int64_t hidden = d.hidden_size, exit = d.exit_dim;
  std::map<std::string, std::vector<int64_t>> shapes;
  if (d.rnn) {
    shapes["rnn_w.weight"] = {hidden, hidden};
    shapes["rnn_u.weight"] = {hidden, hidden};
    shapes["rnn_u.bias"] = {hidden};
  }
  if (d.has_input_proj()) {
    shapes["input_proj.weight"] = {exit, 2 * hidden};
    shapes["input_proj.bias"] = {exit};
  }
  for (int32_t i = 0; i < d.num_layers; ++i) {
    const std::string layer = "lm_head." + std::to_string(i) + ".linear.";
    shapes[layer + "weight"] = {exit, exit};
    shapes[layer + "bias"] = {exit};
  }
  shapes[d.head_name()] = {head_rows, exit};
  return shapes;
}

Status CheckNumbers(const RawTensor& tensor) {
  std::vector<float> row(static_cast<size_t>(tensor.shape.back()));
  const size_t row_bytes = row.size() * static_cast<size_t>(BlockBytes(tensor.dtype));
  for (size_t at = 0; at < tensor.data.size(); at += row_bytes) {
    DequantizeRow(tensor.dtype, tensor.data.subspan(at, row_bytes), row);
    if (std::ranges::all_of(row, [](float x) { return std::isfinite(x); })) continue;
    return Corrupt("tensor " + Printable(tensor.name) + " holds what is not a finite number");
  }
  return OkStatus();
}

Status TakeTensor(RawTensor tensor, const std::vector<int64_t>& shape, bool is_head,
                  DrafterCheckpoint& drafter, const std::string& name) {
  const bool plain =
      tensor.dtype == DType::kF32 || tensor.dtype == DType::kF16 || tensor.dtype == DType::kBF16;
  // TensorRT-LLM pads the vocabulary.
  const bool padded = is_head && drafter.vocabulary.empty() && tensor.shape.size() == 2 &&
                      tensor.shape[0] > shape[0] && tensor.shape[1] == shape[1];
  if (tensor.shape != shape && !padded) {
    return Corrupt("tensor " + Printable(tensor.name) + " is " + ShapeText(tensor.shape) +
                   " and must be " + ShapeText(shape));
  }
  if (!plain) {
    return Unsupported("tensor " + Printable(tensor.name) + " has type " +
                       std::string(DTypeName(tensor.dtype)) + "; readable are F32, F16 and BF16");
  }
  tensor.data = tensor.data.first(tensor.data.size() / static_cast<size_t>(tensor.shape[0]) *
                                  static_cast<size_t>(shape[0]));
  tensor.shape = shape;
  QED_RETURN_IF_ERROR(CheckNumbers(tensor));
  if (!drafter.tensors.emplace(name, std::move(tensor)).second) {
    return Corrupt("holds " + name + " twice, under two names");
  }
  return OkStatus();
}

Status ReadTensors(DrafterCheckpoint& drafter) {
  QED_ASSIGN_OR_RETURN(std::vector<RawTensor> tensors, ParseSafetensors(drafter.file->bytes()));
  const auto shapes = Shapes(drafter, drafter.head_rows());
  for (RawTensor& tensor : tensors) {
    // A TensorRT-LLM engine's folder has the model beside its drafter.
    if (tensor.name.starts_with("transformer.") || tensor.name == "lm_head.weight") continue;
    const std::string name = AppleName(tensor.name, drafter.head_name());
    const auto shape = shapes.find(name);
    if (shape == shapes.end()) {
      return Unsupported("tensor " + Printable(tensor.name) + " is none of a drafter with " +
                         std::to_string(drafter.num_layers) + " layers" +
                         (drafter.rnn ? "" : " and no recurrence"));
    }
    QED_RETURN_IF_ERROR(
        TakeTensor(std::move(tensor), shape->second, name == drafter.head_name(), drafter, name));
  }
  for (const auto& [name, shape] : shapes) {
    if (!drafter.tensors.contains(name)) return Corrupt("has no tensor " + name);
  }
  return OkStatus();
}

Result<DrafterCheckpoint> ReadDrafter(const std::string& path, const Checkpoint& model) {
  DrafterCheckpoint drafter;
  drafter.path = path;
  std::error_code error;
  if (!std::filesystem::exists(path + "/" + kDrafterConfig, error)) {
    return NotFound(std::string("has no ") + kDrafterConfig);
  }
  QED_ASSIGN_OR_RETURN(const std::string config,
                       ReadFile(path + "/" + kDrafterConfig, kMaxConfigBytes));
  QED_RETURN_IF_ERROR(ReadConfig(config, model, drafter));
  if (Status status =
          ReadVocabulary(path + "/" + kVocabulary, model.config.vocab_size, drafter.vocabulary);
      !status.ok()) {
    return status.WithPrefix(kVocabulary);
  }
  for (const char* name : kWeightFiles) {
    if (!std::filesystem::exists(path + "/" + name, error)) continue;
    QED_ASSIGN_OR_RETURN(drafter.file, MappedFile::Open(path + "/" + name));
    if (Status status = ReadTensors(drafter); !status.ok()) return status.WithPrefix(name);
    return drafter;
  }
  const bool pickled = std::filesystem::exists(path + "/model.pt", error);
  return NotFound(std::string("has no ") + kWeightFiles[0] +
                  (pickled ? "; model.pt is a program to be run, not read: save its tensors as "
                             "safetensors"
                           : ""));
}

}  // namespace

std::string ModelFingerprint(const Checkpoint& model) {
  if (model.engine) return model.engine->fingerprint;
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  if (const CheckpointTensor* norm = model.Find("model.norm.weight");
      norm != nullptr && !norm->random) {
    std::vector<float> values(static_cast<size_t>(norm->shape[0]));
    DequantizeRow(norm->dtype, norm->data, values);
    for (float value : values) {
      const uint16_t bits = FloatToBFloat16(value);
      for (int shift : {0, 8}) hash = (hash ^ ((bits >> shift) & 0xff)) * 1099511628211u;
    }
  }
  char text[17];
  std::snprintf(text, sizeof(text), "%016" PRIx64, hash);
  return text;
}

DrafterCheckpoint MakeRandomDrafter(const ModelConfig& model, int32_t tokens) {
  DrafterCheckpoint drafter;
  drafter.path = "--drafter random";
  drafter.hidden_size = model.hidden_size;
  drafter.vocab_size = model.vocab_size;
  drafter.exit_dim = 2 * model.hidden_size;
  drafter.num_layers = 2;
  drafter.vocabulary.resize(static_cast<size_t>(std::min(tokens, model.vocab_size)));
  std::iota(drafter.vocabulary.begin(), drafter.vocabulary.end(), 0);
  drafter.random = true;
  return drafter;
}

Result<DrafterCheckpoint> OpenDrafter(const std::string& path, const Checkpoint& model) {
  auto drafter = ReadDrafter(path, model);
  if (!drafter.ok()) return drafter.status().WithPrefix(path);
  return drafter;
}

}  // namespace qed

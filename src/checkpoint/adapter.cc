#include "checkpoint/adapter.h"

#include <filesystem>
#include <optional>

#include "checkpoint/adapter_config.h"
#include "checkpoint/config_size.h"
#include "checkpoint/raw_tensor.h"
#include "checkpoint/safetensors.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

constexpr char kAdapterConfig[] = "adapter_config.json";
constexpr char kAdapterWeights[] = "adapter_model.safetensors";

// "base_model.model.<module>.lora_A.weight" in its parts.
struct LoraName {
  std::string module;
  bool is_a = false;
};

std::optional<LoraName> ParseName(std::string_view name) {
  constexpr std::string_view kPrefix = "base_model.model.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  for (const bool is_a : {true, false}) {
    const std::string_view suffix = is_a ? ".lora_A.weight" : ".lora_B.weight";
    if (!name.ends_with(suffix) || name.size() == suffix.size()) continue;
    return LoraName{std::string(name.substr(0, name.size() - suffix.size())), is_a};
  }
  return std::nullopt;
}

struct LoraPair {
  const RawTensor* a = nullptr;
  const RawTensor* b = nullptr;
};

Result<std::map<std::string, LoraPair>> PairTensors(const std::vector<RawTensor>& tensors) {
  std::map<std::string, LoraPair> pairs;
  for (const RawTensor& tensor : tensors) {
    const auto name = ParseName(tensor.name);
    if (!name) {
      return Unsupported("tensor " + Printable(tensor.name) +
                         " is not lora_A or lora_B of a linear layer");
    }
    LoraPair& pair = pairs[name->module];
    (name->is_a ? pair.a : pair.b) = &tensor;
  }
  if (pairs.empty()) return Corrupt("holds no tensors");
  return pairs;
}

std::vector<float> ToFloats(const RawTensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.shape[0] * tensor.shape[1]));
  DequantizeRow(tensor.dtype, tensor.data, values);
  return values;
}

Status CheckTensor(const RawTensor& tensor, int64_t rows, int64_t columns) {
  const int64_t wanted[] = {rows, columns};
  if (!std::equal(tensor.shape.begin(), tensor.shape.end(), std::begin(wanted), std::end(wanted))) {
    return Corrupt("tensor " + Printable(tensor.name) + " is " + ShapeText(tensor.shape) +
                   " and must be " + ShapeText(wanted));
  }
  if (!IsWeightDType(tensor.dtype)) {
    return Unsupported("tensor " + Printable(tensor.name) + " has type " +
                       std::string(DTypeName(tensor.dtype)) + "; readable are F32, F16 and BF16");
  }
  return OkStatus();
}

Result<LoraDelta> ReadDelta(const std::string& module, const LoraPair& pair,
                            const AdapterConfig& config, const Checkpoint& checkpoint) {
  if (pair.a == nullptr || pair.b == nullptr) {
    return Corrupt(Printable(module) + " has no " + (pair.a == nullptr ? "lora_A" : "lora_B"));
  }
  const CheckpointTensor* target = checkpoint.Find(module + ".weight");
  if (target == nullptr || target->shape.size() != 2 || module == "model.embed_tokens") {
    return Corrupt(Printable(module) + " is not a linear layer of " + Printable(checkpoint.path));
  }
  QED_ASSIGN_OR_RETURN(const LoraScale scale, ScaleOfModule(config, module));
  QED_RETURN_IF_ERROR(CheckTensor(*pair.a, scale.rank, target->shape[1]));
  QED_RETURN_IF_ERROR(CheckTensor(*pair.b, target->shape[0], scale.rank));
  return LoraDelta{
      .rank = scale.rank, .scale = scale.scale, .a = ToFloats(*pair.a), .b = ToFloats(*pair.b)};
}

Result<Adapter> ReadAdapter(const std::string& path, const Checkpoint& checkpoint) {
  for (const char* name : {kAdapterConfig, kAdapterWeights}) {
    std::error_code error;
    if (!std::filesystem::exists(path + "/" + name, error)) {
      return NotFound(std::string("has no ") + name);
    }
  }
  QED_ASSIGN_OR_RETURN(const std::string config_text,
                       ReadFile(path + "/" + kAdapterConfig, kMaxConfigBytes));
  auto config = ParseAdapterConfig(config_text);
  if (!config.ok()) return config.status().WithPrefix(kAdapterConfig);
  QED_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path + "/" + kAdapterWeights));
  auto tensors = ParseSafetensors(file->bytes());
  if (!tensors.ok()) return tensors.status().WithPrefix(kAdapterWeights);
  auto pairs = PairTensors(*tensors);
  if (!pairs.ok()) return pairs.status().WithPrefix(kAdapterWeights);

  Adapter adapter;
  adapter.path = path;
  for (const auto& [module, pair] : *pairs) {
    auto delta = ReadDelta(module, pair, *config, checkpoint);
    if (!delta.ok()) return delta.status().WithPrefix(kAdapterWeights);
    adapter.deltas.emplace(module + ".weight", *std::move(delta));
  }
  return adapter;
}

}  // namespace

Result<Adapter> OpenAdapter(const std::string& path, const Checkpoint& checkpoint) {
  auto adapter = ReadAdapter(path, checkpoint);
  if (!adapter.ok()) return adapter.status().WithPrefix(path);
  return adapter;
}

void ApplyLora(const LoraDelta& delta, int64_t first_row, int64_t rows, std::span<float> weight) {
  if (rows == 0) return;
  const int64_t columns = static_cast<int64_t>(delta.a.size()) / delta.rank;
  QED_CHECK_EQ(static_cast<int64_t>(weight.size()), rows * columns);
  QED_CHECK(first_row >= 0);
  QED_CHECK_LE((first_row + rows) * delta.rank, static_cast<int64_t>(delta.b.size()));
  for (int64_t r = 0; r < rows; ++r) {
    float* row = weight.data() + r * columns;
    const float* b = delta.b.data() + (first_row + r) * delta.rank;
    for (int64_t k = 0; k < delta.rank; ++k) {
      const float factor = delta.scale * b[k];
      const float* a = delta.a.data() + k * columns;
      for (int64_t i = 0; i < columns; ++i) row[i] += factor * a[i];
    }
  }
}

}  // namespace qed

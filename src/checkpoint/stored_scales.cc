#include "checkpoint/stored_scales.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <optional>

#include "tensor/quant_format.h"

namespace qed {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t ValuesOf(const RawTensor& tensor) {
  int64_t values = 1;
  for (int64_t extent : tensor.shape) values *= extent;
  return values;
}

// The first of the names that is there, removed from `tensors`.
std::optional<RawTensor> Take(const std::string& prefix, std::initializer_list<const char*> names,
                              std::map<std::string, RawTensor>& tensors) {
  for (const char* name : names) {
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end()) continue;
    RawTensor tensor = std::move(found->second);
    tensors.erase(found);
    return tensor;
  }
  return std::nullopt;
}

// Finite and not negative, or nothing.
Result<std::vector<float>> ReadScales(const RawTensor& tensor) {
  if (!IsWeightDType(tensor.dtype) || BlockValues(tensor.dtype) != 1) {
    return Corrupt(Printable(tensor.name) + " is " + std::string(DTypeName(tensor.dtype)) +
                   "; scales are F32, BF16 or F16");
  }
  std::vector<float> scales(static_cast<size_t>(ValuesOf(tensor)));
  DequantizeRow(tensor.dtype, tensor.data, scales);
  for (size_t i = 0; i < scales.size(); ++i) {
    if (std::isfinite(scales[i]) && scales[i] >= 0) continue;
    return Corrupt(Printable(tensor.name) + " holds " + std::to_string(scales[i]) + " at " +
                   std::to_string(i) + "; scales are finite and not negative");
  }
  return scales;
}

// The shape in which the scales of an [N, K] matrix come, for the message.
std::vector<int64_t> WantedShape(const WeightRecipe& recipe, int64_t n, int64_t k) {
  switch (recipe.scales) {
    case ScaleGranularity::kRow:
      return {n, 1};
    case ScaleGranularity::kBlock:
      return {CeilDiv(n, recipe.block_rows), CeilDiv(k, recipe.block_columns)};
    default:
      return {1};
  }
}

// Vectors may come with and without a side of 1; grids may not be turned.
bool FitsShape(const WeightRecipe& recipe, const RawTensor& tensor,
               const std::vector<int64_t>& wanted) {
  if (recipe.scales == ScaleGranularity::kBlock) return tensor.shape == wanted;
  if (ValuesOf(tensor) != wanted[0]) return false;
  return tensor.shape.empty() || tensor.shape[0] == wanted[0];
}

}  // namespace

bool IsCodeType(DType dtype) { return dtype == DType::kF8E4M3 || dtype == DType::kI8; }

Status UnpackCodes(const std::string& weight_name, std::map<std::string, RawTensor>& tensors) {
  const auto found = tensors.find(weight_name + "_packed");
  if (found == tensors.end() || tensors.contains(weight_name)) return OkStatus();
  RawTensor codes = std::move(found->second);
  tensors.erase(found);
  const std::string name = Printable(codes.name);
  const auto shape = Take(weight_name, {"_shape"}, tensors);
  if (!shape) return Corrupt(Printable(weight_name) + "_shape is missing");
  if (shape->dtype != DType::kI64 || ValuesOf(*shape) != 2) {
    return Corrupt(Printable(shape->name) + " is no pair of I64");
  }
  int64_t sides[2];
  std::memcpy(sides, shape->data.data(), sizeof(sides));
  if (codes.dtype != DType::kI32 || codes.shape.size() != 2) {
    return Corrupt(name + " is no matrix of I32");
  }
  const int64_t columns = 4 * codes.shape[1];  // of a shape whose bytes are there: no overflow
  if (sides[0] != codes.shape[0] || sides[1] > columns || sides[1] <= columns - 4) {
    return Corrupt(name + " is " + ShapeText(codes.shape) + ", which does not hold " +
                   ShapeText(sides));
  }
  if (sides[1] != columns) {
    return Unsupported(name + " holds " + ShapeText(sides) +
                       ": packed codes whose columns are no multiple of 4 cannot be run");
  }
  codes.name = weight_name;
  codes.dtype = DType::kI8;
  codes.shape = {sides[0], sides[1]};
  tensors.emplace(weight_name, std::move(codes));
  return OkStatus();
}

Result<StoredScales> TakeStoredScales(const RawTensor& matrix, const QuantizationConfig& config,
                                      std::map<std::string, RawTensor>& tensors) {
  const std::string prefix = matrix.name.substr(0, matrix.name.rfind('.') + 1);
  const WeightFormat format =
      matrix.dtype == DType::kF8E4M3 ? WeightFormat::kFp8 : WeightFormat::kInt8;
  if (format != config.recipe.format) {
    return Corrupt(Printable(matrix.name) + " is " + std::string(DTypeName(matrix.dtype)) +
                   ", but the " + config.method + " configuration says " +
                   RecipeText(config.recipe));
  }
  StoredScales stored;
  stored.recipe = config.recipe;
  stored.offset_codes = config.packed;
  const auto scales = Take(prefix, {"weight_scale", "weight_scale_inv"}, tensors);
  if (!scales) return Corrupt(Printable(prefix) + "weight_scale is missing");
  const std::vector<int64_t> wanted = WantedShape(config.recipe, matrix.shape[0], matrix.shape[1]);
  if (!FitsShape(config.recipe, *scales, wanted)) {
    return Corrupt(Printable(scales->name) + " is " + ShapeText(scales->shape) + " and must be " +
                   ShapeText(wanted));
  }
  QED_ASSIGN_OR_RETURN(stored.scales, ReadScales(*scales));
  // Static scales of int8 inputs are there and not used: these inputs stay as they are.
  const auto input = Take(prefix, {"input_scale", "activation_scale"}, tensors);
  if (stored.recipe.activations != ActivationScale::kStatic) return stored;
  if (!input) return Corrupt(Printable(prefix) + "input_scale is missing");
  if (ValuesOf(*input) != 1) {
    return Corrupt(Printable(input->name) + " is " + ShapeText(input->shape) + " and must be [1]");
  }
  QED_ASSIGN_OR_RETURN(const std::vector<float> input_scale, ReadScales(*input));
  if (!(input_scale[0] > 0)) return Corrupt(Printable(input->name) + " is 0");
  stored.input_scale = input_scale[0];
  return stored;
}

bool IsUnusedScale(const std::string& name) {
  constexpr std::array<const char*, 6> kSuffixes = {
      ".k_scale", ".v_scale", ".q_scale", ".kv_scale", ".output_scale", ".prob_output_scale"};
  return std::ranges::any_of(kSuffixes, [&](const char* suffix) { return name.ends_with(suffix); });
}

void JoinInputScales(Checkpoint& checkpoint) {
  using enum TensorRole;
  const auto join = [&](int32_t layer, std::initializer_list<TensorRole> roles) {
    float largest = 0;
    std::vector<StoredScales*> found;
    for (TensorRole role : roles) {
      const auto tensor = checkpoint.tensors.find(HfTensorName(layer, role));
      if (tensor == checkpoint.tensors.end() || !tensor->second.scales) continue;
      found.push_back(&*tensor->second.scales);
      largest = std::max(largest, found.back()->input_scale);
    }
    for (StoredScales* scales : found) scales->input_scale = largest;
  };
  for (int32_t layer = 0; layer < checkpoint.config.num_layers; ++layer) {
    join(layer, {kQuery, kKey, kValue});
    join(layer, {kGate, kUp});
  }
}

}  // namespace qed

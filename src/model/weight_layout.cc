#include "model/weight_layout.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>

#include "base/check.h"
#include "checkpoint/raw_tensor.h"
#include "kernels/linear.h"

namespace qed {
namespace {

using Roles = std::initializer_list<TensorRole>;

bool MaySplitUnevenly(TensorRole role) {
  return role == TensorRole::kEmbedding || role == TensorRole::kHead;
}

bool IsOfKeysOrValues(TensorRole role) {
  return role == TensorRole::kKey || role == TensorRole::kValue || role == TensorRole::kKeyBias ||
         role == TensorRole::kValueBias;
}

// On a GPU every rank has the whole embedding: rows are looked up without asking the others.
bool IsWhole(const ExpectedTensor& expected, PackedFor device) {
  return device == PackedFor::kCuda && expected.role == TensorRole::kEmbedding;
}

MatrixRange RangeOf(const ExpectedTensor& expected, PackedFor device, RankShard shard) {
  const int64_t columns = expected.shape.size() > 1 ? expected.shape[1] : 1;
  MatrixRange range = {0, expected.shape[0], 0, columns};
  if (IsWhole(expected, device)) return range;
  if (expected.sharding == Sharding::kRows) {
    const Interval part = MaySplitUnevenly(expected.role)
                              ? PartOfVocabulary(expected.shape[0], shard)
                              : PartOf(expected.shape[0], expected.shard_unit, shard);
    range.first_row = part.begin;
    range.rows = part.count;
  } else if (expected.sharding == Sharding::kColumns) {
    const Interval part = PartOf(columns, expected.shard_unit, shard);
    range.first_column = part.begin;
    range.columns = part.count;
  }
  return range;
}

// Adds tensors one after the other.
class Layout {
 public:
  Layout(const WeightReader& reader, PackedFor device, RankShard shard)
      : reader_(reader), shard_(shard), expected_(ExpectedTensors(reader.checkpoint().config)) {
    layout_.device = device;
  }

  const std::vector<ExpectedTensor>& expected() const { return expected_; }

  // What the network has of the roles, one below the other; null where it has none.
  LaidTensor* Add(int32_t layer, Roles roles) {
    LaidTensor laid;
    laid.packed.layer = layer;
    for (TensorRole role : roles) {
      const ExpectedTensor* expected = Find(layer, role);
      if (expected == nullptr) continue;
      const MatrixRange range = RangeOf(*expected, layout_.device, shard_);
      laid.packed.roles.push_back(role);
      laid.parts.push_back({&reader_.Tensor(layer, role), range, laid.packed.n});
      laid.packed.n += static_cast<int32_t>(range.rows);
      if (expected->shape.size() > 1) laid.packed.k = static_cast<int32_t>(range.columns);
    }
    if (laid.parts.empty()) return nullptr;
    layout_.tensors.push_back(std::move(laid));
    return &layout_.tensors.back();
  }

  // Gives the tensor that was added last its place: `bytes` more of it.
  int64_t Reserve(int64_t bytes) {
    PackedTensor& packed = layout_.tensors.back().packed;
    if (packed.bytes == 0) packed.offset = layout_.bytes;
    const int64_t at = layout_.bytes - packed.offset;
    const int64_t alignment = PackedAlignment(layout_.device);
    const int64_t whole = (bytes + alignment - 1) / alignment * alignment;
    packed.bytes += whole;
    layout_.bytes += whole;
    return at;
  }

  WeightLayout Take() { return std::move(layout_); }

 private:
  const ExpectedTensor* Find(int32_t layer, TensorRole role) const {
    for (const ExpectedTensor& expected : expected_) {
      if (expected.layer == layer && expected.role == role) return &expected;
    }
    return nullptr;
  }

  const WeightReader& reader_;
  const RankShard shard_;
  const std::vector<ExpectedTensor> expected_;
  WeightLayout layout_;
};

// Which formats a CPU's weights get.
class CpuFormats {
 public:
  CpuFormats(const WeightReader& reader, ComputeMode compute,
             const std::optional<WeightRecipe>& quantize)
      : reader_(reader), compute_(compute), quantize_(quantize) {}

  // Whether the file's codes are what the products read.
  bool KeepsCodes(const CheckpointTensor& tensor) const {
    return !quantize_ && compute_ != ComputeMode::kF32 && reader_.HasCodes(tensor);
  }

  WeightFormat FormatOf(const CheckpointTensor& tensor, int64_t columns) const {
    if (!IsLinear(tensor.role)) return Stored(tensor, columns);
    if (KeepsCodes(tensor)) return tensor.scales->recipe.format;
    const bool groups = columns % kGroupColumns == 0;
    if (quantize_ && UsesInt8Activations(quantize_->format) && !groups) return WeightFormat::kF32;
    return quantize_ ? quantize_->format : Stored(tensor, columns);
  }

 private:
  // The format that keeps what the file holds; merged codes are values like others.
  WeightFormat Stored(const CheckpointTensor& tensor, int64_t columns) const {
    if (compute_ == ComputeMode::kF32) return WeightFormat::kF32;
    if (reader_.DeltaFor(tensor) == nullptr) return FastFormatFor(tensor.dtype);
    return columns % kGroupColumns == 0 ? WeightFormat::kQ8_0 : WeightFormat::kF32;
  }

  const WeightReader& reader_;
  const ComputeMode compute_;
  const std::optional<WeightRecipe>& quantize_;
};

// What the linears of these roles, which are one product, are in a layer on a GPU.
WeightFormat GpuFormat(const WeightReader& reader, int32_t layer, Roles roles) {
  std::optional<WeightRecipe> common;
  for (TensorRole role : roles) {
    const CheckpointTensor& tensor = reader.Tensor(layer, role);
    if (!reader.HasCodes(tensor)) return WeightFormat::kBF16;
    const WeightRecipe& recipe = tensor.scales->recipe;
    if (recipe.scales == ScaleGranularity::kBlock) return WeightFormat::kBF16;
    if (common && *common != recipe) return WeightFormat::kBF16;
    common = recipe;
  }
  return common->format;
}

class GpuLayout {
 public:
  GpuLayout(const WeightReader& reader, const std::optional<WeightRecipe>& quantize,
            RankShard shard)
      : reader_(reader), quantize_(quantize), layout_(reader, PackedFor::kCuda, shard) {}

  WeightLayout Make() {
    using enum TensorRole;
    const ModelConfig& config = reader_.checkpoint().config;
    for (int32_t layer = 0; layer < config.num_layers; ++layer) {
      Vector(layer, {kAttentionNorm});
      Linear(layer, {kQuery, kKey, kValue});
      Vector(layer, {kQueryBias, kKeyBias, kValueBias});
      Vector(layer, {kQueryNorm});
      Vector(layer, {kKeyNorm});
      Linear(layer, {kOutput});
      Vector(layer, {kOutputBias});
      Vector(layer, {kFfnNorm});
      Linear(layer, {kGate, kUp});
      Linear(layer, {kDown});
    }
    Linear(kNoLayer, {kEmbedding}, WeightFormat::kBF16);
    if (!config.tied_embeddings) Linear(kNoLayer, {kHead}, WeightFormat::kBF16);
    Vector(kNoLayer, {kFinalNorm});
    return layout_.Take();
  }

 private:
  void Vector(int32_t layer, Roles roles) {
    const LaidTensor* laid = layout_.Add(layer, roles);
    if (laid != nullptr) layout_.Reserve(int64_t{laid->packed.n} * int64_t{sizeof(float)});
  }

  void Linear(int32_t layer, Roles roles) {
    Linear(layer, roles, quantize_ ? quantize_->format : GpuFormat(reader_, layer, roles));
  }

  void Linear(int32_t layer, Roles roles, WeightFormat format) {
    LaidTensor& laid = *layout_.Add(layer, roles);
    PackedTensor& packed = laid.packed;
    packed.format = format;
    const int64_t value_bytes = format == WeightFormat::kBF16 ? 2 : 1;
    layout_.Reserve(int64_t{packed.n} * packed.k * value_bytes);
    if (format == WeightFormat::kBF16) return;
    packed.scales_at = layout_.Reserve(int64_t{packed.n} * int64_t{sizeof(float)});
    if (quantize_) return;
    laid.codes = true;
    packed.input_scale = laid.parts.front().tensor->scales->input_scale;
    if (packed.input_scale > 0) packed.input_scale_at = layout_.Reserve(sizeof(float));
  }

  const WeightReader& reader_;
  const std::optional<WeightRecipe>& quantize_;
  Layout layout_;
};

std::string Cut(const ExpectedTensor& expected, int32_t ranks) {
  return "--tp-size " + std::to_string(ranks) + ": " + expected.hf_name + " " +
         ShapeText(expected.shape) + " ";
}

// What stays together in the file.
int64_t FileUnit(const CheckpointTensor& tensor, bool columns) {
  if (tensor.scales && tensor.scales->recipe.scales == ScaleGranularity::kBlock) {
    return columns ? tensor.scales->recipe.block_columns : tensor.scales->recipe.block_rows;
  }
  return columns ? BlockValues(tensor.dtype) : 1;
}

// Bytes that the kernels read of a tensor; 0: no kernel reads it so.
int64_t BytesWanted(PackedFor device, const PackedTensor& packed) {
  if (packed.k == 0) return int64_t{packed.n} * int64_t{sizeof(float)};
  const bool codes = HasRowScales(packed.format);
  if (device == PackedFor::kCpu) {
    const bool whole_groups = packed.k % kGroupColumns == 0;
    if (UsesInt8Activations(packed.format) && !whole_groups) return 0;
    if (packed.scale_columns > 0 && !codes) return 0;
    return static_cast<int64_t>(
        PackedWeightBytes(packed.format, packed.n, packed.k, packed.scale_columns));
  }
  if (!codes && packed.format != WeightFormat::kBF16) return 0;
  int64_t bytes = int64_t{packed.n} * packed.k * (codes ? 1 : 2);
  if (codes) {
    if (packed.scales_at < bytes) return 0;
    bytes = packed.scales_at + int64_t{packed.n} * int64_t{sizeof(float)};
  }
  if (packed.input_scale > 0) {
    if (packed.input_scale_at < bytes) return 0;
    bytes = packed.input_scale_at + int64_t{sizeof(float)};
  }
  return bytes;
}

bool GoTogether(PackedFor device, const std::vector<TensorRole>& roles) {
  using enum TensorRole;
  if (roles.size() == 1) return true;
  if (device == PackedFor::kCpu) return false;
  return roles == std::vector{kQuery, kKey, kValue} || roles == std::vector{kGate, kUp} ||
         roles == std::vector{kQueryBias, kKeyBias, kValueBias};
}

}  // namespace

Status CheckPacked(const PackedWeights& weights, const ModelConfig& config, RankShard shard) {
  std::map<std::pair<int32_t, TensorRole>, MatrixRange> ranges;
  for (const ExpectedTensor& expected : ExpectedTensors(config)) {
    MatrixRange range = RangeOf(expected, weights.device, shard);
    if (expected.shape.size() == 1) range.columns = 0;
    ranges[{expected.layer, expected.role}] = range;
  }
  for (const PackedTensor& packed : weights.tensors) {
    int64_t rows = 0;
    bool good = GoTogether(weights.device, packed.roles);
    for (TensorRole role : packed.roles) {
      const MatrixRange& range = ranges.at({packed.layer, role});
      rows += range.rows;
      good = good && packed.k == range.columns;
    }
    good = good && packed.n == rows && (packed.k > 0 || packed.format == WeightFormat::kF32);
    const int64_t wanted = good ? BytesWanted(weights.device, packed) : 0;
    if (wanted > 0 && wanted <= packed.bytes) continue;
    return Corrupt(HfTensorName(packed.layer, packed.roles.front()) +
                   " does not fit the network or its format");
  }
  return OkStatus();
}

namespace {

Status CheckCuts(const Checkpoint& checkpoint, int32_t ranks) {
  for (const ExpectedTensor& expected : ExpectedTensors(checkpoint.config)) {
    if (expected.sharding == Sharding::kWhole) continue;
    const bool columns = expected.sharding == Sharding::kColumns;
    const int64_t count = expected.shape[columns ? 1 : 0];
    if (MaySplitUnevenly(expected.role)) {
      if (count >= ranks) continue;
      return InvalidArgument(Cut(expected, ranks) + "has too few rows");
    }
    const int64_t units = count / expected.shard_unit;
    const bool shared = IsOfKeysOrValues(expected.role) && units < ranks && ranks % units == 0;
    if (units % ranks != 0 && !shared) {
      return InvalidArgument(Cut(expected, ranks) + "does not fall into " + std::to_string(ranks) +
                             " equal parts of whole " +
                             (expected.shard_unit > 1 ? "heads" : (columns ? "columns" : "rows")));
    }
    const int64_t unit = FileUnit(checkpoint.tensors.at(expected.hf_name), columns);
    if ((shared ? expected.shard_unit : count / ranks) % unit != 0) {
      return InvalidArgument(Cut(expected, ranks) + "would be cut within a block of " +
                             std::to_string(unit) + (columns ? " columns" : " rows"));
    }
  }
  return OkStatus();
}

}  // namespace

Status CheckShards(const Checkpoint& checkpoint, int32_t ranks) {
  if (ranks == 1) return OkStatus();
  const Status cuts = CheckCuts(checkpoint, ranks);
  if (cuts.ok()) return cuts;
  std::string others;
  for (int32_t other = 2; other <= checkpoint.config.num_heads; ++other) {
    if (CheckCuts(checkpoint, other).ok())
      others += (others.empty() ? "" : ", ") + std::to_string(other);
  }
  return {cuts.code(), cuts.message() + (others.empty() ? "; no other number of ranks would do"
                                                        : "; these numbers would do: " + others)};
}

WeightLayout LayOutForCpu(const WeightReader& reader, ComputeMode compute,
                          const std::optional<WeightRecipe>& quantize, RankShard shard) {
  Layout layout(reader, PackedFor::kCpu, shard);
  const CpuFormats formats(reader, compute, quantize);
  for (const ExpectedTensor& expected : layout.expected()) {
    LaidTensor& laid = *layout.Add(expected.layer, {expected.role});
    PackedTensor& packed = laid.packed;
    if (packed.k == 0) {
      layout.Reserve(int64_t{packed.n} * int64_t{sizeof(float)});
      continue;
    }
    const CheckpointTensor& tensor = *laid.parts.front().tensor;
    packed.format = formats.FormatOf(tensor, packed.k);
    laid.codes = IsLinear(expected.role) && formats.KeepsCodes(tensor);
    if (laid.codes) {
      packed.scale_columns = tensor.scales->recipe.block_columns;
      packed.input_scale = tensor.scales->input_scale;
    }
    layout.Reserve(static_cast<int64_t>(
        PackedWeightBytes(packed.format, packed.n, packed.k, packed.scale_columns)));
  }
  return layout.Take();
}

WeightLayout LayOutForGpu(const WeightReader& reader, const std::optional<WeightRecipe>& quantize,
                          RankShard shard) {
  return GpuLayout(reader, quantize, shard).Make();
}

Status CheckGpuShapes(const WeightLayout& layout) {
  for (const LaidTensor& laid : layout.tensors) {
    const WeightFormat format = laid.packed.format;
    const int64_t n_step = format == WeightFormat::kBF16 ? 8 : 16;
    const int64_t k_step = format == WeightFormat::kBF16  ? 8
                           : format == WeightFormat::kFp8 ? 16
                                                          : 64;
    for (const LaidPart& part : laid.parts) {
      if (!IsLinear(part.tensor->role)) continue;
      if (part.range.rows % n_step == 0 && part.range.columns % k_step == 0) continue;
      return Unsupported(std::string("the ") + RoleName(part.tensor->role) + " weight " +
                         ShapeText(std::vector<int64_t>{part.range.rows, part.range.columns}) +
                         " cannot be run on a GPU in this format; its sides must be multiples of " +
                         std::to_string(n_step) + " and " + std::to_string(k_step));
    }
  }
  return OkStatus();
}

}  // namespace qed

#include "model/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>

#include "base/check.h"
#include "checkpoint/engine_folder.h"
#include "kernels/weight_layout.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

// Rows that one job packs: whole panels.
constexpr int64_t kJobRows = 8 * kPanelRows;

const float** VectorOf(TensorRole role, LayerWeights& layer) {
  switch (role) {
    case TensorRole::kAttentionNorm:
      return &layer.attention_norm;
    case TensorRole::kQueryBias:
      return &layer.q_bias;
    case TensorRole::kKeyBias:
      return &layer.k_bias;
    case TensorRole::kValueBias:
      return &layer.v_bias;
    case TensorRole::kOutputBias:
      return &layer.o_bias;
    case TensorRole::kQueryNorm:
      return &layer.q_norm;
    case TensorRole::kKeyNorm:
      return &layer.k_norm;
    case TensorRole::kFfnNorm:
      return &layer.ffn_norm;
    default:
      return nullptr;
  }
}

// Points `weights` at the tensors of a CPU's layout, which lie at `base`.
void Bind(const PackedTensor& packed, const std::byte* base, ModelWeights& weights) {
  const TensorRole role = packed.roles.front();
  const std::byte* data = base + packed.offset;
  LayerWeights* layer = packed.layer == kNoLayer ? nullptr : &weights.layers[packed.layer];
  if (packed.k == 0) {
    const float** to = layer != nullptr ? VectorOf(role, *layer) : &weights.final_norm;
    *to = reinterpret_cast<const float*>(data);
    return;
  }
  PackedWeight* to = layer != nullptr                 ? MatrixOf(role, *layer)
                     : role == TensorRole::kEmbedding ? &weights.embedding
                                                      : &weights.head;
  *to = {.format = packed.format,
         .n = packed.n,
         .k = packed.k,
         .data = data,
         .scale_columns = packed.scale_columns,
         .input_scale = packed.input_scale};
}

ModelWeights BindAll(const std::vector<const PackedTensor*>& tensors, const ModelConfig& config,
                     AlignedBuffer memory) {
  ModelWeights weights;
  weights.layers.resize(static_cast<size_t>(config.num_layers));
  for (const PackedTensor* packed : tensors) Bind(*packed, memory.data(), weights);
  if (config.tied_embeddings) weights.head = weights.embedding;
  weights.memory = std::move(memory);
  return weights;
}

}  // namespace

PackedWeight* MatrixOf(TensorRole role, LayerWeights& layer) {
  switch (role) {
    case TensorRole::kQuery:
      return &layer.q;
    case TensorRole::kKey:
      return &layer.k;
    case TensorRole::kValue:
      return &layer.v;
    case TensorRole::kOutput:
      return &layer.o;
    case TensorRole::kGate:
      return &layer.gate;
    case TensorRole::kUp:
      return &layer.up;
    case TensorRole::kDown:
      return &layer.down;
    default:
      return nullptr;
  }
}

const PackedWeight* MatrixOf(TensorRole role, const LayerWeights& layer) {
  return MatrixOf(role, const_cast<LayerWeights&>(layer));
}

// Some rows of a matrix: what one thread takes at a time.
struct CpuWeightPacker::Job {
  int64_t first_row;
  int64_t rows;
  double stored_squares = 0;  // of the values, where they are converted
  double error_squares = 0;
};

double CpuWeightPacker::ConversionError() const {
  return stored_squares_ > 0 ? std::sqrt(error_squares_ / stored_squares_) : 0;
}

void CpuWeightPacker::Pack(const LaidTensor& laid, std::byte* dst, ThreadPool& pool) {
  QED_CHECK_EQ(laid.parts.size(), 1u);
  const LaidPart& part = laid.parts.front();
  if (laid.packed.k == 0) {
    std::vector<float> whole(static_cast<size_t>(part.tensor->shape[0]));
    reader_.ReadVector(*part.tensor, whole);
    std::memcpy(dst, whole.data() + part.range.first_row,
                static_cast<size_t>(part.range.rows) * sizeof(float));
    return;
  }
  std::optional<float> largest;
  if (!laid.codes && HasRowScales(laid.packed.format) &&
      quantize_->scales == ScaleGranularity::kTensor) {
    largest = LargestMagnitude(reader_, *part.tensor, pool);
  }
  std::vector<Job> jobs;
  for (int64_t row = 0; row < part.range.rows; row += kJobRows) {
    jobs.push_back({row, std::min(kJobRows, part.range.rows - row)});
  }
  pool.ParallelFor(static_cast<int64_t>(jobs.size()),
                   [&](int64_t i) { PackRows(laid, largest, jobs[static_cast<size_t>(i)], dst); });
  for (const Job& job : jobs) {
    stored_squares_ += job.stored_squares;
    error_squares_ += job.error_squares;
  }
}

void CpuWeightPacker::PackRows(const LaidTensor& laid, std::optional<float> largest, Job& job,
                               std::byte* dst) const {
  const LaidPart& part = laid.parts.front();
  const CheckpointTensor& tensor = *part.tensor;
  const PackedTensor& packed = laid.packed;
  MatrixRange range = part.range;
  range.first_row += job.first_row;
  range.rows = job.rows;
  const auto first = static_cast<int32_t>(job.first_row), rows = static_cast<int32_t>(job.rows);
  if (laid.codes) {
    WeightCodes codes;
    reader_.ReadCodes(tensor, range, codes);
    const PackedWeight target = {.format = packed.format,
                                 .n = packed.n,
                                 .k = packed.k,
                                 .scale_columns = packed.scale_columns};
    return PackCodeRows(target, first, rows, codes.rows.bytes, codes.scales, dst);
  }
  if (HasRowScales(packed.format) && !largest && range.columns < tensor.shape[1]) {
    for (int32_t row = 0; row < rows; ++row, ++range.first_row) {
      PackQuantizedColumns(laid, range, first + row, dst);
    }
    return;
  }
  WeightRows read;
  reader_.ReadRows(tensor, range, read);
  PackWeightRows(packed.format, packed.n, packed.k, first, rows, read.dtype, read.bytes, dst,
                 largest);
  const bool converted = quantize_ && IsLinear(tensor.role) &&
                         packed.format == WeightFormat::kQ8_0 && read.dtype != DType::kQ8_0;
  if (converted) MeasureConversion(tensor, range, job);
}

// Some columns of one row, whose scale is that of the whole row: as on one rank.
void CpuWeightPacker::PackQuantizedColumns(const LaidTensor& laid, const MatrixRange& range,
                                           int32_t row, std::byte* dst) const {
  const CheckpointTensor& tensor = *laid.parts.front().tensor;
  std::vector<float> values(static_cast<size_t>(tensor.shape[1]));
  reader_.ReadFloats(tensor, WholeRows(tensor, range.first_row, 1), values);
  float largest = 0;
  for (float value : values) largest = LargerMagnitude(largest, value);
  const auto part = std::span(values).subspan(static_cast<size_t>(range.first_column),
                                              static_cast<size_t>(range.columns));
  PackWeightRows(laid.packed.format, laid.packed.n, laid.packed.k, row, 1, DType::kF32,
                 std::as_bytes(part), dst, largest);
}

// What turning the job's rows to Q8_0 does to them.
void CpuWeightPacker::MeasureConversion(const CheckpointTensor& tensor, const MatrixRange& range,
                                        Job& job) const {
  const auto count = static_cast<size_t>(range.rows * range.columns);
  std::vector<float> stored(count), made(count);
  std::vector<std::byte> blocks(count / BlockValues(DType::kQ8_0) * BlockBytes(DType::kQ8_0));
  reader_.ReadFloats(tensor, range, stored);
  QuantizeRow(DType::kQ8_0, stored, blocks);
  DequantizeRow(DType::kQ8_0, blocks, made);
  for (size_t i = 0; i < count; ++i) {
    const double difference = double{made[i]} - stored[i];
    job.stored_squares += double{stored[i]} * stored[i];
    job.error_squares += difference * difference;
  }
}

Result<ModelWeights> PackWeights(const Checkpoint& checkpoint, const Adapter* adapter,
                                 ComputeMode compute, const std::optional<WeightRecipe>& quantize,
                                 RankShard shard, ThreadPool& pool) {
  const WeightReader reader(checkpoint, adapter);
  const WeightLayout layout = LayOutForCpu(reader, compute, quantize, shard);
  auto memory = AlignedBuffer::Allocate(static_cast<size_t>(layout.bytes));
  if (!memory.ok()) return memory.status().WithPrefix(checkpoint.path + ": weights");
  CpuWeightPacker packer(reader, quantize);
  std::vector<const PackedTensor*> tensors;
  for (const LaidTensor& laid : layout.tensors) {
    packer.Pack(laid, memory->data() + laid.packed.offset, pool);
    tensors.push_back(&laid.packed);
    checkpoint.Forget(*laid.parts.front().tensor);
  }
  ModelWeights weights = BindAll(tensors, checkpoint.config, *std::move(memory));
  weights.conversion_error = packer.ConversionError();
  return weights;
}

Result<ModelWeights> ReadPackedWeights(const Checkpoint& checkpoint, RankShard shard,
                                       ThreadPool& pool) {
  const EngineRank& rank = checkpoint.engine->ranks[static_cast<size_t>(shard.rank)];
  if (Status status = CheckPacked(rank.weights, checkpoint.config, shard); !status.ok()) {
    return status.WithPrefix(checkpoint.path);
  }
  auto memory = AlignedBuffer::Allocate(static_cast<size_t>(rank.weights.bytes));
  if (!memory.ok()) return memory.status().WithPrefix(checkpoint.path + ": weights");
  QED_ASSIGN_OR_RETURN(const RankFile file, RankFile::Open(checkpoint.path, rank));
  const int64_t pieces = file.num_pieces();
  std::vector<Status> statuses(static_cast<size_t>(pieces));
  pool.ParallelFor(pieces, [&](int64_t i) {
    statuses[static_cast<size_t>(i)] = file.Read(i, memory->data() + file.PieceOffset(i));
  });
  for (const Status& status : statuses) QED_RETURN_IF_ERROR(status);
  std::vector<const PackedTensor*> tensors;
  for (const PackedTensor& packed : rank.weights.tensors) tensors.push_back(&packed);
  return BindAll(tensors, checkpoint.config, *std::move(memory));
}

}  // namespace qed

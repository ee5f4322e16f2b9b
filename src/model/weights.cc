#include "model/weights.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "kernels/weight_layout.h"
#include "model/weight_reader.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

// Rows that one job packs: whole panels.
constexpr int64_t kJobRows = 8 * kPanelRows;

// Notes where every tensor goes, then makes room for all and fills it.
class Packer {
 public:
  Packer(const Checkpoint& checkpoint, const Adapter* adapter, ComputeMode compute,
         const std::optional<WeightRecipe>& quantize)
      : reader_(checkpoint, adapter), compute_(compute), quantize_(quantize) {}

  void AddMatrix(const ExpectedTensor& expected, PackedWeight* target) {
    const CheckpointTensor& tensor = reader_.Tensor(expected.layer, expected.role);
    target->n = static_cast<int32_t>(tensor.shape[0]);
    target->k = static_cast<int32_t>(tensor.shape[1]);
    const bool codes = KeepsCodes(tensor);
    target->format = IsLinear(expected.role) ? LinearFormat(tensor) : StoredFormat(tensor);
    if (codes) {
      target->scale_columns = tensor.scales->recipe.block_columns;
      target->input_scale = tensor.scales->input_scale;
    }
    matrices_.push_back({&tensor, target, size_, codes, std::nullopt});
    Reserve(PackedWeightBytes(*target));
  }

  void AddVector(const ExpectedTensor& expected, const float** target) {
    const CheckpointTensor& tensor = reader_.Tensor(expected.layer, expected.role);
    vectors_.push_back({&tensor, target, size_});
    Reserve(static_cast<size_t>(tensor.shape[0]) * sizeof(float));
  }

  // Of the linears that Pack turned to Q8_0.
  double ConversionError() const {
    return stored_squares_ > 0 ? std::sqrt(error_squares_ / stored_squares_) : 0;
  }

  // REQUIRES: the targets have not moved since they were added.
  Result<AlignedBuffer> Pack(ThreadPool& pool) {
    auto memory = AlignedBuffer::Allocate(size_);
    if (!memory.ok()) return memory.status().WithPrefix(reader_.checkpoint().path + ": weights");
    std::byte* base = memory->data();
    for (const Vector& v : vectors_) {
      auto* values = reinterpret_cast<float*>(base + v.offset);
      reader_.ReadVector(*v.tensor, {values, static_cast<size_t>(v.tensor->shape[0])});
      *v.target = values;
    }
    std::vector<Job> jobs;
    for (Matrix& m : matrices_) {
      m.target->data = base + m.offset;
      for (int64_t row = 0; row < m.target->n; row += kJobRows) {
        jobs.push_back({&m, row, std::min(kJobRows, m.target->n - row)});
      }
    }
    if (quantize_ && quantize_->scales == ScaleGranularity::kTensor) {
      FindLargestMagnitudes(jobs, pool);
    }
    pool.ParallelFor(static_cast<int64_t>(jobs.size()), [&](int64_t i) {
      Job& job = jobs[static_cast<size_t>(i)];
      PackRows(job, base + job.matrix->offset);
    });
    for (const Job& job : jobs) {
      stored_squares_ += job.stored_squares;
      error_squares_ += job.error_squares;
    }
    return memory;
  }

 private:
  struct Matrix {
    const CheckpointTensor* tensor;
    PackedWeight* target;
    size_t offset;
    bool codes = false;                      // the file's codes and scales stay
    std::optional<float> largest_magnitude;  // where one scale is for all rows
  };
  struct Vector {
    const CheckpointTensor* tensor;
    const float** target;
    size_t offset;
  };
  struct Job {
    Matrix* matrix;
    int64_t first_row;
    int64_t rows;
    double stored_squares = 0;  // of the values, where they are converted
    double error_squares = 0;
  };

  // The format that keeps what the file holds; merged codes are values like others.
  WeightFormat StoredFormat(const CheckpointTensor& tensor) const {
    if (compute_ == ComputeMode::kF32) return WeightFormat::kF32;
    if (reader_.DeltaFor(tensor) == nullptr) return FastFormatFor(tensor.dtype);
    return tensor.shape[1] % kGroupColumns == 0 ? WeightFormat::kQ8_0 : WeightFormat::kF32;
  }

  // Whether the file's codes are what the products read.
  bool KeepsCodes(const CheckpointTensor& tensor) const {
    return !quantize_ && compute_ != ComputeMode::kF32 && reader_.HasCodes(tensor);
  }

  WeightFormat LinearFormat(const CheckpointTensor& tensor) const {
    if (KeepsCodes(tensor)) return tensor.scales->recipe.format;
    const bool groups = tensor.shape[1] % kGroupColumns == 0;
    if (quantize_ && UsesInt8Activations(quantize_->format) && !groups) return WeightFormat::kF32;
    return quantize_ ? quantize_->format : StoredFormat(tensor);
  }

  void Reserve(size_t bytes) { size_ += (bytes + 63) / 64 * 64; }

  void PackRows(Job& job, std::byte* dst) const {
    const CheckpointTensor& tensor = *job.matrix->tensor;
    const PackedWeight& target = *job.matrix->target;
    const MatrixRange range = WholeRows(tensor, job.first_row, job.rows);
    const auto first = static_cast<int32_t>(job.first_row), rows = static_cast<int32_t>(job.rows);
    if (job.matrix->codes) {
      WeightCodes codes;
      reader_.ReadCodes(tensor, range, codes);
      return PackCodeRows(target, first, rows, codes.rows.bytes, codes.scales, dst);
    }
    WeightRows read;
    reader_.ReadRows(tensor, range, read);
    PackWeightRows(target.format, target.n, target.k, first, rows, read.dtype, read.bytes, dst,
                   job.matrix->largest_magnitude);
    const bool converted = quantize_ && IsLinear(tensor.role) &&
                           target.format == WeightFormat::kQ8_0 && read.dtype != DType::kQ8_0;
    if (converted) MeasureConversion(job, range);
  }

  // What turning the job's rows to Q8_0 does to them.
  void MeasureConversion(Job& job, const MatrixRange& range) const {
    const auto count = static_cast<size_t>(range.rows * range.columns);
    std::vector<float> stored(count), made(count);
    std::vector<std::byte> blocks(count / BlockValues(DType::kQ8_0) * BlockBytes(DType::kQ8_0));
    reader_.ReadFloats(*job.matrix->tensor, range, stored);
    QuantizeRow(DType::kQ8_0, stored, blocks);
    DequantizeRow(DType::kQ8_0, blocks, made);
    for (size_t i = 0; i < count; ++i) {
      const double difference = double{made[i]} - stored[i];
      job.stored_squares += double{stored[i]} * stored[i];
      job.error_squares += difference * difference;
    }
  }

  // Reads all rows once before they are packed.
  void FindLargestMagnitudes(std::span<const Job> jobs, ThreadPool& pool) const {
    std::vector<float> found(jobs.size());
    pool.ParallelFor(static_cast<int64_t>(jobs.size()), [&](int64_t i) {
      const Job& job = jobs[static_cast<size_t>(i)];
      if (!HasRowScales(job.matrix->target->format)) return;
      std::vector<float> values(static_cast<size_t>(job.rows * job.matrix->target->k));
      const CheckpointTensor& tensor = *job.matrix->tensor;
      reader_.ReadFloats(tensor, WholeRows(tensor, job.first_row, job.rows), values);
      for (float value : values) found[i] = LargerMagnitude(found[i], value);
    });
    for (size_t i = 0; i < jobs.size(); ++i) {
      Matrix& m = *jobs[i].matrix;
      if (!HasRowScales(m.target->format)) continue;
      m.largest_magnitude = LargerMagnitude(m.largest_magnitude.value_or(0), found[i]);
    }
  }

  const WeightReader reader_;
  const ComputeMode compute_;
  const std::optional<WeightRecipe> quantize_;
  std::vector<Matrix> matrices_;
  std::vector<Vector> vectors_;
  size_t size_ = 0;
  double stored_squares_ = 0;
  double error_squares_ = 0;
};

// Where a layer has the tensor of a role.
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

void Add(const ExpectedTensor& expected, ModelWeights& weights, Packer& packer) {
  switch (expected.role) {
    case TensorRole::kEmbedding:
      return packer.AddMatrix(expected, &weights.embedding);
    case TensorRole::kHead:
      return packer.AddMatrix(expected, &weights.head);
    case TensorRole::kFinalNorm:
      return packer.AddVector(expected, &weights.final_norm);
    default:
      break;
  }
  LayerWeights& layer = weights.layers[static_cast<size_t>(expected.layer)];
  if (IsLinear(expected.role)) return packer.AddMatrix(expected, MatrixOf(expected.role, layer));
  packer.AddVector(expected, VectorOf(expected.role, layer));
}

}  // namespace

Result<ModelWeights> PackWeights(const Checkpoint& checkpoint, const Adapter* adapter,
                                 ComputeMode compute, const std::optional<WeightRecipe>& quantize,
                                 ThreadPool& pool) {
  const ModelConfig& config = checkpoint.config;
  ModelWeights weights;
  weights.layers.resize(static_cast<size_t>(config.num_layers));
  Packer packer(checkpoint, adapter, compute, quantize);
  for (const ExpectedTensor& expected : ExpectedTensors(config)) Add(expected, weights, packer);
  QED_ASSIGN_OR_RETURN(weights.memory, packer.Pack(pool));
  weights.conversion_error = packer.ConversionError();
  if (config.tied_embeddings) weights.head = weights.embedding;
  return weights;
}

}  // namespace qed

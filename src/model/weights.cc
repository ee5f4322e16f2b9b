#include "model/weights.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"
#include "checkpoint/rope_rows.h"
#include "kernels/weight_layout.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

// Rows that one job packs: whole panels.
constexpr int64_t kJobRows = 8 * kPanelRows;

int64_t RowBytes(const CheckpointTensor& tensor) {
  const int64_t columns = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
  return columns / BlockValues(tensor.dtype) * BlockBytes(tensor.dtype);
}

// Notes where every tensor goes, then makes room for all and fills it.
class Packer {
 public:
  Packer(const Checkpoint& checkpoint, const Adapter* adapter, ComputeMode compute)
      : checkpoint_(checkpoint), adapter_(adapter), compute_(compute) {}

  void AddMatrix(const std::string& name, PackedWeight* target) {
    const CheckpointTensor& tensor = Tensor(name);
    const LoraDelta* delta = DeltaFor(name);
    target->n = static_cast<int32_t>(tensor.shape[0]);
    target->k = static_cast<int32_t>(tensor.shape[1]);
    target->format = FormatFor(tensor, delta);
    matrices_.push_back({&tensor, delta, target, size_});
    Reserve(PackedWeightBytes(target->format, target->n, target->k));
  }

  void AddVector(const std::string& name, const float** target) {
    const CheckpointTensor& tensor = Tensor(name);
    vectors_.push_back({&tensor, target, size_});
    Reserve(static_cast<size_t>(tensor.shape[0]) * sizeof(float));
  }

  // REQUIRES: the targets have not moved since they were added.
  Result<AlignedBuffer> Pack(ThreadPool& pool) {
    auto memory = AlignedBuffer::Allocate(size_);
    if (!memory.ok()) return memory.status().WithPrefix(checkpoint_.path + ": weights");
    std::byte* base = memory->data();
    for (const Vector& v : vectors_) {
      *v.target = reinterpret_cast<const float*>(base + v.offset);
      FillVector(v, reinterpret_cast<float*>(base + v.offset));
    }
    std::vector<Job> jobs;
    for (const Matrix& m : matrices_) {
      m.target->data = base + m.offset;
      for (int64_t row = 0; row < m.target->n; row += kJobRows) jobs.push_back({&m, row});
    }
    pool.ParallelFor(static_cast<int64_t>(jobs.size()), [&](int64_t i) {
      const Job& job = jobs[static_cast<size_t>(i)];
      const int64_t rows = std::min(kJobRows, job.matrix->target->n - job.first_row);
      PackRows(*job.matrix, job.first_row, rows, base + job.matrix->offset);
    });
    return memory;
  }

 private:
  struct Matrix {
    const CheckpointTensor* tensor;
    const LoraDelta* delta;
    PackedWeight* target;
    size_t offset;
  };
  struct Vector {
    const CheckpointTensor* tensor;
    const float** target;
    size_t offset;
  };
  struct Job {
    const Matrix* matrix;
    int64_t first_row;
  };

  const CheckpointTensor& Tensor(const std::string& name) const {
    const CheckpointTensor* tensor = checkpoint_.Find(name);
    QED_CHECK(tensor != nullptr) << name;
    return *tensor;
  }

  const LoraDelta* DeltaFor(const std::string& name) const {
    if (adapter_ == nullptr) return nullptr;
    const auto it = adapter_->deltas.find(name);
    return it == adapter_->deltas.end() ? nullptr : &it->second;
  }

  WeightFormat FormatFor(const CheckpointTensor& tensor, const LoraDelta* delta) const {
    if (compute_ == ComputeMode::kF32) return WeightFormat::kF32;
    if (delta == nullptr) return FastFormatFor(tensor.dtype);
    return tensor.shape[1] % kGroupColumns == 0 ? WeightFormat::kQ8_0 : WeightFormat::kF32;
  }

  void Reserve(size_t bytes) { size_ += (bytes + 63) / 64 * 64; }

  int64_t FileRow(const CheckpointTensor& tensor, int64_t hf_row) const {
    if (!tensor.interleaved_rope_rows) return hf_row;
    return InterleavedRopeRow(hf_row, checkpoint_.config.head_dim);
  }

  void FillVector(const Vector& v, float* dst) const {
    const int64_t count = v.tensor->shape[0];
    std::vector<float> values(static_cast<size_t>(count));
    DequantizeRow(v.tensor->dtype, v.tensor->data, values);
    for (int64_t i = 0; i < count; ++i) dst[i] = values[FileRow(*v.tensor, i)];
  }

  void PackRows(const Matrix& m, int64_t first_row, int64_t rows, std::byte* dst) const {
    const CheckpointTensor& tensor = *m.tensor;
    const auto row_bytes = static_cast<size_t>(RowBytes(tensor));
    std::span<const std::byte> src = tensor.data.subspan(first_row * row_bytes, rows * row_bytes);
    std::vector<std::byte> reordered;
    if (tensor.interleaved_rope_rows) {
      reordered.resize(rows * row_bytes);
      for (int64_t r = 0; r < rows; ++r) {
        std::memcpy(reordered.data() + r * row_bytes,
                    tensor.data.data() + FileRow(tensor, first_row + r) * row_bytes, row_bytes);
      }
      src = reordered;
    }
    DType dtype = tensor.dtype;
    std::vector<float> merged;
    if (m.delta != nullptr) {
      merged.resize(static_cast<size_t>(rows * m.target->k));
      for (int64_t r = 0; r < rows; ++r) {
        DequantizeRow(dtype, src.subspan(r * row_bytes, row_bytes),
                      std::span(merged).subspan(r * m.target->k, m.target->k));
      }
      ApplyLora(*m.delta, first_row, rows, merged);
      src = std::as_bytes(std::span(merged));
      dtype = DType::kF32;
    }
    PackWeightRows(m.target->format, m.target->n, m.target->k, static_cast<int32_t>(first_row),
                   static_cast<int32_t>(rows), dtype, src, dst);
  }

  const Checkpoint& checkpoint_;
  const Adapter* adapter_;
  const ComputeMode compute_;
  std::vector<Matrix> matrices_;
  std::vector<Vector> vectors_;
  size_t size_ = 0;
};

void AddLayer(const ModelConfig& config, const std::string& prefix, LayerWeights& layer,
              Packer& packer) {
  packer.AddVector(prefix + "input_layernorm.weight", &layer.attention_norm);
  packer.AddMatrix(prefix + "self_attn.q_proj.weight", &layer.q);
  packer.AddMatrix(prefix + "self_attn.k_proj.weight", &layer.k);
  packer.AddMatrix(prefix + "self_attn.v_proj.weight", &layer.v);
  packer.AddMatrix(prefix + "self_attn.o_proj.weight", &layer.o);
  if (config.qkv_bias) {
    packer.AddVector(prefix + "self_attn.q_proj.bias", &layer.q_bias);
    packer.AddVector(prefix + "self_attn.k_proj.bias", &layer.k_bias);
    packer.AddVector(prefix + "self_attn.v_proj.bias", &layer.v_bias);
  }
  if (config.output_bias) packer.AddVector(prefix + "self_attn.o_proj.bias", &layer.o_bias);
  if (config.qk_norm) {
    packer.AddVector(prefix + "self_attn.q_norm.weight", &layer.q_norm);
    packer.AddVector(prefix + "self_attn.k_norm.weight", &layer.k_norm);
  }
  packer.AddVector(prefix + "post_attention_layernorm.weight", &layer.ffn_norm);
  packer.AddMatrix(prefix + "mlp.gate_proj.weight", &layer.gate);
  packer.AddMatrix(prefix + "mlp.up_proj.weight", &layer.up);
  packer.AddMatrix(prefix + "mlp.down_proj.weight", &layer.down);
}

}  // namespace

Result<ModelWeights> PackWeights(const Checkpoint& checkpoint, const Adapter* adapter,
                                 ComputeMode compute, ThreadPool& pool) {
  const ModelConfig& config = checkpoint.config;
  ModelWeights weights;
  weights.layers.resize(static_cast<size_t>(config.num_layers));
  Packer packer(checkpoint, adapter, compute);
  for (int32_t i = 0; i < config.num_layers; ++i) {
    AddLayer(config, "model.layers." + std::to_string(i) + ".", weights.layers[i], packer);
  }
  packer.AddVector("model.norm.weight", &weights.final_norm);
  packer.AddMatrix("model.embed_tokens.weight", &weights.embedding);
  if (!config.tied_embeddings) packer.AddMatrix("lm_head.weight", &weights.head);
  QED_ASSIGN_OR_RETURN(weights.memory, packer.Pack(pool));
  if (config.tied_embeddings) weights.head = weights.embedding;
  return weights;
}

}  // namespace qed

#include "model/cuda_weights.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"
#include "checkpoint/network_tensors.h"
#include "checkpoint/raw_tensor.h"
#include "cuda/device.h"
#include "cuda/stream.h"
#include "kernels/cuda/make_weights.h"
#include "tensor/quant_format.h"

namespace qed {

using cuda::BFloat16;
using cuda::DeviceBuffer;
using cuda::DeviceWeight;
using cuda::PinnedBuffer;

namespace {

constexpr int64_t kAlignment = 256;
// What a thread converts and copies at a time, in 16 bits; it fills one half of its
// pinned memory while the other is copied.
constexpr int64_t kPieceBytes = int64_t{8} << 20;
constexpr int kHalves = 2;

int64_t ElementBytes(WeightFormat format) { return format == WeightFormat::kBF16 ? 2 : 1; }

int64_t PieceBytes(int32_t k) { return std::max(kPieceBytes, int64_t{2} * k); }

}  // namespace

// One thread's stream, pinned memory and device scratch.
class CudaWeightLoader::Worker {
 public:
  static Result<Worker> Create(int64_t piece_bytes) {
    Worker worker;
    QED_ASSIGN_OR_RETURN(worker.stream_, cuda::Stream::Create());
    QED_ASSIGN_OR_RETURN(worker.scratch_, DeviceBuffer::Allocate(piece_bytes));
    for (int i = 0; i < kHalves; ++i) {
      QED_ASSIGN_OR_RETURN(worker.pinned_[i], PinnedBuffer::Allocate(piece_bytes));
      QED_ASSIGN_OR_RETURN(worker.copied_[i], cuda::Event::Create());
    }
    return worker;
  }

  // Puts the job's codes and scales where they belong.
  Status BringCodes(const WeightReader& reader, const Job& job, std::byte* memory) {
    const CheckpointTensor& tensor = *job.part->tensor;
    half_ = (half_ + 1) % kHalves;
    QED_RETURN_IF_ERROR(copied_[half_].Synchronize());
    reader.ReadCodes(tensor, WholeRows(tensor, job.first_row, job.rows), codes_);
    const size_t bytes = codes_.rows.bytes.size();
    const size_t scale_bytes = codes_.scales.size() * sizeof(float);
    auto* pinned = pinned_[half_].As<std::byte>();
    std::memcpy(pinned, codes_.rows.bytes.data(), bytes);
    std::memcpy(pinned + bytes, codes_.scales.data(), scale_bytes);
    cuda::CopyToDevice(memory + job.matrix->data + FirstElement(job), pinned, bytes,
                       stream_.handle());
    cuda::CopyToDevice(memory + job.matrix->scales + FirstRow(job) * sizeof(float), pinned + bytes,
                       scale_bytes, stream_.handle());
    copied_[half_].Record(stream_.handle());
    return OkStatus();
  }

  // Puts the job's rows, in 16 bits, where they belong or, where they are to be
  // quantized, into the scratch. Returns where they are.
  Result<BFloat16*> BringRows(const WeightReader& reader, const Job& job, std::byte* memory) {
    const DeviceWeight& view = job.matrix->view;
    auto* to = view.format == WeightFormat::kBF16
                   ? reinterpret_cast<BFloat16*>(memory + job.matrix->data) + FirstElement(job)
                   : scratch_.As<BFloat16>();
    const int64_t count = int64_t{job.rows} * view.k;
    const CheckpointTensor& tensor = *job.part->tensor;
    if (tensor.random && reader.DeltaFor(tensor) == nullptr) {
      cuda::FillRandom(*tensor.random, int64_t{job.first_row} * view.k, count, to,
                       stream_.handle());
      return to;
    }
    half_ = (half_ + 1) % kHalves;
    QED_RETURN_IF_ERROR(copied_[half_].Synchronize());
    ReadBf16(reader, job, pinned_[half_].As<uint16_t>());
    cuda::CopyToDevice(to, pinned_[half_].data(), count * sizeof(BFloat16), stream_.handle());
    copied_[half_].Record(stream_.handle());
    return to;
  }

  void Quantize(const Job& job, const BFloat16* rows, const float* largest, std::byte* memory) {
    const DeviceWeight& view = job.matrix->view;
    auto* scales = reinterpret_cast<float*>(memory + job.matrix->scales) + FirstRow(job);
    cuda::QuantizeWeightRows(view.format, job.rows, view.k, rows, largest,
                             memory + job.matrix->data + FirstElement(job), scales,
                             stream_.handle());
  }

  cuda::StreamHandle stream() const { return stream_.handle(); }
  Status Finish() { return stream_.Synchronize(); }

 private:
  static int64_t FirstRow(const Job& job) { return job.part->first_row + job.first_row; }
  static int64_t FirstElement(const Job& job) { return FirstRow(job) * job.matrix->view.k; }

  void ReadBf16(const WeightReader& reader, const Job& job, uint16_t* out) {
    const int64_t k = job.matrix->view.k;
    const CheckpointTensor& tensor = *job.part->tensor;
    reader.ReadRows(tensor, WholeRows(tensor, job.first_row, job.rows), rows_);
    if (rows_.dtype == DType::kBF16) {
      std::memcpy(out, rows_.bytes.data(), rows_.bytes.size());
      return;
    }
    const auto row_bytes = static_cast<int64_t>(rows_.bytes.size()) / job.rows;
    row_.resize(static_cast<size_t>(k));
    for (int64_t row = 0; row < job.rows; ++row) {
      DequantizeRow(rows_.dtype, rows_.bytes.subspan(row * row_bytes, row_bytes), row_);
      for (int64_t i = 0; i < k; ++i) out[row * k + i] = FloatToBFloat16(row_[i]);
    }
  }

  cuda::Stream stream_;
  DeviceBuffer scratch_;
  std::array<PinnedBuffer, kHalves> pinned_;
  std::array<cuda::Event, kHalves> copied_;
  int half_ = 0;
  WeightRows rows_;
  WeightCodes codes_;
  std::vector<float> row_;
};

CudaWeightLoader::CudaWeightLoader(const WeightReader& reader,
                                   const std::optional<WeightRecipe>& quantize)
    : reader_(reader), quantize_(quantize) {
  const ModelConfig& config = reader.checkpoint().config;
  for (int32_t i = 0; i < config.num_layers; ++i) layers_.push_back(AddLayer(i));
  embedding_ = AddMatrix(WeightFormat::kBF16, kNoLayer, {TensorRole::kEmbedding});
  head_ = config.tied_embeddings ? embedding_
                                 : AddMatrix(WeightFormat::kBF16, kNoLayer, {TensorRole::kHead});
  final_norm_ = AddVector(kNoLayer, {TensorRole::kFinalNorm});
}

// What the linears of these roles, which are one product, are in every layer.
WeightFormat CudaWeightLoader::LinearFormat(Roles roles) const {
  if (quantize_) return quantize_->format;
  std::optional<WeightRecipe> common;
  for (int32_t layer = 0; layer < reader_.checkpoint().config.num_layers; ++layer) {
    for (TensorRole role : roles) {
      const CheckpointTensor& tensor = reader_.Tensor(layer, role);
      if (!reader_.HasCodes(tensor)) return WeightFormat::kBF16;
      const WeightRecipe& recipe = tensor.scales->recipe;
      if (recipe.scales == ScaleGranularity::kBlock) return WeightFormat::kBF16;
      if (common && *common != recipe) return WeightFormat::kBF16;
      common = recipe;
    }
  }
  return common->format;
}

int CudaWeightLoader::AddLinear(int32_t layer, Roles roles) {
  const WeightFormat format = LinearFormat(roles);
  const int index = AddMatrix(format, layer, roles);
  Matrix& matrix = matrices_.back();
  if (quantize_ || format == WeightFormat::kBF16) return index;
  matrix.codes = true;
  matrix.input_scale = matrix.parts.front().tensor->scales->input_scale;
  if (matrix.input_scale > 0) matrix.input_scale_at = Reserve(sizeof(float));
  return index;
}

int64_t CudaWeightLoader::Reserve(int64_t bytes) {
  const int64_t offset = bytes_;
  bytes_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return offset;
}

int CudaWeightLoader::AddMatrix(WeightFormat format, int32_t layer, Roles roles) {
  Matrix matrix;
  matrix.view.format = format;
  for (TensorRole role : roles) {
    const CheckpointTensor& tensor = reader_.Tensor(layer, role);
    matrix.parts.push_back({&tensor, matrix.view.n});
    matrix.view.n += static_cast<int32_t>(tensor.shape[0]);
    matrix.view.k = static_cast<int32_t>(tensor.shape[1]);
  }
  matrix.data = Reserve(int64_t{matrix.view.n} * matrix.view.k * ElementBytes(format));
  if (format != WeightFormat::kBF16) {
    matrix.scales = Reserve(int64_t{matrix.view.n} * static_cast<int64_t>(sizeof(float)));
  }
  matrices_.push_back(std::move(matrix));
  return static_cast<int>(matrices_.size()) - 1;
}

int CudaWeightLoader::AddVector(int32_t layer, Roles roles) {
  if (reader_.checkpoint().Find(layer, *roles.begin()) == nullptr) return -1;
  Vector vector;
  int64_t count = 0;
  for (TensorRole role : roles) {
    vector.parts.push_back(&reader_.Tensor(layer, role));
    count += vector.parts.back()->shape[0];
  }
  vector.offset = Reserve(count * static_cast<int64_t>(sizeof(float)));
  vectors_.push_back(std::move(vector));
  return static_cast<int>(vectors_.size()) - 1;
}

CudaWeightLoader::Layer CudaWeightLoader::AddLayer(int32_t layer) {
  using enum TensorRole;
  return {.attention_norm = AddVector(layer, {kAttentionNorm}),
          .qkv = AddLinear(layer, {kQuery, kKey, kValue}),
          .qkv_bias = AddVector(layer, {kQueryBias, kKeyBias, kValueBias}),
          .q_norm = AddVector(layer, {kQueryNorm}),
          .k_norm = AddVector(layer, {kKeyNorm}),
          .o = AddLinear(layer, {kOutput}),
          .o_bias = AddVector(layer, {kOutputBias}),
          .ffn_norm = AddVector(layer, {kFfnNorm}),
          .gate_up = AddLinear(layer, {kGate, kUp}),
          .down = AddLinear(layer, {kDown})};
}

Status CudaWeightLoader::CheckShapes() const {
  for (const Matrix& matrix : matrices_) {
    const WeightFormat format = matrix.view.format;
    const int64_t n_step = format == WeightFormat::kBF16 ? 8 : 16;
    const int64_t k_step = format == WeightFormat::kBF16  ? 8
                           : format == WeightFormat::kFp8 ? 16
                                                          : 64;
    for (const Part& part : matrix.parts) {
      const CheckpointTensor& tensor = *part.tensor;
      if (!IsLinear(tensor.role)) continue;
      if (tensor.shape[0] % n_step == 0 && tensor.shape[1] % k_step == 0) continue;
      return Unsupported(std::string("the ") + RoleName(tensor.role) + " weight " +
                         ShapeText(tensor.shape) +
                         " cannot be run on a GPU in this format; its sides must be multiples of " +
                         std::to_string(n_step) + " and " + std::to_string(k_step));
    }
  }
  return OkStatus();
}

std::vector<CudaWeightLoader::Job> CudaWeightLoader::Jobs() const {
  std::vector<Job> jobs;
  int64_t part_index = 0;
  for (const Matrix& matrix : matrices_) {
    const auto step = static_cast<int32_t>(PieceBytes(matrix.view.k) / (2 * matrix.view.k));
    for (const Part& part : matrix.parts) {
      const auto rows = static_cast<int32_t>(part.tensor->shape[0]);
      for (int32_t row = 0; row < rows; row += step) {
        jobs.push_back({&matrix, &part, part_index, row, std::min(step, rows - row)});
      }
      ++part_index;
    }
  }
  return jobs;
}

Status CudaWeightLoader::LoadMatrices(int ordinal, std::byte* memory, ThreadPool& pool) const {
  const std::vector<Job> jobs = Jobs();
  int64_t piece_bytes = kPieceBytes;
  for (const Matrix& matrix : matrices_) {
    piece_bytes = std::max(piece_bytes, PieceBytes(matrix.view.k));
  }
  const size_t largest_bytes = (jobs.back().part_index + 1) * sizeof(float);
  QED_ASSIGN_OR_RETURN(const DeviceBuffer largest, DeviceBuffer::Allocate(largest_bytes));
  std::vector<Worker> workers;
  for (int i = 0; i < pool.size(); ++i) {
    QED_ASSIGN_OR_RETURN(Worker worker, Worker::Create(piece_bytes));
    workers.push_back(std::move(worker));
  }
  cuda::Fill(largest.data(), 0, largest_bytes, workers[0].stream());
  QED_RETURN_IF_ERROR(workers[0].Finish());

  const bool per_tensor = quantize_ && quantize_->scales == ScaleGranularity::kTensor;
  std::vector<Status> statuses(workers.size());
  // One pass over all jobs; with `measure` only for the largest magnitudes.
  const auto run = [&](bool measure) -> Status {
    std::atomic<size_t> next = 0;
    pool.ParallelFor(static_cast<int64_t>(workers.size()), [&](int64_t i) {
      cuda::UseDevice(ordinal);
      const auto work = [&]() -> Status {
        for (size_t j = next++; j < jobs.size(); j = next++) {
          const Job& job = jobs[j];
          if (job.matrix->codes) {
            QED_RETURN_IF_ERROR(workers[i].BringCodes(reader_, job, memory));
            continue;
          }
          const bool quantized = job.matrix->view.format != WeightFormat::kBF16;
          if (measure && !quantized) continue;
          QED_ASSIGN_OR_RETURN(const BFloat16* rows, workers[i].BringRows(reader_, job, memory));
          float* part_largest = per_tensor ? largest.As<float>() + job.part_index : nullptr;
          if (measure) {
            cuda::AddLargestMagnitude(rows, int64_t{job.rows} * job.matrix->view.k, part_largest,
                                      workers[i].stream());
          } else if (quantized) {
            workers[i].Quantize(job, rows, part_largest, memory);
          }
        }
        return workers[i].Finish();
      };
      statuses[i] = work();
    });
    for (const Status& status : statuses) QED_RETURN_IF_ERROR(status);
    return OkStatus();
  };
  if (per_tensor) QED_RETURN_IF_ERROR(run(true));
  return run(false);
}

Status CudaWeightLoader::LoadVectors(std::byte* memory) const {
  QED_ASSIGN_OR_RETURN(const cuda::Stream stream, cuda::Stream::Create());
  std::vector<float> values;
  for (const Vector& vector : vectors_) {
    values.clear();
    for (const CheckpointTensor* part : vector.parts) {
      const size_t first = values.size();
      values.resize(first + static_cast<size_t>(part->shape[0]));
      reader_.ReadVector(*part, std::span(values).subspan(first));
    }
    // Small and not pinned: the copy has left `values` when the call returns.
    cuda::CopyToDevice(memory + vector.offset, values.data(), values.size() * sizeof(float),
                       stream.handle());
  }
  for (const Matrix& matrix : matrices_) {
    if (matrix.input_scale == 0) continue;
    cuda::CopyToDevice(memory + matrix.input_scale_at, &matrix.input_scale, sizeof(float),
                       stream.handle());
  }
  return stream.Synchronize();
}

CudaWeights CudaWeightLoader::Views(DeviceBuffer memory) const {
  const auto matrix = [&](int index) {
    const Matrix& m = matrices_[static_cast<size_t>(index)];
    DeviceWeight view = m.view;
    view.data = memory.data() + m.data;
    if (view.format != WeightFormat::kBF16) {
      view.scales = reinterpret_cast<const float*>(memory.data() + m.scales);
    }
    if (m.input_scale > 0) {
      view.input_scale = reinterpret_cast<const float*>(memory.data() + m.input_scale_at);
    }
    return view;
  };
  const auto vector = [&](int index) -> const float* {
    if (index < 0) return nullptr;
    return reinterpret_cast<const float*>(memory.data() +
                                          vectors_[static_cast<size_t>(index)].offset);
  };
  CudaWeights weights;
  for (const Layer& layer : layers_) {
    weights.layers.push_back({.attention_norm = vector(layer.attention_norm),
                              .qkv = matrix(layer.qkv),
                              .qkv_bias = vector(layer.qkv_bias),
                              .q_norm = vector(layer.q_norm),
                              .k_norm = vector(layer.k_norm),
                              .o = matrix(layer.o),
                              .o_bias = vector(layer.o_bias),
                              .ffn_norm = vector(layer.ffn_norm),
                              .gate_up = matrix(layer.gate_up),
                              .down = matrix(layer.down)});
  }
  weights.embedding = matrix(embedding_);
  weights.head = matrix(head_);
  weights.final_norm = vector(final_norm_);
  weights.memory = std::move(memory);
  return weights;
}

Result<CudaWeights> CudaWeightLoader::Load(int ordinal, ThreadPool& pool) {
  QED_ASSIGN_OR_RETURN(DeviceBuffer memory, DeviceBuffer::Allocate(static_cast<size_t>(bytes_)));
  QED_RETURN_IF_ERROR(LoadMatrices(ordinal, memory.data(), pool));
  QED_RETURN_IF_ERROR(LoadVectors(memory.data()));
  return Views(std::move(memory));
}

}  // namespace qed

#include "model/cuda_weights.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"
#include "checkpoint/engine_folder.h"
#include "checkpoint/network_tensors.h"
#include "cuda/device.h"
#include "cuda/stream.h"
#include "kernels/cuda/make_weights.h"
#include "model/gpu_weight_packer.h"

namespace qed {

using cuda::BFloat16;
using cuda::DeviceBuffer;
using cuda::DeviceWeight;
using cuda::PinnedBuffer;

namespace {

// What a thread converts and copies at a time, in 16 bits; it fills one half of its
// pinned memory while the other is copied.
constexpr int64_t kPieceBytes = int64_t{8} << 20;
constexpr int kHalves = 2;

int64_t PieceBytes(int32_t k) { return std::max(kPieceBytes, int64_t{2} * k); }

// Where a layer has the tensors that begin with a role.
DeviceWeight* MatrixOf(TensorRole role, CudaLayerWeights& layer) {
  switch (role) {
    case TensorRole::kQuery:
      return &layer.qkv;
    case TensorRole::kOutput:
      return &layer.o;
    case TensorRole::kGate:
      return &layer.gate_up;
    case TensorRole::kDown:
      return &layer.down;
    default:
      return nullptr;
  }
}

const float** VectorOf(TensorRole role, CudaLayerWeights& layer) {
  switch (role) {
    case TensorRole::kAttentionNorm:
      return &layer.attention_norm;
    case TensorRole::kQueryBias:
      return &layer.qkv_bias;
    case TensorRole::kQueryNorm:
      return &layer.q_norm;
    case TensorRole::kKeyNorm:
      return &layer.k_norm;
    case TensorRole::kOutputBias:
      return &layer.o_bias;
    case TensorRole::kFfnNorm:
      return &layer.ffn_norm;
    default:
      return nullptr;
  }
}

DeviceWeight View(const PackedTensor& packed, const std::byte* data) {
  DeviceWeight view = {.format = packed.format, .n = packed.n, .k = packed.k, .data = data};
  if (packed.format != WeightFormat::kBF16) {
    view.scales = reinterpret_cast<const float*>(data + packed.scales_at);
  }
  if (packed.input_scale > 0) {
    view.input_scale = reinterpret_cast<const float*>(data + packed.input_scale_at);
  }
  return view;
}

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
    const PackedTensor& packed = job.laid->packed;
    half_ = (half_ + 1) % kHalves;
    QED_RETURN_IF_ERROR(copied_[half_].Synchronize());
    reader.ReadCodes(*job.part->tensor, RangeOf(job), codes_);
    const size_t bytes = codes_.rows.bytes.size();
    const size_t scale_bytes = codes_.scales.size() * sizeof(float);
    auto* pinned = pinned_[half_].As<std::byte>();
    std::memcpy(pinned, codes_.rows.bytes.data(), bytes);
    std::memcpy(pinned + bytes, codes_.scales.data(), scale_bytes);
    std::byte* data = memory + packed.offset;
    cuda::CopyToDevice(data + FirstElement(job), pinned, bytes, stream_.handle());
    cuda::CopyToDevice(data + packed.scales_at + FirstRow(job) * sizeof(float), pinned + bytes,
                       scale_bytes, stream_.handle());
    copied_[half_].Record(stream_.handle());
    return OkStatus();
  }

  // Puts the job's rows, in 16 bits, where they belong or, where they are to be
  // quantized, into the scratch. Returns where they are.
  Result<BFloat16*> BringRows(const WeightReader& reader, const Job& job, std::byte* memory) {
    const PackedTensor& packed = job.laid->packed;
    auto* to = packed.format == WeightFormat::kBF16
                   ? reinterpret_cast<BFloat16*>(memory + packed.offset) + FirstElement(job)
                   : scratch_.As<BFloat16>();
    const int64_t count = int64_t{job.rows} * packed.k;
    const CheckpointTensor& tensor = *job.part->tensor;
    if (tensor.random && reader.DeltaFor(tensor) == nullptr) {
      cuda::FillRandom(*tensor.random, int64_t{job.first_row} * packed.k, count, to,
                       stream_.handle());
      return to;
    }
    half_ = (half_ + 1) % kHalves;
    QED_RETURN_IF_ERROR(copied_[half_].Synchronize());
    ReadBf16Rows(reader, tensor, RangeOf(job), pinned_[half_].As<uint16_t>());
    cuda::CopyToDevice(to, pinned_[half_].data(), count * sizeof(BFloat16), stream_.handle());
    copied_[half_].Record(stream_.handle());
    return to;
  }

  void Quantize(const Job& job, const BFloat16* rows, const float* largest, std::byte* memory) {
    const PackedTensor& packed = job.laid->packed;
    std::byte* data = memory + packed.offset;
    auto* scales = reinterpret_cast<float*>(data + packed.scales_at) + FirstRow(job);
    cuda::QuantizeWeightRows(packed.format, job.rows, packed.k, rows, largest,
                             data + FirstElement(job), scales, stream_.handle());
  }

  // Brings a piece of an engine's file to its place.
  Status BringPiece(const RankFile& file, int64_t piece, std::byte* memory) {
    half_ = (half_ + 1) % kHalves;
    QED_RETURN_IF_ERROR(copied_[half_].Synchronize());
    auto* pinned = pinned_[half_].As<std::byte>();
    QED_RETURN_IF_ERROR(file.Read(piece, pinned));
    cuda::CopyToDevice(memory + file.PieceOffset(piece), pinned,
                       static_cast<size_t>(file.PieceBytes(piece)), stream_.handle());
    copied_[half_].Record(stream_.handle());
    return OkStatus();
  }

  cuda::StreamHandle stream() const { return stream_.handle(); }
  Status Finish() { return stream_.Synchronize(); }

 private:
  static int64_t FirstRow(const Job& job) { return job.part->first_row + job.first_row; }
  static int64_t FirstElement(const Job& job) { return FirstRow(job) * job.laid->packed.k; }
  static MatrixRange RangeOf(const Job& job) {
    return WholeRows(*job.part->tensor, job.first_row, job.rows);
  }

  cuda::Stream stream_;
  DeviceBuffer scratch_;
  std::array<PinnedBuffer, kHalves> pinned_;
  std::array<cuda::Event, kHalves> copied_;
  int half_ = 0;
  WeightCodes codes_;
};

CudaWeightLoader::CudaWeightLoader(const WeightReader& reader,
                                   const std::optional<WeightRecipe>& quantize)
    : reader_(reader), quantize_(quantize) {
  const Checkpoint& checkpoint = reader.checkpoint();
  if (checkpoint.engine) {
    const EngineRank& rank = checkpoint.engine->ranks.front();
    tensors_ = rank.weights.tensors;
    bytes_ = rank.weights.bytes;
    return;
  }
  layout_ = LayOutForGpu(reader, quantize);
  bytes_ = layout_.bytes;
  for (const LaidTensor& laid : layout_.tensors) tensors_.push_back(laid.packed);
}

Status CudaWeightLoader::CheckShapes() const {
  const Checkpoint& checkpoint = reader_.checkpoint();
  if (checkpoint.engine) {
    return CheckPacked(checkpoint.engine->ranks.front().weights, checkpoint.config);
  }
  return CheckGpuShapes(layout_);
}

std::vector<CudaWeightLoader::Job> CudaWeightLoader::Jobs() const {
  std::vector<Job> jobs;
  int64_t part_index = 0;
  for (const LaidTensor& laid : layout_.tensors) {
    if (laid.packed.k == 0) continue;
    const auto step = static_cast<int32_t>(PieceBytes(laid.packed.k) / (2 * laid.packed.k));
    for (const LaidPart& part : laid.parts) {
      const auto rows = static_cast<int32_t>(part.range.rows);
      for (int32_t row = 0; row < rows; row += step) {
        jobs.push_back({&laid, &part, part_index, row, std::min(step, rows - row)});
      }
      ++part_index;
    }
  }
  return jobs;
}

Status CudaWeightLoader::LoadMatrices(int ordinal, std::byte* memory, ThreadPool& pool) const {
  const std::vector<Job> jobs = Jobs();
  int64_t piece_bytes = kPieceBytes;
  for (const PackedTensor& packed : tensors_) {
    piece_bytes = std::max(piece_bytes, PieceBytes(packed.k));
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
          if (job.laid->codes) {
            QED_RETURN_IF_ERROR(workers[i].BringCodes(reader_, job, memory));
            continue;
          }
          const bool quantized = job.laid->packed.format != WeightFormat::kBF16;
          if (measure && !quantized) continue;
          QED_ASSIGN_OR_RETURN(const BFloat16* rows, workers[i].BringRows(reader_, job, memory));
          float* part_largest = per_tensor ? largest.As<float>() + job.part_index : nullptr;
          if (measure) {
            cuda::AddLargestMagnitude(rows, int64_t{job.rows} * job.laid->packed.k, part_largest,
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
  for (const LaidTensor& laid : layout_.tensors) {
    const PackedTensor& packed = laid.packed;
    std::byte* to = memory + packed.offset;
    if (packed.input_scale > 0) {
      cuda::CopyToDevice(to + packed.input_scale_at, &packed.input_scale, sizeof(float),
                         stream.handle());
    }
    if (packed.k > 0) continue;
    values.clear();
    for (const LaidPart& part : laid.parts) {
      const size_t first = values.size();
      values.resize(first + static_cast<size_t>(part.range.rows));
      reader_.ReadVector(*part.tensor, std::span(values).subspan(first));
    }
    // Small and not pinned: the copy has left `values` when the call returns.
    cuda::CopyToDevice(to, values.data(), values.size() * sizeof(float), stream.handle());
  }
  return stream.Synchronize();
}

Status CudaWeightLoader::LoadPacked(int ordinal, std::byte* memory, ThreadPool& pool) const {
  const Checkpoint& checkpoint = reader_.checkpoint();
  QED_ASSIGN_OR_RETURN(const RankFile file,
                       RankFile::Open(checkpoint.path, checkpoint.engine->ranks.front()));
  std::vector<Worker> workers;
  for (int i = 0; i < pool.size(); ++i) {
    QED_ASSIGN_OR_RETURN(Worker worker, Worker::Create(kEnginePieceBytes));
    workers.push_back(std::move(worker));
  }
  std::vector<Status> statuses(workers.size());
  std::atomic<int64_t> next = 0;
  pool.ParallelFor(static_cast<int64_t>(workers.size()), [&](int64_t i) {
    cuda::UseDevice(ordinal);
    Status& status = statuses[i];
    for (int64_t piece = next++; piece < file.num_pieces() && status.ok(); piece = next++) {
      status = workers[i].BringPiece(file, piece, memory);
    }
    const Status finished = workers[i].Finish();
    if (status.ok()) status = finished;
  });
  for (const Status& status : statuses) QED_RETURN_IF_ERROR(status);
  return OkStatus();
}

CudaWeights CudaWeightLoader::Views(DeviceBuffer memory) const {
  const ModelConfig& config = reader_.checkpoint().config;
  CudaWeights weights;
  weights.layers.resize(static_cast<size_t>(config.num_layers));
  for (const PackedTensor& packed : tensors_) {
    const std::byte* data = memory.data() + packed.offset;
    const TensorRole role = packed.roles.front();
    CudaLayerWeights* layer = packed.layer == kNoLayer ? nullptr : &weights.layers[packed.layer];
    if (packed.k == 0) {
      const float** to = layer != nullptr ? VectorOf(role, *layer) : &weights.final_norm;
      *to = reinterpret_cast<const float*>(data);
      continue;
    }
    DeviceWeight* to = layer != nullptr                 ? MatrixOf(role, *layer)
                       : role == TensorRole::kEmbedding ? &weights.embedding
                                                        : &weights.head;
    *to = View(packed, data);
  }
  if (config.tied_embeddings) weights.head = weights.embedding;
  weights.memory = std::move(memory);
  return weights;
}

Result<CudaWeights> CudaWeightLoader::Load(int ordinal, ThreadPool& pool) {
  QED_ASSIGN_OR_RETURN(DeviceBuffer memory, DeviceBuffer::Allocate(static_cast<size_t>(bytes_)));
  if (reader_.checkpoint().engine) {
    QED_RETURN_IF_ERROR(LoadPacked(ordinal, memory.data(), pool));
  } else {
    QED_RETURN_IF_ERROR(LoadMatrices(ordinal, memory.data(), pool));
    QED_RETURN_IF_ERROR(LoadVectors(memory.data()));
  }
  return Views(std::move(memory));
}

}  // namespace qed

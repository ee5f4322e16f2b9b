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
#include "cuda/copy_rows.h"
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

int64_t PieceBytes(int64_t columns) { return std::max(kPieceBytes, 2 * columns); }

// Whether a range leaves out columns.
bool LeavesOut(const MatrixRange& range, const CheckpointTensor& tensor) {
  return range.columns < tensor.shape[1];
}

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
  // `cuts`: codes of whole rows will be cut.
  static Result<Worker> Create(int64_t piece_bytes, bool cuts = false) {
    Worker worker;
    QED_ASSIGN_OR_RETURN(worker.stream_, cuda::Stream::Create());
    QED_ASSIGN_OR_RETURN(worker.scratch_, DeviceBuffer::Allocate(piece_bytes));
    if (cuts) {
      QED_ASSIGN_OR_RETURN(worker.whole_codes_, DeviceBuffer::Allocate(piece_bytes / 2));
    }
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
    reader.ReadCodes(*job.tensor, job.range, codes_);
    const size_t bytes = codes_.rows.bytes.size();
    const size_t scale_bytes = codes_.scales.size() * sizeof(float);
    auto* pinned = pinned_[half_].As<std::byte>();
    std::memcpy(pinned, codes_.rows.bytes.data(), bytes);
    std::memcpy(pinned + bytes, codes_.scales.data(), scale_bytes);
    std::byte* data = memory + packed.offset;
    cuda::CopyToDevice(data + FirstElement(job), pinned, bytes, stream_.handle());
    cuda::CopyToDevice(data + packed.scales_at + job.row * sizeof(float), pinned + bytes,
                       scale_bytes, stream_.handle());
    copied_[half_].Record(stream_.handle());
    return OkStatus();
  }

  // Puts the job's values, in 16 bits, where they belong.
  Status BringValues(const WeightReader& reader, const Job& job, std::byte* memory) {
    auto* to = reinterpret_cast<BFloat16*>(memory + job.laid->packed.offset) + FirstElement(job);
    const bool made = job.tensor->random && reader.DeltaFor(*job.tensor) == nullptr;
    if (!made || !LeavesOut(job.range, *job.tensor)) return Bring(reader, job, job.range, to);
    QED_ASSIGN_OR_RETURN(const BFloat16* rows, BringWholeRows(reader, job));
    CutColumns(job, rows, sizeof(BFloat16), to);
    return OkStatus();
  }

  // Brings the job's rows, in 16 bits and with all their columns, into the scratch, where they
  // are to be quantized: a scale is that of the whole row.
  Result<const BFloat16*> BringWholeRows(const WeightReader& reader, const Job& job) {
    auto* to = scratch_.As<BFloat16>();
    QED_RETURN_IF_ERROR(Bring(reader, job, WholeRowsOf(job), to));
    return to;
  }

  void Quantize(const Job& job, const BFloat16* rows, const float* largest, std::byte* memory) {
    const PackedTensor& packed = job.laid->packed;
    std::byte* data = memory + packed.offset;
    auto* scales = reinterpret_cast<float*>(data + packed.scales_at) + job.row;
    const bool cut = LeavesOut(job.range, *job.tensor);
    std::byte* const codes = cut ? whole_codes_.data() : data + FirstElement(job);
    cuda::QuantizeWeightRows(packed.format, static_cast<int32_t>(job.range.rows),
                             static_cast<int32_t>(job.tensor->shape[1]), rows, largest, codes,
                             scales, stream_.handle());
    if (cut) CutColumns(job, codes, 1, data + FirstElement(job));
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
  static int64_t FirstElement(const Job& job) { return job.row * job.laid->packed.k; }
  static MatrixRange WholeRowsOf(const Job& job) {
    return WholeRows(*job.tensor, job.range.first_row, job.range.rows);
  }

  // Of values that are made rather than read: whole rows alone.
  Status Bring(const WeightReader& reader, const Job& job, const MatrixRange& range, BFloat16* to) {
    const CheckpointTensor& tensor = *job.tensor;
    const int64_t count = range.rows * range.columns;
    if (tensor.random && reader.DeltaFor(tensor) == nullptr) {
      cuda::FillRandom(*tensor.random, range.first_row * range.columns, count, to,
                       stream_.handle());
      return OkStatus();
    }
    half_ = (half_ + 1) % kHalves;
    QED_RETURN_IF_ERROR(copied_[half_].Synchronize());
    ReadBf16Rows(reader, tensor, range, pinned_[half_].As<uint16_t>());
    cuda::CopyToDevice(to, pinned_[half_].data(), count * sizeof(BFloat16), stream_.handle());
    copied_[half_].Record(stream_.handle());
    return OkStatus();
  }

  // The job's columns of whole rows.
  void CutColumns(const Job& job, const void* rows, size_t value_bytes, void* to) {
    const auto whole = static_cast<size_t>(job.tensor->shape[1]) * value_bytes;
    const auto part = static_cast<size_t>(job.range.columns) * value_bytes;
    const auto first = static_cast<size_t>(job.range.first_column) * value_bytes;
    cuda::CopyRowsOnDevice(to, part, static_cast<const std::byte*>(rows) + first, whole, part,
                           static_cast<size_t>(job.range.rows), stream_.handle());
  }

  cuda::Stream stream_;
  DeviceBuffer scratch_, whole_codes_;
  std::array<PinnedBuffer, kHalves> pinned_;
  std::array<cuda::Event, kHalves> copied_;
  int half_ = 0;
  WeightCodes codes_;
};

CudaWeightLoader::CudaWeightLoader(const WeightReader& reader,
                                   const std::optional<WeightRecipe>& quantize, RankShard place)
    : reader_(reader), quantize_(quantize), place_(place) {
  if (reader.checkpoint().engine) {
    tensors_ = OwnRank().weights.tensors;
    bytes_ = OwnRank().weights.bytes;
    return;
  }
  layout_ = LayOutForGpu(reader, quantize, place);
  bytes_ = layout_.bytes;
  for (const LaidTensor& laid : layout_.tensors) tensors_.push_back(laid.packed);
}

const EngineRank& CudaWeightLoader::OwnRank() const {
  return reader_.checkpoint().engine->ranks[static_cast<size_t>(place_.rank)];
}

Status CudaWeightLoader::CheckShapes() const {
  const Checkpoint& checkpoint = reader_.checkpoint();
  if (checkpoint.engine) return CheckPacked(OwnRank().weights, checkpoint.config, place_);
  return CheckGpuShapes(layout_);
}

std::vector<CudaWeightLoader::Job> CudaWeightLoader::Jobs(bool of_whole_tensors) const {
  std::vector<Job> jobs;
  int64_t part_index = 0;
  for (const LaidTensor& laid : layout_.tensors) {
    if (laid.packed.k == 0) continue;
    for (const LaidPart& part : laid.parts) {
      const CheckpointTensor& tensor = *part.tensor;
      const int64_t step = PieceBytes(tensor.shape[1]) / (2 * tensor.shape[1]);
      const MatrixRange all = of_whole_tensors ? WholeRows(tensor, 0, tensor.shape[0]) : part.range;
      for (int64_t row = 0; row < all.rows; row += step) {
        MatrixRange range = all;
        range.first_row += row;
        range.rows = std::min(step, all.rows - row);
        jobs.push_back({&laid, &tensor, part_index, range, part.first_row + row});
      }
      ++part_index;
    }
  }
  return jobs;
}

Status CudaWeightLoader::LoadMatrices(int ordinal, std::byte* memory, ThreadPool& pool) const {
  const std::vector<Job> jobs = Jobs(/*of_whole_tensors=*/false);
  int64_t piece_bytes = kPieceBytes;
  for (const Job& job : jobs) {
    piece_bytes = std::max(piece_bytes, PieceBytes(job.tensor->shape[1]));
  }
  const size_t largest_bytes = (jobs.back().part_index + 1) * sizeof(float);
  QED_ASSIGN_OR_RETURN(const DeviceBuffer largest, DeviceBuffer::Allocate(largest_bytes));
  std::vector<Worker> workers;
  for (int i = 0; i < pool.size(); ++i) {
    QED_ASSIGN_OR_RETURN(Worker worker, Worker::Create(piece_bytes, IsCut()));
    workers.push_back(std::move(worker));
  }
  cuda::Fill(largest.data(), 0, largest_bytes, workers[0].stream());
  QED_RETURN_IF_ERROR(workers[0].Finish());

  const bool per_tensor = quantize_ && quantize_->scales == ScaleGranularity::kTensor;
  std::vector<Status> statuses(workers.size());
  // One pass over jobs; with `measure` only for the largest magnitudes, of whole tensors.
  const auto run = [&](const std::vector<Job>& taken, bool measure) -> Status {
    std::atomic<size_t> next = 0;
    pool.ParallelFor(static_cast<int64_t>(workers.size()), [&](int64_t i) {
      cuda::UseDevice(ordinal);
      const auto work = [&]() -> Status {
        for (size_t j = next++; j < taken.size(); j = next++) {
          const Job& job = taken[j];
          if (job.laid->codes) {
            QED_RETURN_IF_ERROR(workers[i].BringCodes(reader_, job, memory));
            continue;
          }
          const bool quantized = job.laid->packed.format != WeightFormat::kBF16;
          if (!quantized) {
            if (!measure) QED_RETURN_IF_ERROR(workers[i].BringValues(reader_, job, memory));
            continue;
          }
          QED_ASSIGN_OR_RETURN(const BFloat16* rows, workers[i].BringWholeRows(reader_, job));
          float* part_largest = per_tensor ? largest.As<float>() + job.part_index : nullptr;
          if (measure) {
            cuda::AddLargestMagnitude(rows, job.range.rows * job.range.columns, part_largest,
                                      workers[i].stream());
          } else {
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
  if (per_tensor) QED_RETURN_IF_ERROR(run(Jobs(/*of_whole_tensors=*/true), true));
  return run(jobs, false);
}

Status CudaWeightLoader::LoadVectors(std::byte* memory) const {
  QED_ASSIGN_OR_RETURN(const cuda::Stream stream, cuda::Stream::Create());
  std::vector<float> values, whole;
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
      whole.resize(static_cast<size_t>(part.tensor->shape[0]));
      reader_.ReadVector(*part.tensor, whole);
      const auto first = whole.begin() + part.range.first_row;
      values.insert(values.end(), first, first + part.range.rows);
    }
    // Small and not pinned: the copy has left `values` when the call returns.
    cuda::CopyToDevice(to, values.data(), values.size() * sizeof(float), stream.handle());
  }
  return stream.Synchronize();
}

Status CudaWeightLoader::LoadPacked(int ordinal, std::byte* memory, ThreadPool& pool) const {
  const Checkpoint& checkpoint = reader_.checkpoint();
  QED_ASSIGN_OR_RETURN(const RankFile file, RankFile::Open(checkpoint.path, OwnRank()));
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
  if (config.tied_embeddings) {
    const NetworkShard shard = ShardOf(config, place_);
    weights.head = weights.embedding;
    weights.head.n = shard.num_tokens;
    weights.head.data += int64_t{shard.first_token} * weights.head.k * int64_t{sizeof(BFloat16)};
  }
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

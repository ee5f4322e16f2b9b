// The network's weights on a GPU: matrices as kernels/cuda/linear.h reads them and
// f32 vectors, in one block of device memory.
#ifndef QED_MODEL_CUDA_WEIGHTS_H_
#define QED_MODEL_CUDA_WEIGHTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/engine_folder.h"
#include "cuda/buffer.h"
#include "kernels/cuda/linear.h"
#include "model/network_shard.h"
#include "model/weight_layout.h"
#include "model/weight_reader.h"
#include "tensor/weight_recipe.h"

namespace qed {

// One decoder layer. Biases and head norms are null where the network has none.
struct CudaLayerWeights {
  const float* attention_norm = nullptr;  // [E]
  cuda::DeviceWeight qkv;                 // [(H + 2 KVH) D, E]
  const float* qkv_bias = nullptr;        // [(H + 2 KVH) D]
  const float* q_norm = nullptr;          // [D]
  const float* k_norm = nullptr;          // [D]
  cuda::DeviceWeight o;                   // [E, H D]
  const float* o_bias = nullptr;          // [E]
  const float* ffn_norm = nullptr;        // [E]
  cuda::DeviceWeight gate_up;             // [2 F, E]
  cuda::DeviceWeight down;                // [E, F]
};

struct CudaWeights {
  std::vector<CudaLayerWeights> layers;  // [L]
  cuda::DeviceWeight embedding;          // [V, E], bfloat16
  const float* final_norm = nullptr;     // [E]
  // [V, E], bfloat16; the embedding where they are tied. Of several ranks: their own rows.
  cuda::DeviceWeight head;
  cuda::DeviceBuffer memory;  // all of the above
};

// Brings the weights to the GPU: of a checkpoint as LayOutForGpu plans it, or of an engine
// folder as they lie in its file. Two steps, so that what does not fit is known before
// anything is read.
class CudaWeightLoader {
 public:
  // `reader` must outlive the loader. Of an engine: REQUIRES that it is for a GPU and for
  // place.ranks ranks. Of a checkpoint: CheckShards(place.ranks) is OK.
  CudaWeightLoader(const WeightReader& reader, const std::optional<WeightRecipe>& quantize,
                   RankShard place = {});

  // kUnsupported where a linear's sides are not what the matrix units and the
  // 16-byte loads of the kernels want; kCorrupt where an engine's manifest does not fit.
  Status CheckShapes() const;
  // Device memory of the weights. While Load runs it takes 8 MiB more for each
  // thread, before the KV pages are there.
  int64_t bytes() const { return bytes_; }

  // Reads on all threads of the pool, each through pinned memory of its own, so
  // that reading, converting and copying go side by side. The calling thread's GPU
  // is `ordinal`. kResourceExhausted where memory cannot be had; kCorrupt where an engine's
  // file is not what was written.
  Result<CudaWeights> Load(int ordinal, ThreadPool& pool);

 private:
  // Some rows of a part: what one thread takes at a time.
  struct Job {
    const LaidTensor* laid;
    const CheckpointTensor* tensor;
    int64_t part_index;  // among all parts of all matrices
    MatrixRange range;   // of the tensor
    int64_t row;         // of the packed tensor
  };
  class Worker;

  // Of the parts, or of the whole tensors that they are parts of.
  std::vector<Job> Jobs(bool of_whole_tensors) const;
  bool IsCut() const { return place_.ranks > 1; }
  const EngineRank& OwnRank() const;
  Status LoadMatrices(int ordinal, std::byte* memory, ThreadPool& pool) const;
  Status LoadVectors(std::byte* memory) const;
  Status LoadPacked(int ordinal, std::byte* memory, ThreadPool& pool) const;
  CudaWeights Views(cuda::DeviceBuffer memory) const;

  const WeightReader& reader_;
  const std::optional<WeightRecipe> quantize_;
  const RankShard place_;
  WeightLayout layout_;                // of a checkpoint
  std::vector<PackedTensor> tensors_;  // where everything lies
  int64_t bytes_ = 0;
};

}  // namespace qed

#endif  // QED_MODEL_CUDA_WEIGHTS_H_

// The network's weights as the kernels want them: packed matrices and f32
// vectors in one block of memory.
#ifndef QED_MODEL_WEIGHTS_H_
#define QED_MODEL_WEIGHTS_H_

#include <optional>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "config/engine_config.h"
#include "kernels/linear.h"
#include "model/weight_layout.h"
#include "model/weight_reader.h"
#include "tensor/aligned_buffer.h"
#include "tensor/weight_recipe.h"

namespace qed {

// One decoder layer. Biases and head norms are null where the network has none.
struct LayerWeights {
  const float* attention_norm = nullptr;  // [E]
  PackedWeight q, k, v;                   // [H*D, E], [KVH*D, E], [KVH*D, E]
  const float* q_bias = nullptr;          // [H*D]
  const float* k_bias = nullptr;          // [KVH*D]
  const float* v_bias = nullptr;          // [KVH*D]
  const float* q_norm = nullptr;          // [D]
  const float* k_norm = nullptr;          // [D]
  PackedWeight o;                         // [E, H*D]
  const float* o_bias = nullptr;          // [E]
  const float* ffn_norm = nullptr;        // [E]
  PackedWeight gate, up, down;            // [F, E], [F, E], [E, F]
};

// The layer's matrix of a role; null where a role is no linear.
PackedWeight* MatrixOf(TensorRole role, LayerWeights& layer);
const PackedWeight* MatrixOf(TensorRole role, const LayerWeights& layer);

struct ModelWeights {
  std::vector<LayerWeights> layers;   // [L]
  PackedWeight embedding;             // [V, E]
  const float* final_norm = nullptr;  // [E]
  PackedWeight head;                  // [V, E]; the embedding where they are tied
  AlignedBuffer memory;               // all of the above
  // |new - stored| / |stored| over all linears that were turned to Q8_0.
  double conversion_error = 0;
};

// Turns tensors of a layout for a CPU into their packed form. Rows that GGUF stores in its own
// RoPE order are put back into HF's; an adapter is merged in f32.
class CpuWeightPacker {
 public:
  // `reader` must outlive the packer; `quantize` as the layout was made with.
  CpuWeightPacker(const WeightReader& reader, const std::optional<WeightRecipe>& quantize)
      : reader_(reader), quantize_(quantize) {}

  // Writes the tensor to `dst` (packed.bytes long, zeroed), row ranges on the pool's threads.
  // The same bytes whatever the threads.
  void Pack(const LaidTensor& laid, std::byte* dst, ThreadPool& pool);

  // |new - stored| / |stored| over all linears that Pack turned to Q8_0.
  double ConversionError() const;

 private:
  struct Job;
  void PackRows(const LaidTensor& laid, std::optional<float> largest, Job& job,
                std::byte* dst) const;
  void PackQuantizedColumns(const LaidTensor& laid, const MatrixRange& range, int32_t row,
                            std::byte* dst) const;
  void MeasureConversion(const CheckpointTensor& tensor, const MatrixRange& range, Job& job) const;

  const WeightReader& reader_;
  const std::optional<WeightRecipe> quantize_;
  double stored_squares_ = 0;
  double error_squares_ = 0;
};

// Packs every tensor, or the rank's part of it, as LayOutForCpu plans it. REQUIRES: the
// checkpoint's tensors are complete and have the right shapes, as OpenCheckpoint promises;
// CheckShards(shard.ranks) is OK.
Result<ModelWeights> PackWeights(const Checkpoint& checkpoint, const Adapter* adapter,
                                 ComputeMode compute, const std::optional<WeightRecipe>& quantize,
                                 RankShard shard, ThreadPool& pool);

// Reads a rank's weights of an engine folder for a CPU, each byte once. REQUIRES:
// checkpoint.engine is there, for a CPU and that many ranks. kCorrupt where the file is not what
// was written.
Result<ModelWeights> ReadPackedWeights(const Checkpoint& checkpoint, RankShard shard,
                                       ThreadPool& pool);

}  // namespace qed

#endif  // QED_MODEL_WEIGHTS_H_

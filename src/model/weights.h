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

struct ModelWeights {
  std::vector<LayerWeights> layers;   // [L]
  PackedWeight embedding;             // [V, E]
  const float* final_norm = nullptr;  // [E]
  PackedWeight head;                  // [V, E]; the embedding where they are tied
  AlignedBuffer memory;               // all of the above
  // |new - stored| / |stored| over all linears that were turned to Q8_0.
  double conversion_error = 0;
};

// Packs every tensor on the pool, row ranges in parallel. Rows that GGUF stores
// in its own RoPE order are put back into HF's. `adapter`, if given, is merged
// in f32; merged weights become Q8_0 (kF32 under ComputeMode::kF32). The layers'
// linears become what `quantize` says, if it does; codes of a file
// keep their scales if it does not, and are turned to f32 under ComputeMode::kF32, whatever their
// type in the file was. REQUIRES: the checkpoint's tensors are complete and have the right shapes,
// as OpenCheckpoint promises.
Result<ModelWeights> PackWeights(const Checkpoint& checkpoint, const Adapter* adapter,
                                 ComputeMode compute, const std::optional<WeightRecipe>& quantize,
                                 ThreadPool& pool);

}  // namespace qed

#endif  // QED_MODEL_WEIGHTS_H_

// Plans how a checkpoint's weights lie in a device's memory, whole or as one rank's part:
// which tensors, in which format, where. Reads no values.
#ifndef QED_MODEL_WEIGHT_LAYOUT_H_
#define QED_MODEL_WEIGHT_LAYOUT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"
#include "checkpoint/packed_weights.h"
#include "config/engine_config.h"
#include "model/network_shard.h"
#include "model/weight_reader.h"
#include "tensor/weight_recipe.h"

namespace qed {

// A part of a packed tensor: rows from `first_row` on are `range` of a checkpoint's tensor
// (of a vector: one column).
struct LaidPart {
  const CheckpointTensor* tensor = nullptr;
  MatrixRange range;
  int32_t first_row = 0;
};

struct LaidTensor {
  PackedTensor packed;
  std::vector<LaidPart> parts;
  bool codes = false;  // the file's codes and scales stay as they are
};

struct WeightLayout {
  PackedFor device = PackedFor::kCpu;
  std::vector<LaidTensor> tensors;
  int64_t bytes = 0;
};

// Whether the network can be split so: heads, inner size and codes in blocks must fall into
// equal parts, or each key-value head be that of as many ranks. kInvalidArgument, with what does
// not and the numbers that would do.
Status CheckShards(const Checkpoint& checkpoint, int32_t ranks);

// On a CPU every tensor keeps the format that is nearest to the file's; merged
// weights become Q8_0 (kF32 under ComputeMode::kF32). The layers' linears become what
// `quantize` says, if it does; codes of a file keep their scales if it does not, and are
// turned to f32 under ComputeMode::kF32, whatever their type in the file was.
// REQUIRES: CheckShards(shard.ranks) is OK.
WeightLayout LayOutForCpu(const WeightReader& reader, ComputeMode compute,
                          const std::optional<WeightRecipe>& quantize, RankShard shard = {});

// On a GPU linears become what `quantize` says. Without it, codes of a file with a scale a
// tensor or a row stay as they are, where q, k and v, or gate and up, have the same; every other
// type, and codes in blocks, become bfloat16. Layers may differ. REQUIRES: CheckShards(shard.ranks)
// is OK.
WeightLayout LayOutForGpu(const WeightReader& reader, const std::optional<WeightRecipe>& quantize,
                          RankShard shard = {});

// kUnsupported where a linear's sides are not what a GPU's matrix units and the 16-byte
// loads of its kernels want. REQUIRES: a layout for a GPU.
Status CheckGpuShapes(const WeightLayout& layout);

// Whether what a manifest says of tensors is what this part of the network, and the kernels,
// want: sides, formats, bytes. kCorrupt, with the tensor's name.
Status CheckPacked(const PackedWeights& weights, const ModelConfig& config, RankShard shard = {});

}  // namespace qed

#endif  // QED_MODEL_WEIGHT_LAYOUT_H_

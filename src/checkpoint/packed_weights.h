// Weights as a device reads them, in one block of bytes: where each tensor lies. What an
// engine folder's files hold (checkpoint/engine_folder.h) and what loaders lay out in memory.
#ifndef QED_CHECKPOINT_PACKED_WEIGHTS_H_
#define QED_CHECKPOINT_PACKED_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "checkpoint/network_tensors.h"
#include "tensor/weight_recipe.h"

namespace qed {

enum class PackedFor : uint8_t { kCpu, kCuda };

// Where tensors begin: on a CPU for 512-bit loads, on a GPU for its products.
constexpr int64_t PackedAlignment(PackedFor device) { return device == PackedFor::kCpu ? 64 : 256; }

// A matrix or a vector of f32. On a CPU (kernels/weight_layout.h) one tensor in panels,
// scales inside them. On a GPU (kernels/cuda/linear.h) what one product reads, q over k over v
// and gate over up, row by row; after it, where the values are codes, a scale a row, and the
// scale of the activations where it is constant.
struct PackedTensor {
  int32_t layer = kNoLayer;
  std::vector<TensorRole> roles;
  WeightFormat format = WeightFormat::kF32;
  int32_t n = 0;              // rows: outputs; of a vector: numbers
  int32_t k = 0;              // columns: inputs; 0: a vector
  int32_t scale_columns = 0;  // on a CPU, of codes in blocks: columns that share a scale
  float input_scale = 0;      // of FP8: the scale of all activations; 0: found while computing
  int64_t offset = 0;
  int64_t bytes = 0;           // all of it
  int64_t scales_at = 0;       // on a GPU, of codes: where the scales lie, from `offset`
  int64_t input_scale_at = 0;  // on a GPU, where input_scale is above 0: the same
};

struct PackedWeights {
  PackedFor device = PackedFor::kCpu;
  std::vector<PackedTensor> tensors;  // by offset, which do not overlap
  int64_t bytes = 0;
};

}  // namespace qed

#endif  // QED_CHECKPOINT_PACKED_WEIGHTS_H_

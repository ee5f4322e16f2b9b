// Turns tensors of a layout for a GPU into their packed form, without a GPU: what the loader
// (model/cuda_weights.h) makes of them on one, bit for bit.
#ifndef QED_MODEL_GPU_WEIGHT_PACKER_H_
#define QED_MODEL_GPU_WEIGHT_PACKER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/thread_pool.h"
#include "model/weight_layout.h"
#include "model/weight_reader.h"
#include "tensor/weight_recipe.h"

namespace qed {

// Rows of a part in bfloat16 [rows, columns], as they are stored or rounded.
void ReadBf16Rows(const WeightReader& reader, const CheckpointTensor& tensor,
                  const MatrixRange& range, uint16_t* out);

class GpuWeightPacker {
 public:
  // `reader` must outlive the packer; `quantize` as the layout was made with.
  GpuWeightPacker(const WeightReader& reader, const std::optional<WeightRecipe>& quantize)
      : reader_(reader), quantize_(quantize) {}

  // Writes the tensor to `dst` (packed.bytes long, zeroed), rows on the pool's threads.
  // The same bytes whatever the threads.
  void Pack(const LaidTensor& laid, std::byte* dst, ThreadPool& pool) const;

 private:
  void PackRows(const LaidTensor& laid, const LaidPart& part, int64_t first, int64_t rows,
                std::optional<float> largest, std::byte* dst) const;
  void QuantizeRows(const LaidTensor& laid, const LaidPart& part, const MatrixRange& range,
                    std::optional<float> largest, std::byte* codes, float* scales) const;

  const WeightReader& reader_;
  const std::optional<WeightRecipe> quantize_;
};

}  // namespace qed

#endif  // QED_MODEL_GPU_WEIGHT_PACKER_H_

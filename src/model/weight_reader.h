// A checkpoint's tensors as numbers, whatever way they are there: in a file's type
// and row order, made at random, with an adapter to be merged.
#ifndef QED_MODEL_WEIGHT_READER_H_
#define QED_MODEL_WEIGHT_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "tensor/dtype.h"

namespace qed {

// Some rows of a matrix, contiguous, in HF's order. `bytes` may lie in the file or
// in the memory here; either way it lasts as long as both.
struct WeightRows {
  DType dtype = DType::kF32;
  std::span<const std::byte> bytes;
  std::vector<std::byte> reordered;
  std::vector<float> values;
};

// Const methods may be called by several threads.
class WeightReader {
 public:
  // Both must outlive the reader; `adapter` may be null.
  WeightReader(const Checkpoint& checkpoint, const Adapter* adapter)
      : checkpoint_(checkpoint), adapter_(adapter) {}

  const Checkpoint& checkpoint() const { return checkpoint_; }
  // REQUIRES: there is such a tensor, as OpenCheckpoint promises for all that the
  // network needs.
  const CheckpointTensor& Tensor(int32_t layer, TensorRole role) const;
  // Null where nothing is merged into the tensor.
  const LoraDelta* DeltaFor(const CheckpointTensor& tensor) const;

  // Rows [first_row, first_row + rows) of a matrix: as they are stored where they
  // are to stay as they are, in f32 where they are merged or made.
  void ReadRows(const CheckpointTensor& tensor, int64_t first_row, int64_t rows,
                WeightRows& out) const;
  // The same rows in f32, `values` long.
  void ReadFloats(const CheckpointTensor& tensor, int64_t first_row, std::span<float> values) const;
  // A tensor of one dimension, whole.
  void ReadVector(const CheckpointTensor& tensor, std::span<float> values) const;

 private:
  int64_t FileRow(const CheckpointTensor& tensor, int64_t hf_row) const;
  void ReadFileRows(const CheckpointTensor& tensor, int64_t first_row, int64_t rows,
                    WeightRows& out) const;

  const Checkpoint& checkpoint_;
  const Adapter* adapter_;
};

}  // namespace qed

#endif  // QED_MODEL_WEIGHT_READER_H_

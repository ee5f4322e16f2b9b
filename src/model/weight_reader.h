// A checkpoint's tensors as numbers, whatever way they are there: in a file's type
// and row order, as codes with scales, made at random, with an adapter to be merged.
#ifndef QED_MODEL_WEIGHT_READER_H_
#define QED_MODEL_WEIGHT_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "tensor/dtype.h"
#include "tensor/weight_recipe.h"

namespace qed {

// A part of a matrix. Columns begin and end between blocks of the tensor's type, and
// between blocks that share a scale.
struct MatrixRange {
  int64_t first_row = 0;
  int64_t rows = 0;
  int64_t first_column = 0;
  int64_t columns = 0;
};

// Rows [first_row, first_row + rows) with all their columns.
MatrixRange WholeRows(const CheckpointTensor& tensor, int64_t first_row, int64_t rows);

// A range of a matrix, contiguous, in HF's order. `bytes` may lie in the file or in
// the memory here; either way it lasts as long as both.
struct WeightRows {
  DType dtype = DType::kF32;
  std::span<const std::byte> bytes;
  std::vector<std::byte> gathered;
  std::vector<float> values;
};

// Codes of a range and the scales that go with them, spread so that every row has
// its own: value [r, c] = code * scales[r * groups + c / group_columns].
struct WeightCodes {
  WeightRecipe recipe;
  WeightRows rows;            // of kF8E4M3 or kI8
  int64_t group_columns = 0;  // all of the range's, but for blocks
  int64_t groups = 0;
  std::vector<float> scales;  // [rows, groups]
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
  // Whether ReadCodes can be called: the file has codes and nothing is merged into them.
  bool HasCodes(const CheckpointTensor& tensor) const;

  // As the values are stored where they can stay so, in f32 where they are merged,
  // made, or codes.
  void ReadRows(const CheckpointTensor& tensor, const MatrixRange& range, WeightRows& out) const;
  // REQUIRES: HasCodes(tensor).
  void ReadCodes(const CheckpointTensor& tensor, const MatrixRange& range, WeightCodes& out) const;
  // In f32: `values` is rows * columns long.
  void ReadFloats(const CheckpointTensor& tensor, const MatrixRange& range,
                  std::span<float> values) const;
  // A tensor of one dimension, whole.
  void ReadVector(const CheckpointTensor& tensor, std::span<float> values) const;

 private:
  int64_t FileRow(const CheckpointTensor& tensor, int64_t hf_row) const;
  void ReadStored(const CheckpointTensor& tensor, const MatrixRange& range, WeightRows& out) const;

  const Checkpoint& checkpoint_;
  const Adapter* adapter_;
};

// Of all values of a matrix, whatever part of it somebody packs; NaN if one is NaN. Reads
// it once, on the pool's threads.
float LargestMagnitude(const WeightReader& reader, const CheckpointTensor& tensor,
                       ThreadPool& pool);

}  // namespace qed

#endif  // QED_MODEL_WEIGHT_READER_H_

#include "model/weight_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "checkpoint/rope_rows.h"
#include "tensor/quant_format.h"
#include "tensor/random_fill.h"

namespace qed {
namespace {

size_t RowBytes(DType dtype, int64_t columns) {
  return static_cast<size_t>(columns / BlockValues(dtype) * BlockBytes(dtype));
}

// Values [first, first + values.size()) of a tensor that is made, not read.
void MakeValues(const RandomFill& fill, int64_t first, std::span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = RandomFillAt(fill, first + i);
}

void ToFloats(const WeightRows& rows, int64_t columns, std::span<float> values) {
  const size_t row_bytes = RowBytes(rows.dtype, columns);
  for (size_t row = 0; row < values.size() / columns; ++row) {
    DequantizeRow(rows.dtype, rows.bytes.subspan(row * row_bytes, row_bytes),
                  values.subspan(row * columns, columns));
  }
}

}  // namespace

const CheckpointTensor& WeightReader::Tensor(int32_t layer, TensorRole role) const {
  const CheckpointTensor* tensor = checkpoint_.Find(layer, role);
  QED_CHECK(tensor != nullptr) << HfTensorName(layer, role);
  return *tensor;
}

const LoraDelta* WeightReader::DeltaFor(const CheckpointTensor& tensor) const {
  if (adapter_ == nullptr) return nullptr;
  const auto it = adapter_->deltas.find(tensor.name);
  return it == adapter_->deltas.end() ? nullptr : &it->second;
}

int64_t WeightReader::FileRow(const CheckpointTensor& tensor, int64_t hf_row) const {
  if (!tensor.interleaved_rope_rows) return hf_row;
  return InterleavedRopeRow(hf_row, checkpoint_.config.head_dim);
}

void WeightReader::ReadFileRows(const CheckpointTensor& tensor, int64_t first_row, int64_t rows,
                                WeightRows& out) const {
  const size_t row_bytes = RowBytes(tensor.dtype, tensor.shape[1]);
  out.dtype = tensor.dtype;
  out.bytes = tensor.data.subspan(first_row * row_bytes, rows * row_bytes);
  if (!tensor.interleaved_rope_rows) return;
  out.reordered.resize(rows * row_bytes);
  for (int64_t r = 0; r < rows; ++r) {
    std::memcpy(out.reordered.data() + r * row_bytes,
                tensor.data.data() + FileRow(tensor, first_row + r) * row_bytes, row_bytes);
  }
  out.bytes = out.reordered;
}

void WeightReader::ReadRows(const CheckpointTensor& tensor, int64_t first_row, int64_t rows,
                            WeightRows& out) const {
  if (!tensor.random && DeltaFor(tensor) == nullptr) {
    ReadFileRows(tensor, first_row, rows, out);
    return;
  }
  out.values.resize(static_cast<size_t>(rows * tensor.shape[1]));
  ReadFloats(tensor, first_row, out.values);
  out.dtype = DType::kF32;
  out.bytes = std::as_bytes(std::span(out.values));
}

void WeightReader::ReadFloats(const CheckpointTensor& tensor, int64_t first_row,
                              std::span<float> values) const {
  const int64_t columns = tensor.shape[1];
  const int64_t rows = static_cast<int64_t>(values.size()) / columns;
  if (tensor.random) {
    MakeValues(*tensor.random, first_row * columns, values);
  } else {
    WeightRows stored;
    ReadFileRows(tensor, first_row, rows, stored);
    ToFloats(stored, columns, values);
  }
  if (const LoraDelta* delta = DeltaFor(tensor)) ApplyLora(*delta, first_row, rows, values);
}

void WeightReader::ReadVector(const CheckpointTensor& tensor, std::span<float> values) const {
  QED_CHECK_EQ(values.size(), static_cast<size_t>(tensor.shape[0]));
  if (tensor.random) return MakeValues(*tensor.random, 0, values);
  std::vector<float> stored(values.size());
  DequantizeRow(tensor.dtype, tensor.data, stored);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = stored[FileRow(tensor, static_cast<int64_t>(i))];
  }
}

}  // namespace qed

#include "model/weight_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "checkpoint/rope_rows.h"
#include "tensor/eight_bit.h"
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

void CodesToFloats(DType dtype, std::span<const std::byte> codes, std::span<float> values) {
  if (dtype == DType::kF8E4M3) return DequantizeRow(dtype, codes, values);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int8_t>(codes[i]);
}

void ToFloats(const WeightRows& rows, int64_t columns, std::span<float> values) {
  const size_t row_bytes = RowBytes(rows.dtype, columns);
  for (size_t row = 0; row < values.size() / columns; ++row) {
    DequantizeRow(rows.dtype, rows.bytes.subspan(row * row_bytes, row_bytes),
                  values.subspan(row * columns, columns));
  }
}

void ToFloats(const WeightCodes& codes, int64_t columns, std::span<float> values) {
  CodesToFloats(codes.rows.dtype, codes.rows.bytes, values);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto row = static_cast<int64_t>(i) / columns;
    const auto column = static_cast<int64_t>(i) % columns;
    values[i] *= codes.scales[row * codes.groups + column / codes.group_columns];
  }
}

bool IsWide(const CheckpointTensor& tensor, const MatrixRange& range) {
  return range.first_column == 0 && range.columns == tensor.shape[1];
}

}  // namespace

MatrixRange WholeRows(const CheckpointTensor& tensor, int64_t first_row, int64_t rows) {
  return {first_row, rows, 0, tensor.shape[1]};
}

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

bool WeightReader::HasCodes(const CheckpointTensor& tensor) const {
  return tensor.scales.has_value() && DeltaFor(tensor) == nullptr;
}

int64_t WeightReader::FileRow(const CheckpointTensor& tensor, int64_t hf_row) const {
  if (!tensor.interleaved_rope_rows) return hf_row;
  return InterleavedRopeRow(hf_row, checkpoint_.config.head_dim);
}

// The bytes of the file, gathered where they do not lie side by side.
void WeightReader::ReadStored(const CheckpointTensor& tensor, const MatrixRange& range,
                              WeightRows& out) const {
  QED_CHECK(range.first_column % BlockValues(tensor.dtype) == 0 &&
            range.columns % BlockValues(tensor.dtype) == 0)
      << tensor.name;
  const size_t row_bytes = RowBytes(tensor.dtype, tensor.shape[1]);
  out.dtype = tensor.dtype;
  if (IsWide(tensor, range) && !tensor.interleaved_rope_rows) {
    out.bytes = tensor.data.subspan(range.first_row * row_bytes, range.rows * row_bytes);
    return;
  }
  const size_t skipped = RowBytes(tensor.dtype, range.first_column);
  const size_t taken = RowBytes(tensor.dtype, range.columns);
  out.gathered.resize(range.rows * taken);
  for (int64_t r = 0; r < range.rows; ++r) {
    std::memcpy(out.gathered.data() + r * taken,
                tensor.data.data() + FileRow(tensor, range.first_row + r) * row_bytes + skipped,
                taken);
  }
  out.bytes = out.gathered;
}

void WeightReader::ReadRows(const CheckpointTensor& tensor, const MatrixRange& range,
                            WeightRows& out) const {
  if (!tensor.random && !tensor.scales && DeltaFor(tensor) == nullptr) {
    ReadStored(tensor, range, out);
    return;
  }
  out.values.resize(static_cast<size_t>(range.rows * range.columns));
  ReadFloats(tensor, range, out.values);
  out.dtype = DType::kF32;
  out.bytes = std::as_bytes(std::span(out.values));
}

void WeightReader::ReadCodes(const CheckpointTensor& tensor, const MatrixRange& range,
                             WeightCodes& out) const {
  QED_CHECK(tensor.scales.has_value()) << tensor.name;
  const StoredScales& stored = *tensor.scales;
  ReadStored(tensor, range, out.rows);
  if (stored.offset_codes) {
    std::vector<std::byte> signed_codes(out.rows.bytes.begin(), out.rows.bytes.end());
    for (std::byte& code : signed_codes) code ^= std::byte{0x80};
    out.rows.gathered = std::move(signed_codes);
    out.rows.bytes = out.rows.gathered;
  }
  out.recipe = stored.recipe;
  const bool blocks = stored.recipe.scales == ScaleGranularity::kBlock;
  out.group_columns = blocks ? stored.recipe.block_columns : range.columns;
  QED_CHECK_EQ(range.first_column % (blocks ? out.group_columns : 1), 0);
  out.groups = (range.columns + out.group_columns - 1) / out.group_columns;
  out.scales.resize(static_cast<size_t>(range.rows * out.groups));
  const int64_t grid_columns =
      blocks ? (tensor.shape[1] + out.group_columns - 1) / out.group_columns : 1;
  for (int64_t r = 0; r < range.rows; ++r) {
    const int64_t row = FileRow(tensor, range.first_row + r);
    int64_t at = stored.recipe.scales == ScaleGranularity::kRow ? row : 0;
    if (blocks) {
      at = row / stored.recipe.block_rows * grid_columns + range.first_column / out.group_columns;
    }
    std::copy_n(stored.scales.begin() + at, out.groups, out.scales.begin() + r * out.groups);
  }
}

void WeightReader::ReadFloats(const CheckpointTensor& tensor, const MatrixRange& range,
                              std::span<float> values) const {
  QED_CHECK_EQ(values.size(), static_cast<size_t>(range.rows * range.columns));
  const LoraDelta* delta = DeltaFor(tensor);
  if (!IsWide(tensor, range) && (tensor.random || delta != nullptr)) {
    // Rare and small: whole rows, then the columns of them.
    std::vector<float> wide(static_cast<size_t>(range.rows * tensor.shape[1]));
    ReadFloats(tensor, WholeRows(tensor, range.first_row, range.rows), wide);
    for (int64_t r = 0; r < range.rows; ++r) {
      std::copy_n(wide.begin() + r * tensor.shape[1] + range.first_column, range.columns,
                  values.begin() + r * range.columns);
    }
    return;
  }
  if (tensor.random) {
    MakeValues(*tensor.random, range.first_row * range.columns, values);
  } else if (tensor.scales) {
    WeightCodes codes;
    ReadCodes(tensor, range, codes);
    ToFloats(codes, range.columns, values);
  } else {
    WeightRows stored;
    ReadStored(tensor, range, stored);
    ToFloats(stored, range.columns, values);
  }
  if (delta != nullptr) ApplyLora(*delta, range.first_row, range.rows, values);
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

float LargestMagnitude(const WeightReader& reader, const CheckpointTensor& tensor,
                       ThreadPool& pool) {
  constexpr int64_t kJobRows = 64;
  const int64_t jobs = (tensor.shape[0] + kJobRows - 1) / kJobRows;
  std::vector<float> found(static_cast<size_t>(jobs));
  pool.ParallelFor(jobs, [&](int64_t i) {
    const int64_t rows = std::min(kJobRows, tensor.shape[0] - i * kJobRows);
    std::vector<float> values(static_cast<size_t>(rows * tensor.shape[1]));
    reader.ReadFloats(tensor, WholeRows(tensor, i * kJobRows, rows), values);
    for (float value : values) found[i] = LargerMagnitude(found[i], value);
  });
  float largest = 0;
  for (float value : found) largest = LargerMagnitude(largest, value);
  return largest;
}

}  // namespace qed

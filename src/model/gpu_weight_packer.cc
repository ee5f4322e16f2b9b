#include "model/gpu_weight_packer.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

constexpr int64_t kJobRows = 64;

}  // namespace

void ReadBf16Rows(const WeightReader& reader, const CheckpointTensor& tensor,
                  const MatrixRange& range, uint16_t* out) {
  WeightRows rows;
  reader.ReadRows(tensor, range, rows);
  if (rows.dtype == DType::kBF16) {
    std::memcpy(out, rows.bytes.data(), rows.bytes.size());
    return;
  }
  const size_t row_bytes = rows.bytes.size() / static_cast<size_t>(range.rows);
  std::vector<float> row(static_cast<size_t>(range.columns));
  for (int64_t r = 0; r < range.rows; ++r) {
    DequantizeRow(rows.dtype, rows.bytes.subspan(static_cast<size_t>(r) * row_bytes, row_bytes),
                  row);
    for (float value : row) *out++ = FloatToBFloat16(value);
  }
}

void GpuWeightPacker::Pack(const LaidTensor& laid, std::byte* dst, ThreadPool& pool) const {
  const PackedTensor& packed = laid.packed;
  const bool codes = packed.scales_at > 0;
  for (const LaidPart& part : laid.parts) {
    if (packed.k == 0) {
      std::vector<float> whole(static_cast<size_t>(part.tensor->shape[0]));
      reader_.ReadVector(*part.tensor, whole);
      std::memcpy(dst + int64_t{part.first_row} * 4, whole.data() + part.range.first_row,
                  static_cast<size_t>(part.range.rows) * sizeof(float));
      continue;
    }
    std::optional<float> largest;
    if (codes && !laid.codes && quantize_->scales == ScaleGranularity::kTensor) {
      // Rounding keeps the order: what is largest before is so in bfloat16.
      largest = BFloat16ToFloat(FloatToBFloat16(LargestMagnitude(reader_, *part.tensor, pool)));
    }
    pool.ParallelFor((part.range.rows + kJobRows - 1) / kJobRows, [&](int64_t job) {
      const int64_t first = job * kJobRows;
      PackRows(laid, part, first, std::min(kJobRows, part.range.rows - first), largest, dst);
    });
  }
  if (packed.input_scale > 0) {
    std::memcpy(dst + packed.input_scale_at, &packed.input_scale, sizeof(float));
  }
}

void GpuWeightPacker::PackRows(const LaidTensor& laid, const LaidPart& part, int64_t first,
                               int64_t rows, std::optional<float> largest, std::byte* dst) const {
  const PackedTensor& packed = laid.packed;
  MatrixRange range = part.range;
  range.first_row += first;
  range.rows = rows;
  const int64_t row = part.first_row + first;
  if (packed.format == WeightFormat::kBF16) {
    ReadBf16Rows(reader_, *part.tensor, range, reinterpret_cast<uint16_t*>(dst) + row * packed.k);
    return;
  }
  std::byte* codes = dst + row * packed.k;
  auto* scales = reinterpret_cast<float*>(dst + packed.scales_at) + row;
  if (!laid.codes) return QuantizeRows(laid, part, range, largest, codes, scales);
  WeightCodes read;
  reader_.ReadCodes(*part.tensor, range, read);
  std::memcpy(codes, read.rows.bytes.data(), read.rows.bytes.size());
  std::memcpy(scales, read.scales.data(), read.scales.size() * sizeof(float));
}

// From bfloat16, as on a GPU; a scale is that of the whole row, whatever columns are packed.
void GpuWeightPacker::QuantizeRows(const LaidTensor& laid, const LaidPart& part,
                                   const MatrixRange& range, std::optional<float> largest,
                                   std::byte* codes, float* scales) const {
  const int64_t columns = part.tensor->shape[1];
  std::vector<uint16_t> wide(static_cast<size_t>(range.rows * columns));
  ReadBf16Rows(reader_, *part.tensor, WholeRows(*part.tensor, range.first_row, range.rows),
               wide.data());
  const bool fp8 = laid.packed.format == WeightFormat::kFp8;
  for (int64_t r = 0; r < range.rows; ++r) {
    const auto row =
        std::span(wide).subspan(static_cast<size_t>(r * columns), static_cast<size_t>(columns));
    float found = largest.value_or(0);
    if (!largest) {
      for (uint16_t bits : row) found = LargerMagnitude(found, BFloat16ToFloat(bits));
    }
    const EightBitScale scale = ScaleFor(found, fp8 ? kFp8Largest : kInt8Largest);
    scales[r] = scale.scale;
    for (int64_t c = 0; c < range.columns; ++c) {
      const float value =
          BFloat16ToFloat(row[static_cast<size_t>(range.first_column + c)]) * scale.inverse;
      codes[r * range.columns + c] = static_cast<std::byte>(
          fp8 ? FloatToFp8(value) : static_cast<uint8_t>(FloatToInt8(value)));
    }
  }
}

}  // namespace qed

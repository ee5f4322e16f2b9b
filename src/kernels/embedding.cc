#include "kernels/embedding.h"

#include "base/check.h"
#include "kernels/weight_layout.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

// The packed row is spread over its panel: every element is found by the
// formulas of weight_layout.h. One row a token is nothing beside the products.
const std::byte* PanelOf(const PackedWeight& w, int32_t row) {
  const size_t panel_bytes = PackedWeightBytes(w.format, kPanelRows, w.k);
  return w.data + static_cast<size_t>(row / kPanelRows) * panel_bytes;
}

void UnpackF32(const PackedWeight& w, int32_t row, float* y) {
  const auto* panel = reinterpret_cast<const float*>(PanelOf(w, row)) + row % kPanelRows;
  for (int32_t c = 0; c < w.k; ++c) y[c] = panel[int64_t{c} * kPanelRows];
}

void UnpackBF16(const PackedWeight& w, int32_t row, float* y) {
  const auto* panel = reinterpret_cast<const uint16_t*>(PanelOf(w, row)) + row % kPanelRows * 2;
  for (int32_t c = 0; c < w.k; ++c) {
    y[c] = BFloat16ToFloat(panel[int64_t{c / 2} * kPanelRows * 2 + c % 2]);
  }
}

void UnpackQ8(const PackedWeight& w, int32_t row, float* y) {
  const int r = row % kPanelRows;
  const int32_t groups = w.k / kGroupColumns;
  const auto* values = reinterpret_cast<const uint8_t*>(PanelOf(w, row));
  const auto* scales = reinterpret_cast<const uint16_t*>(values + groups * kQ8Values);
  for (int32_t b = 0; b < groups; ++b, values += kQ8Values, scales += kPanelRows) {
    const float scale = HalfToFloat(scales[r]);
    for (int c = 0; c < kGroupColumns; ++c) {
      const int q = values[(c / 4 * kPanelRows + r) * 4 + c % 4];
      *y++ = scale * static_cast<float>(q - 128);
    }
  }
}

void UnpackQ4(const PackedWeight& w, int32_t row, float* y) {
  const int r = row % kPanelRows;
  const int32_t groups = w.k / kGroupColumns;
  const bool has_minimum = w.format == WeightFormat::kQ4_1;
  const auto* values = reinterpret_cast<const uint8_t*>(PanelOf(w, row));
  const auto* scales = reinterpret_cast<const uint16_t*>(values + groups * kQ4Values);
  for (int32_t b = 0; b < groups; ++b, values += kQ4Values) {
    const float scale = HalfToFloat(scales[r]);
    const float minimum = has_minimum ? HalfToFloat(scales[kPanelRows + r]) : -8.0f * scale;
    scales += has_minimum ? 2 * kPanelRows : kPanelRows;
    for (int c = 0; c < kGroupColumns; ++c) {
      const int low = c % 16;
      const uint8_t byte = values[(low / 4 * kPanelRows + r) * 4 + low % 4];
      *y++ = scale * static_cast<float>(c < 16 ? byte & 15 : byte >> 4) + minimum;
    }
  }
}

void UnpackEightBit(const PackedWeight& w, int32_t row, float* y) {
  const int r = row % kPanelRows;
  const std::byte* panel = PanelOf(w, row);
  const float scale = reinterpret_cast<const float*>(panel)[r];
  const std::byte* codes = panel + kEightBitScales;
  for (int32_t c = 0; c < w.k; ++c) {
    const std::byte code = codes[int64_t{c} * kPanelRows + r];
    const float value = w.format == WeightFormat::kFp8 ? Fp8ToFloat(static_cast<uint8_t>(code))
                                                       : static_cast<int8_t>(code);
    y[c] = scale * value;
  }
}

}  // namespace

void EmbeddingRow(const PackedWeight& table, int32_t id, float* y) {
  QED_CHECK(id >= 0 && id < table.n) << id << " of " << table.n;
  switch (table.format) {
    case WeightFormat::kF32:
      return UnpackF32(table, id, y);
    case WeightFormat::kBF16:
      return UnpackBF16(table, id, y);
    case WeightFormat::kQ8_0:
      return UnpackQ8(table, id, y);
    case WeightFormat::kQ4_0:
    case WeightFormat::kQ4_1:
      return UnpackQ4(table, id, y);
    case WeightFormat::kFp8:
    case WeightFormat::kInt8:
      return UnpackEightBit(table, id, y);
  }
}

}  // namespace qed

// Packing of weights into the panels of kernels/weight_layout.h.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "kernels/linear.h"
#include "kernels/weight_layout.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

template <typename T>
T ReadAs(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T>
void WriteAs(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

// The functions below put one row into lane `lane` of its panel: as it lies in a
// file of their format, or as floats.

void PackF32Row(int32_t k, const std::byte* row, int lane, std::byte* panel) {
  for (int64_t c = 0; c < k; ++c) {
    WriteAs(panel + (c * kPanelRows + lane) * 4, ReadAs<float>(row + c * 4));
  }
}

void PackBF16Row(int32_t k, const std::byte* row, int lane, std::byte* panel) {
  for (int64_t c = 0; c < k; ++c) {
    const int64_t element = ((c / 2) * kPanelRows + lane) * 2 + c % 2;
    WriteAs(panel + element * 2, ReadAs<uint16_t>(row + c * 2));
  }
}

void PackQ8Row(int32_t k, const std::byte* row, int lane, std::byte* panel) {
  const int64_t blocks = k / kGroupColumns;
  std::byte* scales = panel + blocks * kQ8Values;
  for (int64_t b = 0; b < blocks; ++b, row += BlockBytes(DType::kQ8_0)) {
    WriteAs(scales + b * kScales + lane * 2, ReadAs<uint16_t>(row));
    for (int c = 0; c < kGroupColumns; ++c) {
      const int quant = ReadAs<int8_t>(row + 2 + c);
      const int64_t at = b * kQ8Values + (c / 4 * kPanelRows + lane) * 4 + c % 4;
      WriteAs(panel + at, static_cast<uint8_t>(quant + 128));
    }
  }
}

// Both 4-bit formats: `halves` f16 numbers (scale, minimum), then 16 bytes whose
// nibbles pair columns 16 apart, as the panel's do.
void PackQ4Row(int32_t k, int halves, const std::byte* row, int lane, std::byte* panel) {
  const int64_t blocks = k / kGroupColumns;
  std::byte* scales = panel + blocks * kQ4Values;
  for (int64_t b = 0; b < blocks; ++b) {
    for (int h = 0; h < halves; ++h, row += 2) {
      const int64_t at = ((b * halves + h) * kPanelRows + lane) * 2;
      WriteAs(scales + at, ReadAs<uint16_t>(row));
    }
    for (int c = 0; c < 16; ++c, ++row) {
      panel[b * kQ4Values + (c / 4 * kPanelRows + lane) * 4 + c % 4] = *row;
    }
  }
}

float LargestMagnitude(std::span<const float> values) {
  float largest = 0;
  for (float value : values) largest = LargerMagnitude(largest, value);
  return largest;
}

void PackEightBitRow(WeightFormat format, std::span<const float> row, float largest_magnitude,
                     int lane, std::byte* panel) {
  const bool fp8 = format == WeightFormat::kFp8;
  const EightBitScale scale = ScaleFor(largest_magnitude, fp8 ? kFp8Largest : kInt8Largest);
  WriteAs(panel + lane * 4, scale.scale);
  std::byte* codes = panel + kEightBitScales + lane;
  for (size_t c = 0; c < row.size(); ++c) {
    const float value = row[c] * scale.inverse;
    codes[c * kPanelRows] =
        static_cast<std::byte>(fp8 ? FloatToFp8(value) : static_cast<uint8_t>(FloatToInt8(value)));
  }
}

// The other formats: one row as it lies in a file of the format.
void PackFileRow(WeightFormat format, int32_t k, const std::byte* row, int lane, std::byte* panel) {
  switch (format) {
    case WeightFormat::kF32:
      return PackF32Row(k, row, lane, panel);
    case WeightFormat::kBF16:
      return PackBF16Row(k, row, lane, panel);
    case WeightFormat::kQ8_0:
      return PackQ8Row(k, row, lane, panel);
    case WeightFormat::kQ4_0:
      return PackQ4Row(k, 1, row, lane, panel);
    case WeightFormat::kQ4_1:
      return PackQ4Row(k, 2, row, lane, panel);
    case WeightFormat::kFp8:
    case WeightFormat::kInt8:
      break;
  }
  QED_CHECK(false) << WeightFormatName(format);
}

// Brings rows of any weight dtype into the dtype of a format, or into floats.
class RowConverter {
 public:
  RowConverter(DType from, DType to, int32_t k)
      : from_(from),
        to_(to),
        floats_(static_cast<size_t>(k)),
        converted_(static_cast<size_t>(k / BlockValues(to) * BlockBytes(to))) {}

  // These results last until the next call; Convert's may be the row itself.
  std::span<const float> Floats(std::span<const std::byte> row) {
    DequantizeRow(from_, row, floats_);
    return floats_;
  }
  const std::byte* Convert(std::span<const std::byte> row) {
    if (from_ == to_) {
      return row.data();
    }
    QuantizeRow(to_, Floats(row), converted_);
    return converted_.data();
  }

 private:
  DType from_;
  DType to_;
  std::vector<float> floats_;
  std::vector<std::byte> converted_;
};

}  // namespace

DType RowDType(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32:
      return DType::kF32;
    case WeightFormat::kBF16:
      return DType::kBF16;
    case WeightFormat::kQ8_0:
      return DType::kQ8_0;
    case WeightFormat::kQ4_0:
      return DType::kQ4_0;
    case WeightFormat::kQ4_1:
      return DType::kQ4_1;
    case WeightFormat::kFp8:
    case WeightFormat::kInt8:
      break;
  }
  QED_CHECK(false) << WeightFormatName(format) << " rows are codes and a scale";
  return DType::kF32;
}

bool HasRowScales(WeightFormat format) {
  return format == WeightFormat::kFp8 || format == WeightFormat::kInt8;
}

bool UsesInt8Activations(WeightFormat format) {
  return format == WeightFormat::kQ8_0 || format == WeightFormat::kQ4_0 ||
         format == WeightFormat::kQ4_1;
}

WeightFormat FastFormatFor(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return WeightFormat::kBF16;
    case DType::kQ4_0:
      return WeightFormat::kQ4_0;
    case DType::kQ4_1:
      return WeightFormat::kQ4_1;
    case DType::kQ8_0:
    case DType::kQ4_K:
    case DType::kQ6_K:
      return WeightFormat::kQ8_0;
    default:
      return WeightFormat::kF32;
  }
}

int64_t PanelBytes(WeightFormat format, int32_t k, int32_t scale_columns) {
  const int64_t blocks = k / kGroupColumns;
  switch (format) {
    case WeightFormat::kF32:
      return int64_t{k} * kPanelRows * 4;
    case WeightFormat::kBF16:
      return (int64_t{k} + 1) / 2 * kPanelRows * 4;
    case WeightFormat::kQ8_0:
      return RoundUpTo64(blocks * (kQ8Values + kScales));
    case WeightFormat::kQ4_0:
      return RoundUpTo64(blocks * (kQ4Values + kScales));
    case WeightFormat::kQ4_1:
      return RoundUpTo64(blocks * (kQ4Values + kScalesAndMinimums));
    case WeightFormat::kFp8:
    case WeightFormat::kInt8:
      return RoundUpTo64(EightBitGroups(k, scale_columns) * kEightBitScales +
                         int64_t{k} * kPanelRows);
  }
  return 0;
}

size_t PackedWeightBytes(WeightFormat format, int32_t n, int32_t k, int32_t scale_columns) {
  return static_cast<size_t>(PanelCount(n) * PanelBytes(format, k, scale_columns));
}

void PackWeightRows(WeightFormat format, int32_t n, int32_t k, int32_t first_row, int32_t rows,
                    DType dtype, std::span<const std::byte> src, std::byte* dst,
                    std::optional<float> largest_magnitude) {
  QED_CHECK(first_row >= 0 && rows >= 0 && rows <= n - first_row)
      << "rows " << first_row << " + " << rows << " of " << n;
  QED_CHECK(!UsesInt8Activations(format) || k % kGroupColumns == 0) << k;
  QED_CHECK_EQ(k % BlockValues(dtype), 0);
  const size_t row_bytes = static_cast<size_t>(k / BlockValues(dtype) * BlockBytes(dtype));
  QED_CHECK_EQ(src.size(), row_bytes * static_cast<size_t>(rows));

  const int64_t panel_bytes = PanelBytes(format, k);
  RowConverter converter(dtype, HasRowScales(format) ? DType::kF32 : RowDType(format), k);
  for (int32_t i = 0; i < rows; ++i) {
    const int32_t row = first_row + i;
    const int lane = row % kPanelRows;
    std::byte* panel = dst + row / kPanelRows * panel_bytes;
    const bool has_padding = n - row < kPanelRows || format == WeightFormat::kBF16;
    if (lane == 0 && has_padding) {
      std::memset(panel, 0, static_cast<size_t>(panel_bytes));
    }
    const auto file_row = src.subspan(row_bytes * static_cast<size_t>(i), row_bytes);
    if (HasRowScales(format)) {
      const std::span<const float> row_floats = converter.Floats(file_row);
      PackEightBitRow(format, row_floats,
                      largest_magnitude ? *largest_magnitude : LargestMagnitude(row_floats), lane,
                      panel);
    } else {
      PackFileRow(format, k, converter.Convert(file_row), lane, panel);
    }
  }
}

void PackCodeRows(const PackedWeight& target, int32_t first_row, int32_t rows,
                  std::span<const std::byte> codes, std::span<const float> scales, std::byte* dst) {
  const int64_t k = target.k;
  const int64_t groups = EightBitGroups(target.k, target.scale_columns);
  QED_CHECK(HasRowScales(target.format)) << WeightFormatName(target.format);
  QED_CHECK(first_row >= 0 && rows >= 0 && rows <= target.n - first_row);
  QED_CHECK_EQ(codes.size(), static_cast<size_t>(rows * k));
  QED_CHECK_EQ(scales.size(), static_cast<size_t>(rows * groups));
  const int64_t panel_bytes = PanelBytes(target);
  for (int32_t i = 0; i < rows; ++i) {
    const int32_t row = first_row + i;
    const int lane = row % kPanelRows;
    std::byte* panel = dst + row / kPanelRows * panel_bytes;
    if (lane == 0) std::memset(panel, 0, static_cast<size_t>(panel_bytes));
    for (int64_t g = 0; g < groups; ++g) {
      WriteAs(panel + g * kEightBitScales + lane * 4, scales[i * groups + g]);
    }
    std::byte* to = panel + groups * kEightBitScales + lane;
    for (int64_t c = 0; c < k; ++c) to[c * kPanelRows] = codes[i * k + c];
  }
}

}  // namespace qed

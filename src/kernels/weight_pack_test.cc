#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/linear.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

constexpr WeightFormat kFormats[] = {WeightFormat::kF32, WeightFormat::kBF16, WeightFormat::kQ8_0,
                                     WeightFormat::kQ4_0, WeightFormat::kQ4_1};

DType DTypeOf(WeightFormat format) {
  constexpr DType kDTypes[] = {DType::kF32, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1};
  return kDTypes[static_cast<int>(format)];
}

size_t RowBytes(DType dtype, int32_t k) {
  return static_cast<size_t>(k / BlockValues(dtype) * BlockBytes(dtype));
}

// Rows of a smooth, varied matrix in `dtype`.
std::vector<std::byte> FileRows(DType dtype, int32_t n, int32_t k) {
  std::vector<std::byte> file(RowBytes(dtype, k) * static_cast<size_t>(n));
  std::vector<float> row(static_cast<size_t>(k));
  for (int32_t r = 0; r < n; ++r) {
    for (int32_t c = 0; c < k; ++c) {
      row[static_cast<size_t>(c)] = static_cast<float>((r * 31 + c * 17) % 101 - 50) / 16.0F;
    }
    QuantizeRow(dtype, row,
                {file.data() + RowBytes(dtype, k) * static_cast<size_t>(r), RowBytes(dtype, k)});
  }
  return file;
}

std::vector<std::byte> Pack(WeightFormat format, int32_t n, int32_t k, DType dtype,
                            const std::vector<std::byte>& file, int32_t rows_at_a_time) {
  // Filled with rubbish first: packing must write the padding too.
  std::vector<std::byte> packed(PackedWeightBytes(format, n, k), std::byte{0xA5});
  const size_t row_bytes = RowBytes(dtype, k);
  for (int32_t row = 0; row < n; row += rows_at_a_time) {
    const int32_t rows = std::min(rows_at_a_time, n - row);
    PackWeightRows(
        format, n, k, row, rows, dtype,
        {file.data() + row_bytes * static_cast<size_t>(row), row_bytes * static_cast<size_t>(rows)},
        packed.data());
  }
  return packed;
}

TEST(WeightPackTest, RangesOfRowsMakeTheSameWeight) {
  for (WeightFormat format : kFormats) {
    const DType dtype = DTypeOf(format);
    const std::vector<std::byte> file = FileRows(dtype, 53, 96);
    const std::vector<std::byte> whole = Pack(format, 53, 96, dtype, file, 53);
    for (int32_t rows : {1, 7, 16, 32}) {
      EXPECT_EQ(whole, Pack(format, 53, 96, dtype, file, rows))
          << WeightFormatName(format) << " by " << rows;
    }
  }
}

TEST(WeightPackTest, FourBitFormatsStayFourBit) {
  // 4 bits a weight and a scale of 16 a group of 32; Q4_1 has a minimum too.
  EXPECT_EQ(PackedWeightBytes(WeightFormat::kQ4_0, 1536, 576), 1536U * 576 * 18 / 32);
  EXPECT_EQ(PackedWeightBytes(WeightFormat::kQ4_1, 1536, 576), 1536U * 576 * 20 / 32);
  EXPECT_EQ(PackedWeightBytes(WeightFormat::kQ8_0, 1536, 576), 1536U * 576 * 34 / 32);
}

TEST(WeightPackTest, LayoutIsAsDocumented) {
  constexpr int32_t kN = 20;
  constexpr int32_t kK = 64;
  const std::vector<std::byte> file = FileRows(DType::kQ4_1, kN, kK);
  const std::vector<std::byte> packed = Pack(WeightFormat::kQ4_1, kN, kK, DType::kQ4_1, file, kN);
  // Row 18 is lane 2 of panel 1. Column 32 + 7 is the low nibble of byte 7 of its
  // second block, column 32 + 23 the high one.
  const std::byte* block = file.data() + RowBytes(DType::kQ4_1, kK) * 18 + 20;
  const std::byte* panel = packed.data() + PanelBytes(WeightFormat::kQ4_1, kK);
  EXPECT_EQ(panel[kQ4Values + (1 * 16 + 2) * 4 + 3], block[4 + 7]);
  const std::byte* scales = panel + 2 * kQ4Values + kScalesAndMinimums;
  EXPECT_EQ(0, std::memcmp(scales + 2 * 2, block, 2));
  EXPECT_EQ(0, std::memcmp(scales + kScales + 2 * 2, block + 2, 2));
  EXPECT_EQ(scales[4 * 2], std::byte{0}) << "row 20 does not exist";
}

TEST(WeightPackTest, ConvertsThroughFloats) {
  // The matrix of FileRows is exact in F16, so that every way gives one result.
  const std::vector<std::byte> f16 = FileRows(DType::kF16, 18, 64);
  const std::vector<std::byte> f32 = FileRows(DType::kF32, 18, 64);
  for (WeightFormat format : kFormats) {
    EXPECT_EQ(Pack(format, 18, 64, DType::kF16, f16, 18),
              Pack(format, 18, 64, DType::kF32, f32, 18))
        << WeightFormatName(format);
  }
}

TEST(WeightPackTest, FastFormatKeepsWhatTheFileHolds) {
  EXPECT_EQ(FastFormatFor(DType::kQ4_1), WeightFormat::kQ4_1);
  EXPECT_EQ(FastFormatFor(DType::kQ4_0), WeightFormat::kQ4_0);
  EXPECT_EQ(FastFormatFor(DType::kQ8_0), WeightFormat::kQ8_0);
  EXPECT_EQ(FastFormatFor(DType::kQ6_K), WeightFormat::kQ8_0);
  EXPECT_EQ(FastFormatFor(DType::kQ4_K), WeightFormat::kQ8_0);
  EXPECT_EQ(FastFormatFor(DType::kBF16), WeightFormat::kBF16);
  EXPECT_EQ(FastFormatFor(DType::kF16), WeightFormat::kF32);
  EXPECT_EQ(FastFormatFor(DType::kF32), WeightFormat::kF32);
}

}  // namespace
}  // namespace qed

#include "tensor/quant_format.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

constexpr uint16_t kHalfOne = 0x3C00;
constexpr uint16_t kHalfTwo = 0x4000;
constexpr uint16_t kHalfMinusHalf = 0xB800;

// Bytes of a block, built field by field.
class Bytes {
 public:
  Bytes& U8(int value, int times = 1) {
    bytes_.insert(bytes_.end(), times, static_cast<std::byte>(value));
    return *this;
  }
  Bytes& U16(uint16_t value) { return U8(value & 255).U8(value >> 8); }
  std::vector<float> Values(DType dtype) const {
    std::vector<float> out(bytes_.size() / BlockBytes(dtype) * BlockValues(dtype));
    // One byte into a buffer of its own: rows of a file are not aligned.
    std::vector<std::byte> shifted(bytes_.size() + 1);
    std::memcpy(shifted.data() + 1, bytes_.data(), bytes_.size());
    DequantizeRow(dtype, std::span(shifted).subspan(1), out);
    return out;
  }

 private:
  std::vector<std::byte> bytes_;
};

TEST(QuantFormatTest, HalfKnownValues) {
  EXPECT_EQ(HalfToFloat(0x3C00), 1.0f);
  EXPECT_EQ(HalfToFloat(0xC000), -2.0f);
  EXPECT_EQ(HalfToFloat(0x7BFF), 65504.0f);
  EXPECT_EQ(HalfToFloat(0x0400), 0x1p-14f);
  EXPECT_EQ(HalfToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(HalfToFloat(0x8001), -0x1p-24f);
  EXPECT_TRUE(std::signbit(HalfToFloat(0x8000)));
  EXPECT_EQ(HalfToFloat(0x7C00), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(HalfToFloat(0x7E01)));
}

TEST(QuantFormatTest, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = HalfToFloat(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(value))));
    } else {
      ASSERT_EQ(FloatToHalf(value), bits);
    }
  }
}

TEST(QuantFormatTest, FloatToHalfRoundsToNearestEven) {
  // Between any two neighbours: below the middle goes down, above it goes up,
  // the middle itself to the even one.
  for (uint32_t bits = 0; bits < 0x7BFF; ++bits) {
    const float low = HalfToFloat(static_cast<uint16_t>(bits));
    const float high = HalfToFloat(static_cast<uint16_t>(bits + 1));
    const float middle = (low + high) / 2;  // exact in float
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, low)), bits);
    ASSERT_EQ(FloatToHalf(middle), bits + (bits & 1));
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, high)), bits + 1);
    ASSERT_EQ(FloatToHalf(-middle), 0x8000u + bits + (bits & 1));
  }
  EXPECT_EQ(FloatToHalf(65519.996f), 0x7BFF);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7C00);
  EXPECT_EQ(FloatToHalf(-1e30f), 0xFC00);
  EXPECT_EQ(FloatToHalf(1e-30f), 0);
}

TEST(QuantFormatTest, BFloat16) {
  EXPECT_EQ(BFloat16ToFloat(0x3F80), 1.0f);
  EXPECT_EQ(FloatToBFloat16(1.0f), 0x3F80);
  EXPECT_EQ(FloatToBFloat16(1.00390625f), 0x3F80);  // halfway: to even
  EXPECT_EQ(FloatToBFloat16(1.01171875f), 0x3F82);  // halfway: to even
  EXPECT_EQ(FloatToBFloat16(1.00390637f), 0x3F81);  // above halfway
  EXPECT_EQ(FloatToBFloat16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(std::nanf("")))));
}

TEST(QuantFormatTest, Q8_0ByHand) {
  Bytes block;
  block.U16(kHalfMinusHalf);
  for (int i = 0; i < 32; ++i) block.U8(i - 16);
  const auto values = block.Values(DType::kQ8_0);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(values[i], -0.5f * static_cast<float>(i - 16));
}

TEST(QuantFormatTest, Q4ByHand) {
  // Low nibbles 0..15 are values 0..15, high nibbles 15..0 are values 16..31.
  Bytes q4_0, q4_1;
  q4_0.U16(kHalfTwo);
  q4_1.U16(kHalfTwo).U16(kHalfMinusHalf);
  for (int i = 0; i < 16; ++i) {
    q4_0.U8(i | ((15 - i) << 4));
    q4_1.U8(i | ((15 - i) << 4));
  }
  const auto values_0 = q4_0.Values(DType::kQ4_0);
  const auto values_1 = q4_1.Values(DType::kQ4_1);
  for (int i = 0; i < 32; ++i) {
    const float q = static_cast<float>(i < 16 ? i : 31 - i);
    EXPECT_EQ(values_0[i], 2.0f * (q - 8.0f));
    EXPECT_EQ(values_1[i], 2.0f * q - 0.5f);
  }
}

TEST(QuantFormatTest, Q4_KByHand) {
  // 6-bit scales 1, 2, 3, 4 | 17, 34, 51, 63 and mins 5, 6, 7, 8 | 18, 33, 50, 63.
  Bytes block;
  block.U16(kHalfTwo).U16(kHalfOne);
  block.U8(1 | (1 << 6)).U8(2 | (2 << 6)).U8(3 | (3 << 6)).U8(4 | (3 << 6));
  block.U8(5 | (1 << 6)).U8(6 | (2 << 6)).U8(7 | (3 << 6)).U8(8 | (3 << 6));
  block.U8(1 | (2 << 4)).U8(2 | (1 << 4)).U8(3 | (2 << 4)).U8(15 | (15 << 4));
  for (int pair = 0; pair < 4; ++pair) block.U8((2 * pair) | ((2 * pair + 1) << 4), 32);
  const auto values = block.Values(DType::kQ4_K);
  const float scales[] = {1, 2, 3, 4, 17, 34, 51, 63};
  const float mins[] = {5, 6, 7, 8, 18, 33, 50, 63};
  for (int i = 0; i < 256; ++i) {
    const int g = i / 32;
    EXPECT_EQ(values[i], 2.0f * scales[g] * static_cast<float>(g) - mins[g]) << i;
  }
}

TEST(QuantFormatTest, Q6_KByHand) {
  // Quarter k of each half gets the 6-bit value 16*k + (k + 1) + 4*half.
  Bytes block;
  for (int half = 0; half < 2; ++half) {
    const auto low = [&](int k) { return k + 1 + 4 * half; };
    block.U8(low(0) | (low(2) << 4), 32).U8(low(1) | (low(3) << 4), 32);
  }
  block.U8(0 | (1 << 2) | (2 << 4) | (3 << 6), 64);
  for (int g = 0; g < 16; ++g) block.U8(g - 8);
  block.U16(kHalfTwo);
  const auto values = block.Values(DType::kQ6_K);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, k = i % 128 / 32;
    const int q = 16 * k + (k + 1) + 4 * half - 32;
    EXPECT_EQ(values[i], 2.0f * static_cast<float>(i / 16 - 8) * static_cast<float>(q)) << i;
  }
}

std::vector<float> RandomRow(int n, uint64_t seed) {
  std::vector<float> row(n);
  for (int i = 0; i < n; ++i) row[i] = 4.0f * UniformFloat(seed, 0, i) - 2.0f;
  return row;
}

std::vector<float> RoundTrip(DType dtype, const std::vector<float>& row) {
  std::vector<std::byte> bytes(row.size() / BlockValues(dtype) * BlockBytes(dtype));
  QuantizeRow(dtype, row, bytes);
  std::vector<float> back(row.size());
  DequantizeRow(dtype, bytes, back);
  return back;
}

TEST(QuantFormatTest, QuantizingErrsByHalfAStepAtMost) {
  const auto row = RandomRow(4096, 7);
  struct Case {
    DType dtype;
    float bound;
  };
  // Steps of values in [-2, 2]: half a step, and what rounding the scale to f16
  // adds. Q4_0 clips up to one step at its far end.
  const Case cases[] = {{DType::kF32, 0.0f},
                        {DType::kF16, 0x1p-11f},
                        {DType::kBF16, 0x1p-8f},
                        {DType::kQ8_0, 0.5f * 2 / 127 + 1e-3f},
                        {DType::kQ4_0, 2.0f / 8 + 2e-3f},
                        {DType::kQ4_1, 0.5f * 4 / 15 + 2e-3f}};
  for (const Case& c : cases) {
    const auto back = RoundTrip(c.dtype, row);
    for (size_t i = 0; i < row.size(); ++i) {
      ASSERT_LE(std::abs(back[i] - row[i]), c.bound) << DTypeName(c.dtype) << " " << i;
    }
  }
}

TEST(QuantFormatTest, QuantizingKeepsZerosAndExtremes) {
  for (DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1}) {
    for (float v : RoundTrip(dtype, std::vector<float>(64, 0.0f))) EXPECT_EQ(v, 0.0f);
    for (float v : RoundTrip(dtype, std::vector<float>(32, 1e-38f))) EXPECT_EQ(v, 0.0f);
    std::vector<float> spike(32, 0.0f);
    spike[9] = -4.0f;
    EXPECT_NEAR(RoundTrip(dtype, spike)[9], -4.0f, 4.0f / 1024);
  }
}

TEST(QuantFormatTest, WeightDTypes) {
  EXPECT_TRUE(IsWeightDType(DType::kQ6_K));
  EXPECT_TRUE(IsWeightDType(DType::kBF16));
  EXPECT_FALSE(IsWeightDType(DType::kI8));
  EXPECT_FALSE(IsWeightDType(DType::kI32));
}

TEST(QuantFormatDeathTest, WrongSizesAreBugs) {
  std::vector<std::byte> bytes(34);
  std::vector<float> values(33);
  EXPECT_DEATH(DequantizeRow(DType::kQ8_0, bytes, values), "check failed");
  EXPECT_DEATH(DequantizeRow(DType::kI8, bytes, std::span(values).first(0)), "check failed");
}

}  // namespace
}  // namespace qed

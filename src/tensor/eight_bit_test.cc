#include "tensor/eight_bit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// By the definition of the format, field by field, in double.
double Definition(int code) {
  const int exponent = (code >> 3) & 15;
  const int fraction = code & 7;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
  return code >= 128 ? -magnitude : magnitude;
}

TEST(Fp8Test, ValuesAreAsDefined) {
  for (int code = 0; code < 256; ++code) {
    const float value = Fp8ToFloat(static_cast<uint8_t>(code));
    if ((code & 0x7F) == 0x7F) {
      EXPECT_TRUE(std::isnan(value)) << code;
    } else {
      EXPECT_EQ(value, Definition(code)) << code;
      EXPECT_EQ(std::signbit(value), code >= 128) << code;
    }
  }
  EXPECT_EQ(Fp8ToFloat(0x7E), 448.0F);
  EXPECT_EQ(Fp8ToFloat(0x08), 0.015625F);
  EXPECT_EQ(Fp8ToFloat(0x01), 0.001953125F);
}

TEST(Fp8Test, EveryValueKeepsItsCode) {
  for (int code = 0; code < 256; ++code) {
    EXPECT_EQ(FloatToFp8(Fp8ToFloat(static_cast<uint8_t>(code))), code);
  }
}

// Between two neighbours the nearer one wins; half-way the even code does.
TEST(Fp8Test, RoundsToNearestTiesToEven) {
  for (uint8_t low = 0; low < 0x7E; ++low) {
    const auto high = static_cast<uint8_t>(low + 1);
    const float middle = (Fp8ToFloat(low) + Fp8ToFloat(high)) / 2;  // exact
    const uint8_t even = low % 2 == 0 ? low : high;
    EXPECT_EQ(FloatToFp8(middle), even) << int{low};
    EXPECT_EQ(FloatToFp8(std::nextafter(middle, 0.0F)), low) << int{low};
    EXPECT_EQ(FloatToFp8(std::nextafter(middle, kInfinity)), high) << int{low};
    EXPECT_EQ(FloatToFp8(-middle), even | 0x80) << int{low};
  }
}

TEST(Fp8Test, SaturatesAndKeepsNan) {
  for (float value : {448.0F, 449.0F, 463.9F, 464.0F, 480.0F, 1e30F, kInfinity}) {
    EXPECT_EQ(FloatToFp8(value), 0x7E) << value;
    EXPECT_EQ(FloatToFp8(-value), 0xFE) << value;
  }
  EXPECT_EQ(FloatToFp8(kNan) & 0x7F, 0x7F);
  EXPECT_EQ(FloatToFp8(1e-40F), 0x00);
  EXPECT_EQ(FloatToFp8(-1e-40F), 0x80);
}

TEST(Fp8Test, RandomValuesGoToTheNearestCode) {
  for (uint64_t i = 0; i < 20000; ++i) {
    const float value =
        std::ldexp(2 * UniformFloat(1, 2, 2 * i) - 1, static_cast<int>(i % 24) - 14);
    const double got = Fp8ToFloat(FloatToFp8(value));
    double nearest = kInfinity;
    for (int code = 0; code < 256; ++code) {
      if ((code & 0x7F) == 0x7F) continue;
      nearest = std::min(nearest, std::abs(Definition(code) - double{value}));
    }
    EXPECT_EQ(std::abs(got - double{value}), nearest) << value;
  }
}

TEST(Int8Test, RoundsAndSaturates) {
  EXPECT_EQ(FloatToInt8(0.5F), 0);
  EXPECT_EQ(FloatToInt8(1.5F), 2);
  EXPECT_EQ(FloatToInt8(-2.5F), -2);
  EXPECT_EQ(FloatToInt8(126.6F), 127);
  EXPECT_EQ(FloatToInt8(1e9F), 127);
  EXPECT_EQ(FloatToInt8(-128.0F), -127);
  EXPECT_EQ(FloatToInt8(-kInfinity), -127);
  EXPECT_EQ(FloatToInt8(kNan), 0);
}

TEST(EightBitScaleTest, LargestMagnitudeIsTheLargestCode) {
  for (float largest : {1e-20F, 0.3F, 1.0F, 77.7F, 1e20F}) {
    const EightBitScale fp8 = ScaleFor(largest, kFp8Largest);
    EXPECT_EQ(FloatToFp8(largest * fp8.inverse), 0x7E) << largest;
    EXPECT_NEAR(fp8.scale * kFp8Largest, largest, largest * 1e-6F);
    const EightBitScale int8 = ScaleFor(largest, kInt8Largest);
    EXPECT_EQ(FloatToInt8(-largest * int8.inverse), -127) << largest;
  }
}

TEST(EightBitScaleTest, ZerosStayZeroAndBadValuesShow) {
  const EightBitScale zeros = ScaleFor(0.0F, kFp8Largest);
  EXPECT_EQ(zeros.scale, 0.0F);
  EXPECT_EQ(FloatToFp8(0.0F * zeros.inverse), 0);
  EXPECT_FALSE(std::isfinite(ScaleFor(kInfinity, kFp8Largest).scale));
  EXPECT_TRUE(std::isnan(ScaleFor(kNan, kInt8Largest).scale));
  EXPECT_EQ(LargerMagnitude(-3.0F, 2.0F), 3.0F);
  EXPECT_TRUE(std::isnan(LargerMagnitude(kNan, 2.0F)));
  EXPECT_TRUE(std::isnan(LargerMagnitude(kInfinity, kNan)));
}

TEST(Fp8Test, RowsAreCodesWithoutAScale) {
  const std::vector<float> values = {0.0F, 1.0F, -1.0F, 500.0F, 0.3F};
  std::vector<std::byte> codes(values.size());
  QuantizeRow(DType::kF8E4M3, values, codes);
  std::vector<float> back(values.size());
  DequantizeRow(DType::kF8E4M3, codes, back);
  EXPECT_EQ(back, (std::vector<float>{0.0F, 1.0F, -1.0F, 448.0F, 0.3125F}));
  EXPECT_EQ(DTypeName(DType::kF8E4M3), "F8_E4M3");
  EXPECT_FALSE(IsWeightDType(DType::kF8E4M3)) << "a weight of this type needs its scale";
}

}  // namespace
}  // namespace qed

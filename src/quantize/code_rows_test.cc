#include "quantize/code_rows.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "tensor/eight_bit.h"

namespace qed {
namespace {

std::byte CodeOf(WeightFormat format, float value, float scale) {
  std::byte code;
  MakeCodes(format, {&value, 1}, scale, {&code, 1});
  return code;
}

// All values that a code can have, times the scale; the nearest is the answer.
float Nearest(WeightFormat format, float value, float scale) {
  double best = std::numeric_limits<double>::infinity();
  float nearest = 0;
  for (int code = 0; code < 256; ++code) {
    const float decoded = format == WeightFormat::kFp8 ? Fp8ToFloat(static_cast<uint8_t>(code))
                                                       : static_cast<float>(code - 128);
    if (std::isnan(decoded) || decoded == -128) continue;
    const double distance = std::abs(double{value} / scale - decoded);
    if (distance >= best) continue;
    best = distance;
    nearest = decoded;
  }
  return nearest;
}

TEST(CodeRowsTest, EveryValueGetsTheNearestCode) {
  for (WeightFormat format : {WeightFormat::kFp8, WeightFormat::kInt8}) {
    for (uint64_t i = 0; i < 2000; ++i) {
      const float scale = std::ldexp(0.5F + UniformFloat(1, 1, i), static_cast<int>(i % 40) - 20);
      const float code =
          500 * (2 * UniformFloat(1, 2, i) - 1) * std::ldexp(1.0F, -static_cast<int>(i % 12));
      float value = code * scale, decoded;
      const std::byte made = CodeOf(format, value, scale);
      CodesToValues(format, {&made, 1}, 1.0F, {&decoded, 1});
      const float nearest = Nearest(format, value, scale);
      const double ours = std::abs(double{value} / scale - decoded);
      const double best = std::abs(double{value} / scale - nearest);
      // Equal, or a tie but for the rounding of value / scale.
      EXPECT_LE(ours, best * (1 + 1e-6) + 1e-6) << value << " by " << scale;
    }
  }
}

TEST(CodeRowsTest, ScalesAreNumbersThatReadersCanUse) {
  for (WeightFormat format : {WeightFormat::kFp8, WeightFormat::kInt8}) {
    EXPECT_EQ(CodeScale(format, 0), 1.0F);
    for (float largest : {1e-45F, 1e-38F, 1e-30F, 1.0F, 3e38F}) {
      const float scale = CodeScale(format, largest);
      EXPECT_TRUE(std::isnormal(scale)) << largest;
      float back;
      const std::byte code = CodeOf(format, largest, scale);
      CodesToValues(format, {&code, 1}, scale, {&back, 1});
      EXPECT_NEAR(back, largest, largest * 1e-5 + std::numeric_limits<float>::min()) << largest;
    }
  }
  EXPECT_EQ(CodeScale(WeightFormat::kFp8, 448.0F), 1.0F);
  EXPECT_EQ(CodeScale(WeightFormat::kInt8, 127.0F), 1.0F);
}

TEST(CodeRowsTest, ZerosKeepTheirSignAndLargeValuesStayInRange) {
  EXPECT_EQ(CodeOf(WeightFormat::kFp8, 0.0F, 1.0F), std::byte{0});
  EXPECT_EQ(CodeOf(WeightFormat::kFp8, -0.0F, 1.0F), std::byte{0x80});
  EXPECT_EQ(CodeOf(WeightFormat::kFp8, 1e9F, 1.0F), std::byte{0x7E});
  EXPECT_EQ(CodeOf(WeightFormat::kInt8, -1e9F, 1.0F), static_cast<std::byte>(-127));
}

}  // namespace
}  // namespace qed

#include "tensor/random_fill.h"

#include <cmath>
#include <set>

#include "gtest/gtest.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

TEST(RandomFillTest, IsFixed) {
  // What is measured with random weights is the same network for ever.
  EXPECT_EQ(RandomFillWord(0, 0), 0xE220A8397B1DCDAFULL);
  EXPECT_EQ(RandomFillWord(1, 0), RandomFillWord(0, uint64_t{1} << 40));
  const RandomFill fill = {.stream = 0, .mean = 0, .step = 1};
  EXPECT_EQ(RandomFillAt(fill, 0), 0xAF - 128);
  EXPECT_EQ(RandomFillAt(fill, 1), 0xCD - 128);
  EXPECT_EQ(RandomFillAt(fill, 7), 0xE2 - 128);
}

TEST(RandomFillTest, ValuesAreUniformAndCentred) {
  const RandomFill fill = {.stream = 5, .mean = 0, .step = 0x1p-10F};
  constexpr int kCount = 100000;
  double sum = 0, squares = 0;
  std::set<float> different;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double value = RandomFillAt(fill, i) * 1024.0;
    different.insert(static_cast<float>(value));
    EXPECT_LE(std::abs(value), 127);
    sum += value;
    squares += value * value;
  }
  EXPECT_EQ(different.size(), 255U);
  EXPECT_NEAR(sum / kCount, 0, 1);
  EXPECT_NEAR(std::sqrt(squares / kCount), 73.5, 1);
}

TEST(RandomFillTest, Bfloat16HoldsThem) {
  for (const RandomFill& fill :
       {RandomFill{1, 0, 0x1p-13F}, RandomFill{2, 0, 0x1p-6F}, RandomFill{3, 1, 0x1p-7F}}) {
    for (uint64_t i = 0; i < 5000; ++i) {
      const float value = RandomFillAt(fill, i);
      EXPECT_EQ(BFloat16ToFloat(FloatToBFloat16(value)), value);
    }
  }
}

}  // namespace
}  // namespace qed

#include "base/rng.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"

namespace qed {
namespace {

// The known answers of the generator's authors (Random123, kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox4x32(0, 0, 0),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32(UINT64_MAX, UINT64_MAX, UINT64_MAX),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(UniformFloat, StaysInsideAndFillsTheRange) {
  double sum = 0;
  float lowest = 1, highest = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const float u = UniformFloat(7, 3, static_cast<uint64_t>(i));
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    lowest = std::min(lowest, u);
    highest = std::max(highest, u);
    sum += u;
  }
  // The mean of n uniforms has a standard error of 0.29 / sqrt(n): five of them.
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * 0.2887 / std::sqrt(kDraws));
  EXPECT_LT(lowest, 1e-3f);
  EXPECT_GT(highest, 1 - 1e-3f);
}

TEST(UniformFloat, DependsOnEachOfItsKeys) {
  const float u = UniformFloat(1, 2, 3);
  EXPECT_EQ(u, UniformFloat(1, 2, 3));
  EXPECT_NE(u, UniformFloat(2, 2, 3));
  EXPECT_NE(u, UniformFloat(1, 3, 3));
  EXPECT_NE(u, UniformFloat(1, 2, 4));
}

}  // namespace
}  // namespace qed

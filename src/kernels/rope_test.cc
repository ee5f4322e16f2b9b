#include "kernels/rope.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/test_support.h"

namespace qed {
namespace {

std::vector<double> Frequencies(int head_dim) {
  std::vector<double> frequencies(head_dim / 2);
  for (int i = 0; i < head_dim / 2; ++i) frequencies[i] = std::pow(10000.0, -2.0 * i / head_dim);
  return frequencies;
}

TEST(RopeTest, TurnsPairsHalfAHeadApart) {
  for (Isa isa : TestableIsas()) {
    for (int dim : {16, 64, 80, 96, 128}) {
      const int heads = 3, half = dim / 2, position = 1234;
      const std::vector<double> frequencies = Frequencies(dim);
      std::vector<float> cosine(half), sine(half);
      RopeAngles(position, frequencies, 1.0F, cosine.data(), sine.data());
      const std::vector<float> x = RandomFloats(heads * dim, dim);
      std::vector<float> y = x;
      y.push_back(7.0f);
      RopeHeads(isa, cosine.data(), sine.data(), heads, dim, y.data());
      for (int h = 0; h < heads; ++h) {
        for (int i = 0; i < half; ++i) {
          const double a = x[h * dim + i], b = x[h * dim + half + i];
          const double angle = position * frequencies[i];
          EXPECT_NEAR(y[h * dim + i], a * std::cos(angle) - b * std::sin(angle), 1e-6);
          EXPECT_NEAR(y[h * dim + half + i], b * std::cos(angle) + a * std::sin(angle), 1e-6);
        }
      }
      EXPECT_EQ(y.back(), 7.0f) << "wrote behind the heads";
    }
  }
}

TEST(RopeTest, PositionZeroTurnsNothing) {
  const std::vector<double> frequencies = Frequencies(64);
  std::vector<float> cosine(32), sine(32);
  RopeAngles(0, frequencies, 1.0F, cosine.data(), sine.data());
  std::vector<float> x = RandomFloats(64, 1);
  const std::vector<float> before = x;
  for (Isa isa : TestableIsas()) {
    RopeHeads(isa, cosine.data(), sine.data(), 1, 64, x.data());
    EXPECT_EQ(x, before);
  }
}

}  // namespace
}  // namespace qed

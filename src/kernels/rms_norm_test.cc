#include "kernels/rms_norm.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/test_support.h"

namespace qed {
namespace {

TEST(RmsNormTest, MatchesDoubleForAnyLength) {
  for (Isa isa : TestableIsas()) {
    for (int n : {1, 15, 16, 17, 63, 64, 65, 80, 576, 1000}) {
      const std::vector<float> x = RandomFloats(n, n), weight = RandomFloats(n, n + 1);
      std::vector<float> y(n + 1, 7.0f);
      RmsNormRow(isa, x.data(), weight.data(), n, 1e-5f, y.data());
      double squares = 0;
      for (float v : x) squares += static_cast<double>(v) * v;
      const double factor = 1.0 / std::sqrt(squares / n + 1e-5);
      for (int i = 0; i < n; ++i) {
        const double want = x[i] * factor * weight[i];
        EXPECT_NEAR(y[i], want, 1e-6 * (1 + std::abs(want))) << IsaName(isa) << " n " << n;
      }
      EXPECT_EQ(y[n], 7.0f) << "wrote behind the row";
    }
  }
}

TEST(RmsNormTest, WorksInPlace) {
  for (Isa isa : TestableIsas()) {
    std::vector<float> x = RandomFloats(100, 3);
    const std::vector<float> weight = RandomFloats(100, 4);
    std::vector<float> y(100);
    RmsNormRow(isa, x.data(), weight.data(), 100, 1e-6f, y.data());
    RmsNormRow(isa, x.data(), weight.data(), 100, 1e-6f, x.data());
    EXPECT_EQ(x, y);
  }
}

TEST(RmsNormTest, ZerosStayZeros) {
  for (Isa isa : TestableIsas()) {
    std::vector<float> x(64, 0.0f), weight(64, 1.0f), y(64, 1.0f);
    RmsNormRow(isa, x.data(), weight.data(), 64, 1e-6f, y.data());
    EXPECT_EQ(y, x);
  }
}

}  // namespace
}  // namespace qed

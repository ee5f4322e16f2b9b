#include "kernels/silu_mul.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/test_support.h"

namespace qed {
namespace {

TEST(SiluMulTest, MatchesDouble) {
  for (Isa isa : TestableIsas()) {
    for (int n : {1, 16, 31, 1536}) {
      const std::vector<float> gate = RandomFloats(n, n, 4.0f), up = RandomFloats(n, n + 1);
      std::vector<float> y(n + 1, 7.0f);
      SiluMulRow(isa, gate.data(), up.data(), n, y.data());
      for (int i = 0; i < n; ++i) {
        const double want = gate[i] / (1.0 + std::exp(-static_cast<double>(gate[i]))) * up[i];
        EXPECT_NEAR(y[i], want, 1e-6 * (1e-3 + std::abs(want))) << IsaName(isa) << " " << gate[i];
      }
      EXPECT_EQ(y[n], 7.0f) << "wrote behind the row";
    }
  }
}

TEST(SiluMulTest, SaturatesCleanly) {
  for (Isa isa : TestableIsas()) {
    const std::vector<float> gate = {-1000.0f, -90.0f, 0.0f, 90.0f, 1000.0f};
    const std::vector<float> up(5, 1.0f);
    std::vector<float> y(5);
    SiluMulRow(isa, gate.data(), up.data(), 5, y.data());
    EXPECT_NEAR(y[0], 0.0f, 1e-30f);
    EXPECT_NEAR(y[1], 0.0f, 1e-30f);
    EXPECT_EQ(y[2], 0.0f);
    EXPECT_EQ(y[3], 90.0f);
    EXPECT_EQ(y[4], 1000.0f);
  }
}

}  // namespace
}  // namespace qed

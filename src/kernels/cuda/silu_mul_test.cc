#include "kernels/cuda/silu_mul.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/test_support.h"

namespace qed::cuda {
namespace {

double Silu(double x) { return x / (1 + std::exp(-x)); }

// A cluster of blocks takes one of a few rows or several of more; blocks stay for many.
void ExpectGated(int rows, int width) {
  const Stream stream = TestStream();
  for (TestActivations::Form form : TestActivations::kForms) {
    for (bool scaled : {false, true}) {
      const TestProduct gate_up = MakeProduct(rows, 2 * width, scaled, width, 4.0F);
      const TestActivations out(form, rows, width);
      SiluMul(rows, width, gate_up.view(scaled), out.view(), stream.handle());
      std::vector<double> want;
      for (int t = 0; t < rows; ++t) {
        const double* row = gate_up.values.data() + int64_t{t} * 2 * width;
        for (int i = 0; i < width; ++i) want.push_back(Silu(row[i]) * row[width + i]);
      }
      SCOPED_TRACE(std::to_string(rows) + " rows, width " + std::to_string(width));
      // The fast exponential: a few units of 2^-22, more where the gate is large.
      out.Expect(want, 1e-5);
    }
  }
}

TEST(CudaSiluMulTest, MatchesDoubleForAnyWidthAndForm) {
  QED_REQUIRE_DEVICE();
  for (int width : {4, 16, 1536, 2052, 4096, 4100, 13824, 16388}) ExpectGated(3, width);
  for (int width : {36, 4100}) ExpectGated(301, width);
  ExpectGated(66, 20004);
  for (int width : {36, 1536, 4100}) ExpectGated(1500, width);
}

TEST(CudaSiluMulTest, SaturatesCleanly) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  const DeviceArray<BFloat16> gate_up(
      ToBFloat16({-1000.0F, -90.0F, 90.0F, 1000.0F, 1.0F, 1.0F, 1.0F, 1.0F}));
  const TestActivations out(TestActivations::Form::kBF16, 1, 4);
  Product product;
  product.data = gate_up.data();
  SiluMul(1, 4, product, out.view(), stream.handle());
  const std::vector<BFloat16> y = out.bf16.Download();
  EXPECT_NEAR(ToFloat(y[0]), 0.0F, 1e-30F);
  EXPECT_NEAR(ToFloat(y[1]), 0.0F, 1e-30F);
  EXPECT_EQ(ToFloat(y[2]), 90.0F);
  EXPECT_EQ(ToFloat(y[3]), 1000.0F);
}

}  // namespace
}  // namespace qed::cuda

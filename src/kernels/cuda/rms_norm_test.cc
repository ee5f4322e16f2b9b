#include "kernels/cuda/rms_norm.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/test_support.h"

namespace qed::cuda {
namespace {

// Sums of squares in f32 over a block, and a square root: a few units of 2^-24.
constexpr double kF32 = 1e-5;

// Both sides of each change in how a row is dealt to threads (row_launch.cuh).
constexpr int kWidths[] = {4, 64, 576, 2048, 2052, 4096, 4100, 5120, 13824, 16384, 16388, 32768};

std::vector<double> Normed(const std::vector<double>& x, int width,
                           const std::vector<float>& weight, double eps) {
  std::vector<double> y(x.size());
  for (size_t first = 0; first < x.size(); first += static_cast<size_t>(width)) {
    double squares = 0;
    for (int i = 0; i < width; ++i) squares += x[first + i] * x[first + i];
    const double factor = 1 / std::sqrt(squares / width + eps);
    for (int i = 0; i < width; ++i) y[first + i] = x[first + i] * factor * weight[i];
  }
  return y;
}

TEST(CudaRmsNormTest, AddsAndNormalizesAsDoubleForAnyWidthAndForm) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  constexpr int kRows = 3;
  for (int width : kWidths) {
    for (TestActivations::Form form : TestActivations::kForms) {
      for (bool scaled : {false, true}) {
        const std::vector<float> before = RandomFloats(kRows * width, width, 3.0F);
        const std::vector<float> weight = RandomFloats(width, width + 1);
        const DeviceArray<float> residual(before), device_weight(weight);
        const TestProduct delta = MakeProduct(kRows, width, scaled, width + 2);
        const TestActivations out(form, kRows, width);
        AddRmsNorm(kRows, width,
                   {.residual = residual.data(),
                    .delta = delta.view(scaled),
                    .weight = device_weight.data(),
                    .eps = 1e-5F,
                    .row_ids = nullptr,
                    .out = out.view()},
                   stream.handle());
        std::vector<double> sum(before.begin(), before.end());
        for (size_t i = 0; i < sum.size(); ++i) sum[i] += delta.values[i];
        const std::vector<float> after = residual.Download();
        for (size_t i = 0; i < sum.size(); ++i) {
          ASSERT_NEAR(after[i], sum[i], 1e-5 * (1 + std::abs(sum[i]))) << "width " << width;
        }
        SCOPED_TRACE("width " + std::to_string(width));
        out.Expect(Normed(sum, width, weight, 1e-5F), kF32);
      }
    }
  }
}

TEST(CudaRmsNormTest, TakesTheRowsItIsGiven) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  constexpr int kWidth = 576;
  const std::vector<int32_t> rows = {4, 0, 4};
  const std::vector<float> x = RandomFloats(5 * kWidth, 1), weight = RandomFloats(kWidth, 2);
  const DeviceArray<float> residual(x), device_weight(weight);
  const DeviceArray<int32_t> row_ids(rows);
  const TestProduct delta = MakeProduct(5, kWidth, true, 3);
  const TestActivations out(TestActivations::Form::kBF16, 3, kWidth);
  AddRmsNorm(3, kWidth,
             {.residual = residual.data(),
              .delta = delta.view(true),
              .weight = device_weight.data(),
              .eps = 1e-6F,
              .row_ids = row_ids.data(),
              .out = out.view()},
             stream.handle());
  std::vector<double> taken;
  for (int32_t row : rows) {
    for (int i = row * kWidth; i < (row + 1) * kWidth; ++i) taken.push_back(x[i] + delta.values[i]);
  }
  out.Expect(Normed(taken, kWidth, weight, 1e-6F), kF32);
  EXPECT_EQ(residual.Download(), x);
}

TEST(CudaRmsNormTest, ZerosGiveZerosAndAScaleOfZero) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  const DeviceArray<float> residual(64, 0.0F), weight(64, 1.0F);
  const TestActivations out(TestActivations::Form::kFp8, 1, 64);
  AddRmsNorm(1, 64,
             {.residual = residual.data(),
              .delta = {},
              .weight = weight.data(),
              .eps = 1e-6F,
              .row_ids = nullptr,
              .out = out.view()},
             stream.handle());
  EXPECT_EQ(out.scales.Download()[0], 0.0F);
  for (Fp8 code : out.fp8.Download()) EXPECT_EQ(code.code, 0);
}

TEST(CudaRmsNormTest, NaNsShowInTheFormsOfTheirRowOnly) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  std::vector<float> x = RandomFloats(2 * 64, 5);
  x[10] = NAN;
  const DeviceArray<float> residual(x), weight(64, 1.0F);
  const TestActivations out(TestActivations::Form::kFp8, 2, 64);
  AddRmsNorm(2, 64,
             {.residual = residual.data(),
              .delta = {},
              .weight = weight.data(),
              .eps = 1e-6F,
              .row_ids = nullptr,
              .out = out.view()},
             stream.handle());
  EXPECT_TRUE(std::isnan(out.scales.Download()[0]));
  EXPECT_TRUE(std::isfinite(out.scales.Download()[1]));
}

}  // namespace
}  // namespace qed::cuda

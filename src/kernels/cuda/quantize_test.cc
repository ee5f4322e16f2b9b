#include "kernels/cuda/quantize.h"

#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/test_support.h"

namespace qed::cuda {
namespace {

TEST(CudaQuantizeTest, MatchesTheCpusCodes) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  constexpr int kRows = 5;
  for (int width : {4, 64, 576, 5120, 16388}) {
    const std::vector<BFloat16> x = RandomBFloat16(kRows * width, width);
    const DeviceArray<BFloat16> device_x(x);
    const TestActivations out(TestActivations::Form::kFp8, kRows, width);
    QuantizeRows(kRows, width, device_x.data(), out.view(), stream.handle());
    const std::vector<Fp8> codes = out.fp8.Download();
    const std::vector<float> scales = out.scales.Download();
    for (int t = 0; t < kRows; ++t) {
      float largest = 0;
      for (int i = 0; i < width; ++i) {
        largest = LargerMagnitude(largest, ToFloat(x[t * width + i]));
      }
      const EightBitScale scale = ScaleFor(largest, kFp8Largest);
      ASSERT_EQ(scales[t], scale.scale);
      for (int i = 0; i < width; ++i) {
        ASSERT_EQ(codes[t * width + i].code, FloatToFp8(ToFloat(x[t * width + i]) * scale.inverse))
            << "width " << width << " row " << t << " column " << i;
      }
    }
  }
}

TEST(CudaQuantizeTest, AStaticScaleSaturates) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  const DeviceArray<BFloat16> x(ToBFloat16({1.0F, 7.0F, 100.0F, -100.0F}));
  const TestActivations out(TestActivations::Form::kFp8Static, 1, 4);
  QuantizeRows(1, 4, x.data(), out.view(), stream.handle());
  out.Expect({1.0, 7.0, 100.0, -100.0}, 0);
}

}  // namespace
}  // namespace qed::cuda

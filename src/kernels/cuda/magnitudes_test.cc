#include "kernels/cuda/magnitudes.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/test_support.h"

namespace qed::cuda {
namespace {

TEST(CudaMagnitudesTest, CountsEveryValueOnceAndAddsUp) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  struct Case {
    int32_t rows, width;
    int64_t stride;
    bool bias;
  };
  for (const Case& c : {Case{1, 1, 1, false}, Case{3, 64, 64, true}, Case{700, 576, 960, true},
                        Case{2048, 1536, 1536, false}}) {
    std::vector<BFloat16> x = RandomBFloat16(c.rows * c.stride, c.width);
    x[0].bits = 0x7F80;  // infinity, and the largest count of all
    std::vector<float> bias(static_cast<size_t>(c.width), 0.0F);
    for (size_t i = 0; i < bias.size(); ++i) bias[i] = c.bias ? 0.01F * static_cast<float>(i) : 0;
    std::vector<uint64_t> expected(kMagnitudes, 0);
    for (int64_t t = 0; t < c.rows; ++t) {
      for (int64_t i = 0; i < c.width; ++i) {
        const float value = ToFloat(x[t * c.stride + i]) + bias[static_cast<size_t>(i)];
        ++expected[ToBFloat16({value})[0].bits & (kMagnitudes - 1)];
      }
    }
    const DeviceArray<BFloat16> device_x(x);
    const DeviceArray<float> device_bias(bias);
    const DeviceArray<uint64_t> counts(std::vector<uint64_t>(kMagnitudes, 0));
    const float* given = c.bias ? device_bias.data() : nullptr;
    for (uint64_t times : {1, 2}) {
      CountMagnitudes(c.rows, c.width, c.stride, device_x.data(), given, counts.data(),
                      stream.handle());
      const std::vector<uint64_t> got = counts.Download();
      for (int32_t m = 0; m < kMagnitudes; ++m) {
        ASSERT_EQ(got[m], times * expected[m]) << "magnitude " << m << " width " << c.width;
      }
    }
  }
}

}  // namespace
}  // namespace qed::cuda

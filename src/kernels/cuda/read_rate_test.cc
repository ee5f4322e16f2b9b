#include "kernels/cuda/read_rate.h"

#include "cuda/test_device.h"
#include "gtest/gtest.h"

namespace qed::cuda {
namespace {

TEST(CudaReadRateTest, IsThatOfADevice) {
  QED_REQUIRE_DEVICE();
  const auto rate = MeasureReadRate();
  ASSERT_TRUE(rate.ok()) << rate.status().message();
  EXPECT_GT(*rate, 1e8);   // slower than any GPU, also one shared with other programs
  EXPECT_LT(*rate, 2e13);  // faster than any
}

}  // namespace
}  // namespace qed::cuda

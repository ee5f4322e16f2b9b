#include "kernels/cuda/read_rate.h"

#include "base/clock.h"
#include "cuda/test_device.h"
#include "gtest/gtest.h"

namespace qed::cuda {
namespace {

TEST(CudaReadRateTest, IsThatOfADevice) {
  QED_REQUIRE_DEVICE();
  const Clock::Time begun = Clock::Real().Now();
  const auto rate = MeasureReadRate();
  const double seconds = Seconds(Clock::Real().Now() - begun);
  ASSERT_TRUE(rate.ok()) << rate.status().message();
  // At least 256 MiB were read at least twice meanwhile, and the best time is no slower than all.
  EXPECT_GT(*rate, (512 << 20) / seconds);
  EXPECT_LT(*rate, 2e13);  // faster than any
}

}  // namespace
}  // namespace qed::cuda

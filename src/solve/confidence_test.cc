#include "solve/confidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(ConfidenceMeter, IsEmptyBeforeTheFirstToken) {
  const ConfidenceMeter meter(4);
  EXPECT_EQ(meter.mean(), std::nullopt);
  EXPECT_EQ(meter.lowest_window(), std::nullopt);
}

TEST(ConfidenceMeter, TakesAllTokensWhereTheyAreFewerThanAWindow) {
  ConfidenceMeter meter(4);
  meter.Add(-1);
  meter.Add(-4);
  EXPECT_FALSE(meter.window_full());
  EXPECT_DOUBLE_EQ(*meter.lowest_window(), -2.5);
}

TEST(ConfidenceMeter, FindsTheLowestWindow) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> logprob(-6, 0);
  for (const int32_t window : {1, 2, 5, 64}) {
    ConfidenceMeter meter(window);
    std::vector<double> values;
    for (int i = 0; i < 500; ++i) {
      const float value = logprob(random);
      values.push_back(value);
      meter.Add(value);
    }
    double lowest = 0;
    double sum = 0;
    for (size_t end = static_cast<size_t>(window); end <= values.size(); ++end) {
      double total = 0;
      for (size_t i = end - static_cast<size_t>(window); i < end; ++i) total += values[i];
      lowest = std::min(lowest, total / window);
    }
    for (const double value : values) sum += value;
    EXPECT_NEAR(*meter.lowest_window(), lowest, 1e-9) << window;
    EXPECT_NEAR(*meter.mean(), sum / 500, 1e-9);
  }
}

TEST(ConfidenceMeter, LeavesOutWhatIsNotFinite) {
  ConfidenceMeter meter(2);
  meter.Add(-std::numeric_limits<float>::infinity());
  meter.Add(std::numeric_limits<float>::quiet_NaN());
  meter.Add(-1);
  EXPECT_EQ(meter.count(), 1);
  EXPECT_DOUBLE_EQ(*meter.mean(), -1);
}

TEST(VoteWeight, IsAProbability) {
  EXPECT_DOUBLE_EQ(VoteWeight(std::nullopt), 1);
  EXPECT_DOUBLE_EQ(VoteWeight(0.0), 1);
  EXPECT_DOUBLE_EQ(VoteWeight(-2.0), std::exp(-2.0));
  EXPECT_DOUBLE_EQ(VoteWeight(1e-6), 1);  // Rounding may bring a mean above 0.
}

TEST(PruningThreshold, IsAQuantile) {
  const std::vector<double> values = {-3, -1, -2, -5, -4};
  EXPECT_DOUBLE_EQ(PruningThreshold(values, 1.0), -5);
  EXPECT_DOUBLE_EQ(PruningThreshold(values, 0.5), -3);
  EXPECT_DOUBLE_EQ(PruningThreshold(values, 0.9), -5 + 0.4);
  EXPECT_DOUBLE_EQ(PruningThreshold(std::vector<double>{-2.0}, 0.1), -2);
}

}  // namespace
}  // namespace qed

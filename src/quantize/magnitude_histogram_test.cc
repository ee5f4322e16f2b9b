#include "quantize/magnitude_histogram.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

// About normal, a deviation of 1.
std::vector<float> Values(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    float sum = -6;
    for (uint64_t k = 0; k < 12; ++k) sum += UniformFloat(k, 5, i);
    values[i] = sum;
  }
  return values;
}

MagnitudeHistogram Of(const std::vector<float>& values) {
  MagnitudeHistogram histogram;
  histogram.Add(values.data(), static_cast<int64_t>(values.size()));
  return histogram;
}

double RealError(const std::vector<float>& values, float clip) {
  double error = 0, size = 0;
  for (float v : values) {
    const float scale = clip / kFp8Largest;
    const double difference = double{v} - double{Fp8ToFloat(FloatToFp8(v / scale))} * scale;
    error += difference * difference;
    size += double{v} * v;
  }
  return std::sqrt(error / size);
}

TEST(MagnitudeHistogramTest, MaxIsExactAndQuantilesAreWithinAStep) {
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = (i % 2 == 0 ? 1 : -1) * (0.001F * (i + 1));
  const MagnitudeHistogram histogram = Of(values);
  EXPECT_EQ(histogram.largest(), 1.0F);
  EXPECT_EQ(histogram.count(), 1000);
  for (double fraction : {0.1, 0.5, 0.9, 0.999}) {
    const float quantile = histogram.Quantile(fraction);
    EXPECT_GE(quantile, fraction * 0.999);
    EXPECT_LE(quantile, fraction * (1 + 1.0 / 64) + 0.001);
  }
  EXPECT_EQ(histogram.Choose(Observer::kMax).scale, 1.0F / kFp8Largest);
}

TEST(MagnitudeHistogramTest, ExpectedErrorsAreThoseOfTheValues) {
  const std::vector<float> values = Values(20000);
  const MagnitudeHistogram histogram = Of(values);
  for (float clip : {histogram.largest(), 2.0F, 1.0F, 0.5F}) {
    const double real = RealError(values, clip);
    EXPECT_NEAR(histogram.ErrorAt(clip), real, 0.03 * real) << clip;
  }
}

// One value far above the others pushes them into FP8's coarse codes near zero, or, at
// last, below them.
TEST(MagnitudeHistogramTest, AutoClipsOnlyWhereItGains) {
  std::vector<float> values = Values(20000);
  EXPECT_EQ(Of(values).Choose(Observer::kAuto).observer, Observer::kMax);
  for (float& value : values) value *= 1e-5F;
  values[7] = 1.0F;
  values[8] = 0.05F;
  const MagnitudeHistogram histogram = Of(values);
  const ChosenScale max = histogram.Choose(Observer::kMax);
  const ChosenScale least = histogram.Choose(Observer::kError);
  const ChosenScale percentile = histogram.Choose(Observer::kPercentile);
  EXPECT_LE(least.error, max.error);
  EXPECT_EQ(least.max_error, max.error);
  EXPECT_LT(percentile.scale, max.scale / 1000);
}

TEST(MagnitudeHistogramTest, CountsWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const MagnitudeHistogram histogram = Of({1, -2, infinity, std::nanf(""), -infinity});
  EXPECT_EQ(histogram.not_finite(), 3);
  EXPECT_EQ(histogram.largest(), 2.0F);
}

// What a GPU counts is what the CPU adds up, value by value.
TEST(MagnitudeHistogramTest, CountsOfBFloat16AreTheirValues) {
  std::vector<float> values = Values(5000);
  std::vector<uint64_t> counts(1 << 15, 0);
  values.push_back(std::numeric_limits<float>::infinity());
  for (float& value : values) {
    const uint16_t bits = FloatToBFloat16(value);
    value = BFloat16ToFloat(bits);
    ++counts[bits & 0x7FFF];
  }
  const MagnitudeHistogram expected = Of(values);
  MagnitudeHistogram counted;
  counted.AddCounts(counts);
  EXPECT_EQ(counted.count(), expected.count());
  EXPECT_EQ(counted.not_finite(), 1);
  EXPECT_EQ(counted.largest(), expected.largest());
  for (Observer observer : {Observer::kMax, Observer::kPercentile, Observer::kError}) {
    EXPECT_EQ(counted.Choose(observer).scale, expected.Choose(observer).scale);
    EXPECT_EQ(counted.Choose(observer).error, expected.Choose(observer).error);
  }
}

TEST(ObserverTest, ReadsItsNames) {
  for (Observer observer :
       {Observer::kMax, Observer::kPercentile, Observer::kError, Observer::kAuto}) {
    EXPECT_EQ(*ParseObserver(ObserverName(observer)), observer);
  }
  EXPECT_NE(ParseObserver("mean").status().message().find("--observer"), std::string::npos);
}

}  // namespace
}  // namespace qed

#include "model/rope_frequencies.h"

#include <cmath>
#include <numbers>

#include "gtest/gtest.h"

namespace qed {
namespace {

ModelConfig Config() {
  ModelConfig config;
  config.head_dim = 64;
  config.rope_theta = 500000.0f;
  return config;
}

TEST(RopeFrequenciesTest, FallGeometrically) {
  const auto frequencies = RopeFrequencies(Config());
  ASSERT_EQ(frequencies.size(), 32u);
  EXPECT_EQ(frequencies[0], 1.0);
  for (size_t i = 0; i < 32; ++i) {
    EXPECT_NEAR(frequencies[i], std::pow(500000.0, -static_cast<double>(i) / 32), 1e-12);
  }
}

TEST(RopeFrequenciesTest, FactorsOfTheFileDivide) {
  ModelConfig config = Config();
  const auto plain = RopeFrequencies(config);
  config.rope_freq_factors.assign(32, 1.0f);
  config.rope_freq_factors[7] = 4.0f;
  const auto scaled = RopeFrequencies(config);
  EXPECT_EQ(scaled[6], plain[6]);
  EXPECT_EQ(scaled[7], plain[7] / 4);
}

// Short waves stay, long ones are stretched by the factor, and in between the
// frequency goes from one to the other without a step.
TEST(RopeFrequenciesTest, Llama3ScalesByWavelength) {
  ModelConfig config = Config();
  const auto plain = RopeFrequencies(config);
  config.rope_scaling = {
      .factor = 8, .low_freq_factor = 1, .high_freq_factor = 4, .original_context = 8192};
  const auto scaled = RopeFrequencies(config);
  int between = 0;
  for (size_t i = 0; i < 32; ++i) {
    const double wavelength = 2 * std::numbers::pi / plain[i];
    if (wavelength < 8192.0 / 4) {
      EXPECT_EQ(scaled[i], plain[i]);
    } else if (wavelength > 8192.0) {
      EXPECT_EQ(scaled[i], plain[i] / 8);
    } else {
      ++between;
      EXPECT_LT(scaled[i], plain[i]);
      EXPECT_GT(scaled[i], plain[i] / 8);
    }
  }
  EXPECT_GT(between, 1);
}

}  // namespace
}  // namespace qed

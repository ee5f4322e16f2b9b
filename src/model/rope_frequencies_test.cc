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
  config.rope_scaling.kind = RopeScaling::Kind::kLlama3;
  config.rope_scaling.factor = 8;
  config.rope_scaling.original_context = 8192;
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

TEST(RopeFrequenciesTest, LinearDividesEach) {
  ModelConfig config = Config();
  const auto plain = RopeFrequencies(config);
  config.rope_scaling.kind = RopeScaling::Kind::kLinear;
  config.rope_scaling.factor = 4;
  const auto scaled = RopeFrequencies(config);
  for (size_t i = 0; i < 32; ++i) EXPECT_EQ(scaled[i], plain[i] / 4);
}

// From transformers 5.23, _compute_yarn_parameters: theta 1e6, D 128, factor 4,
// original context 32768 (Qwen2.5's), and the same without truncation.
TEST(RopeFrequenciesTest, YarnIsTransformers) {
  ModelConfig config;
  config.head_dim = 128;
  config.rope_theta = 1e6f;
  config.rope_scaling.kind = RopeScaling::Kind::kYarn;
  config.rope_scaling.factor = 4;
  config.rope_scaling.original_context = 32768;
  struct Wanted {
    size_t pair;
    double truncated, exact;
  };
  const Wanted wanted[] = {
      {0, 1.000000000e+00, 1.000000000e+00},  {10, 1.154782027e-01, 1.154782027e-01},
      {23, 6.978305988e-03, 6.978305988e-03}, {24, 5.375321489e-03, 5.517270416e-03},
      {30, 1.064360957e-03, 1.079237671e-03}, {35, 2.462583943e-04, 2.445188875e-04},
      {39, 6.490394298e-05, 6.187807594e-05}, {40, 4.445698505e-05, 4.445698505e-05},
      {41, 3.582531644e-05, 3.582531644e-05}, {50, 5.133812465e-06, 5.133812465e-06},
      {63, 3.102344408e-07, 3.102344408e-07},
  };
  const auto truncated = RopeFrequencies(config);
  config.rope_scaling.truncate = false;
  const auto exact = RopeFrequencies(config);
  for (const Wanted& w : wanted) {
    EXPECT_NEAR(truncated[w.pair], w.truncated, 1e-6 * w.truncated) << w.pair;
    EXPECT_NEAR(exact[w.pair], w.exact, 1e-6 * w.exact) << w.pair;
  }
}

}  // namespace
}  // namespace qed

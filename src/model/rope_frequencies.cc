#include "model/rope_frequencies.h"

#include <cmath>
#include <numbers>

#include "base/check.h"

namespace qed {
namespace {

// Llama-3: wavelengths that fit often into the original context stay, those that
// do not fit are stretched by `factor`, and between the two the change is gradual.
double ScaleLlama3(const RopeScaling& scaling, double frequency) {
  const double turns = scaling.original_context * frequency / (2 * std::numbers::pi);
  if (turns < scaling.low_freq_factor) return frequency / scaling.factor;
  if (turns > scaling.high_freq_factor) return frequency;
  const double keep =
      (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - keep) * frequency / scaling.factor + keep * frequency;
}

}  // namespace

std::vector<double> RopeFrequencies(const ModelConfig& config) {
  const int32_t half = config.head_dim / 2;
  const auto& factors = config.rope_freq_factors;
  QED_CHECK(factors.empty() || factors.size() == static_cast<size_t>(half)) << factors.size();
  std::vector<double> frequencies(half);
  for (int32_t i = 0; i < half; ++i) {
    double frequency = std::pow(static_cast<double>(config.rope_theta), -2.0 * i / config.head_dim);
    if (!factors.empty()) {
      frequency /= factors[i];
    } else if (config.rope_scaling.factor != 1.0f) {
      frequency = ScaleLlama3(config.rope_scaling, frequency);
    }
    frequencies[i] = frequency;
  }
  return frequencies;
}

}  // namespace qed

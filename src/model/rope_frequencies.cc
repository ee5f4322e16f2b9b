#include "model/rope_frequencies.h"

#include <algorithm>
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

// The pair of a head of D dimensions that makes `turns` turns in the original context.
double PairOfTurns(const ModelConfig& config, double turns) {
  const double context = config.rope_scaling.original_context;
  return config.head_dim * std::log(context / (turns * 2 * std::numbers::pi)) /
         (2 * std::log(static_cast<double>(config.rope_theta)));
}

// YaRN: pairs before `low` stay, those from `high` on are divided by the factor, and
// between the two the change is gradual.
double ScaleYarn(const ModelConfig& config, int32_t pair, double frequency) {
  const RopeScaling& scaling = config.rope_scaling;
  double low = PairOfTurns(config, scaling.beta_fast);
  double high = PairOfTurns(config, scaling.beta_slow);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(config.head_dim - 1));
  if (low == high) high += 0.001;
  const double ramp = std::clamp((pair - low) / (high - low), 0.0, 1.0);
  return frequency / scaling.factor * ramp + frequency * (1 - ramp);
}

double Scale(const ModelConfig& config, int32_t pair, double frequency) {
  switch (config.rope_scaling.kind) {
    case RopeScaling::Kind::kNone:
      return frequency;
    case RopeScaling::Kind::kLlama3:
      return ScaleLlama3(config.rope_scaling, frequency);
    case RopeScaling::Kind::kLinear:
      return frequency / config.rope_scaling.factor;
    case RopeScaling::Kind::kYarn:
      return ScaleYarn(config, pair, frequency);
  }
  return frequency;
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
    } else {
      frequency = Scale(config, i, frequency);
    }
    frequencies[i] = frequency;
  }
  return frequencies;
}

}  // namespace qed

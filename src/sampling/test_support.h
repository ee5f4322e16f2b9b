// What the tests of choosing tokens share.
#ifndef QED_SAMPLING_TEST_SUPPORT_H_
#define QED_SAMPLING_TEST_SUPPORT_H_

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "config/sampling_params.h"

namespace qed {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Normal values of deviation `spread`.
inline std::vector<float> RandomLogits(int32_t vocab, float spread, uint32_t seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> logits(static_cast<size_t>(vocab));
  for (float& x : logits) x = normal(rng);
  return logits;
}

inline SamplingParams ParamsOf(float temperature, int32_t top_k, float top_p, float min_p,
                               uint64_t seed = 99) {
  SamplingParams params;
  params.temperature = temperature;
  params.top_k = top_k;
  params.top_p = top_p;
  params.min_p = min_p;
  params.seed = seed;
  return params;
}

}  // namespace qed

#endif  // QED_SAMPLING_TEST_SUPPORT_H_

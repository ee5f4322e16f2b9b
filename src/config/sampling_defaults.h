// What a checkpoint's generation_config.json says of sampling.
#ifndef QED_CONFIG_SAMPLING_DEFAULTS_H_
#define QED_CONFIG_SAMPLING_DEFAULTS_H_

#include <cstdint>
#include <optional>

#include "config/sampling_params.h"

namespace qed {

// Empty where it says nothing.
struct SamplingDefaults {
  std::optional<float> temperature, top_p, min_p, repetition_penalty;
  std::optional<int32_t> top_k;

  void ApplyTo(SamplingParams* params) const {
    if (temperature) params->temperature = *temperature;
    if (top_p) params->top_p = *top_p;
    if (min_p) params->min_p = *min_p;
    if (repetition_penalty) params->repetition_penalty = *repetition_penalty;
    if (top_k) params->top_k = *top_k;
  }
};

}  // namespace qed

#endif  // QED_CONFIG_SAMPLING_DEFAULTS_H_

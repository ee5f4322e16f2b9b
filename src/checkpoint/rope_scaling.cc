#include "checkpoint/rope_scaling.h"

#include <algorithm>
#include <cmath>

namespace qed {

Status StretchContext(int32_t tokens, float factor, ModelConfig& config) {
  const double stretched = static_cast<double>(tokens) * factor;
  if (!(stretched <= 1 << 24)) return Corrupt("RoPE is scaled to an impossible context");
  config.context_length = std::max(config.context_length, static_cast<int32_t>(stretched));
  return OkStatus();
}

float YarnAttention(float factor, float scale) {
  return factor <= 1.0f ? 1.0f : 0.1f * scale * std::log(factor) + 1.0f;
}

Status FinishRopeScaling(ModelConfig& config) {
  const RopeScaling& scaling = config.rope_scaling;
  if (scaling.kind == RopeScaling::Kind::kLinear) {
    if (!(scaling.factor >= 1.0f)) return Corrupt("the linear RoPE factor is below 1");
    return StretchContext(config.context_length, scaling.factor, config);
  }
  if (scaling.original_context < 1) return Corrupt("the original context of YaRN is below 1");
  if (!(scaling.factor >= 1.0f && scaling.beta_slow > 0.0f &&
        scaling.beta_fast > scaling.beta_slow && scaling.attention_factor > 0.0f &&
        std::isfinite(scaling.attention_factor) && config.rope_theta > 1.0f)) {
    return Corrupt("the YaRN factors contradict each other");
  }
  return StretchContext(scaling.original_context, scaling.factor, config);
}

}  // namespace qed

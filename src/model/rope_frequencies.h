// The angles by which RoPE turns each pair of dimensions, per token.
#ifndef QED_MODEL_ROPE_FREQUENCIES_H_
#define QED_MODEL_ROPE_FREQUENCIES_H_

#include <vector>

#include "config/model_config.h"

namespace qed {

// [D/2], radians per position: rope_theta^(-2i/D), scaled as rope_freq_factors
// or, where those are absent, rope_scaling says.
std::vector<double> RopeFrequencies(const ModelConfig& config);

}  // namespace qed

#endif  // QED_MODEL_ROPE_FREQUENCIES_H_

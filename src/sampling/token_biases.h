// Tokens that a request makes likelier, less likely or, for a while, impossible:
// logit_bias (OpenAI's API) and the ends that min_tokens bars (vLLM's).
#ifndef QED_SAMPLING_TOKEN_BIASES_H_
#define QED_SAMPLING_TOKEN_BIASES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "config/sampling_params.h"
#include "kernels/cuda/sampling.h"

namespace qed {

using cuda::TokenBias;

// Most entries of logit_bias; stop ids and the model's own ends come on top.
inline constexpr size_t kMaxLogitBiases = 512;
static_assert(kMaxLogitBiases < cuda::kMaxTokenBiases);

// The biases of a request, by id; none where it asks for none. REQUIRES: valid
// parameters (ValidateSamplingParams).
std::vector<TokenBias> MakeTokenBiases(const SamplingParams& params);

// Whether barred ids are barred for the token at this position.
inline bool BarsAt(const SamplingParams& params, uint64_t position) {
  return position < params.barred_until;
}

// Changes a row's logits; what is barred becomes minus infinity.
void ApplyBiases(std::span<const TokenBias> biases, bool barring, std::span<float> logits);

}  // namespace qed

#endif  // QED_SAMPLING_TOKEN_BIASES_H_

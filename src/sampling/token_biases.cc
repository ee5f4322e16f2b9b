#include "sampling/token_biases.h"

#include <limits>
#include <map>

namespace qed {

std::vector<TokenBias> MakeTokenBiases(const SamplingParams& params) {
  std::map<int32_t, TokenBias> by_id;
  for (const auto& [id, bias] : params.logit_bias) by_id[id] = {id, bias, 0};
  for (const int32_t id : params.barred_ids) {
    by_id[id].id = id;
    by_id[id].barred = 1;
  }
  std::vector<TokenBias> biases;
  for (const auto& [id, bias] : by_id) biases.push_back(bias);
  return biases;
}

void ApplyBiases(std::span<const TokenBias> biases, bool barring, std::span<float> logits) {
  for (const TokenBias& bias : biases) {
    float& logit = logits[static_cast<size_t>(bias.id)];
    logit =
        barring && bias.barred != 0 ? -std::numeric_limits<float>::infinity() : logit + bias.bias;
  }
}

}  // namespace qed

#include "sampling/token_counts.h"

#include <algorithm>

namespace qed {

TokenCounts::TokenCounts(int32_t vocab_size, int64_t max_tokens) : generated_(vocab_size, -1) {
  seen_.reserve(std::min<int64_t>(vocab_size, max_tokens));
}

void TokenCounts::Add(int32_t id, bool generated) {
  int32_t& count = generated_[id];
  if (count < 0) {
    seen_.push_back(id);
    count = 0;
  }
  if (generated) ++count;
}

void TokenCounts::ApplyPenalties(const SamplingParams& params, std::span<float> logits) const {
  for (int32_t id : seen_) {
    float& logit = logits[id];
    logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
    if (generated_[id] == 0) continue;
    logit -= params.frequency_penalty * static_cast<float>(generated_[id]);
    logit -= params.presence_penalty;
  }
}

}  // namespace qed

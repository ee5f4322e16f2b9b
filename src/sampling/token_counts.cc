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

void TokenCounts::ApplyPenalties(const SamplingParams& params, std::span<const int32_t> drafts,
                                 std::span<float> logits) const {
  const auto apply = [&](int32_t id) {
    const auto drafted = static_cast<int32_t>(std::ranges::count(drafts, id));
    const int32_t generated = std::max(generated_[id], 0) + drafted;
    float& logit = logits[id];
    logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
    if (generated == 0) return;
    logit -= params.frequency_penalty * static_cast<float>(generated);
    logit -= params.presence_penalty;
  };
  for (int32_t id : seen_) apply(id);
  for (size_t i = 0; i < drafts.size(); ++i) {
    const bool new_here = std::ranges::find(drafts.first(i), drafts[i]) == drafts.begin() + i;
    if (generated_[drafts[i]] < 0 && new_here) apply(drafts[i]);
  }
}

}  // namespace qed

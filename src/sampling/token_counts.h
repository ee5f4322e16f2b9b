// What a sequence has said so far, as penalties need it.
#ifndef QED_SAMPLING_TOKEN_COUNTS_H_
#define QED_SAMPLING_TOKEN_COUNTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "config/sampling_params.h"

namespace qed {

// Whether these parameters need TokenCounts.
inline bool HasPenalties(const SamplingParams& params) {
  return params.repetition_penalty != 1.0f || params.presence_penalty != 0.0f ||
         params.frequency_penalty != 0.0f;
}

class TokenCounts {
 public:
  // `max_tokens`: most that will be added; Add allocates nothing up to there.
  TokenCounts(int32_t vocab_size, int64_t max_tokens);

  // REQUIRES: id in [0, V).
  void Add(int32_t id, bool generated);

  // Changes the logits of the tokens seen, in the order in which vLLM does it:
  // the repetition penalty divides positive logits and multiplies others
  // (Keskar et al., arXiv:1909.05858), then the frequency penalty is subtracted
  // once per generated occurrence and the presence penalty once (OpenAI's API).
  // `drafts` count as if they had been generated after all that was added.
  void ApplyPenalties(const SamplingParams& params, std::span<const int32_t> drafts,
                      std::span<float> logits) const;

 private:
  // -1: not seen; else how often it was generated.
  std::vector<int32_t> generated_;  // [V]
  std::vector<int32_t> seen_;       // distinct ids
};

}  // namespace qed

#endif  // QED_SAMPLING_TOKEN_COUNTS_H_

// How one request wants its tokens drawn. Fixed when the request is submitted.
#ifndef QED_CONFIG_SAMPLING_PARAMS_H_
#define QED_CONFIG_SAMPLING_PARAMS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/knob.h"

namespace qed {

struct SamplingParams {
  float temperature = 1.0f;         // 0: greedy
  int32_t top_k = 0;                // 0: off
  float top_p = 1.0f;               // 1: off
  float min_p = 0.0f;               // 0: off
  float repetition_penalty = 1.0f;  // over prompt and generated tokens; 1: off
  float presence_penalty = 0.0f;    // over generated tokens
  float frequency_penalty = 0.0f;   // over generated tokens
  uint64_t seed = 0;
  uint64_t sample_index = 0;  // which of the samples under this seed: the random stream
  int32_t max_tokens = 512;   // generated, not counting the prompt

  std::vector<std::string> stop;        // text that ends generation
  std::vector<int32_t> stop_token_ids;  // beside the model's own end-of-sequence ids
  bool ignore_eos = false;
  bool include_stop_text = false;  // keep the matched stop string in the text
  // No end of text and no stop id before so many tokens are generated, and no stop
  // string in the text of these.
  int32_t min_tokens = 0;
  // Added to the logits of these ids before penalties; ids differ.
  std::vector<std::pair<int32_t, float>> logit_bias;
  int32_t logprobs = -1;  // -1: none; k: the chosen token's and the top k
  // The first tokens generated, whatever the model says: a recorded answer that is
  // computed again, to measure its speed.
  std::vector<int32_t> forced_tokens;

  // The engine's own, from min_tokens: ids that are not drawn below this position of
  // the sequence.
  std::vector<int32_t> barred_ids;
  uint64_t barred_until = 0;
};

template <typename Visitor>
void VisitKnobs(SamplingParams& p, Visitor&& visit) {
  visit(Knob{"temperature", "", "softmax temperature; 0 takes the likeliest token"}, p.temperature,
        KnobRange<float>{0.0f, 100.0f});
  visit(Knob{"top-k", "tokens", "keep the k likeliest; 0 keeps all"}, p.top_k,
        KnobRange<int32_t>{0, 1 << 20});
  visit(Knob{"top-p", "", "keep the smallest set with this probability; 1 keeps all"}, p.top_p,
        KnobRange<float>{1e-6f, 1.0f});
  visit(Knob{"min-p", "", "drop tokens below this share of the likeliest; 0 keeps all"}, p.min_p,
        KnobRange<float>{0.0f, 1.0f});
  visit(Knob{"repetition-penalty", "", "divides positive logits of tokens seen before; 1 is off"},
        p.repetition_penalty, KnobRange<float>{0.01f, 100.0f});
  visit(Knob{"presence-penalty", "", "subtracted from logits of generated tokens"},
        p.presence_penalty, KnobRange<float>{-100.0f, 100.0f});
  visit(Knob{"frequency-penalty", "", "subtracted once per occurrence in the generated text"},
        p.frequency_penalty, KnobRange<float>{-100.0f, 100.0f});
  visit(Knob{"seed", "", "of the random numbers"}, p.seed, KnobRange<uint64_t>{0, UINT64_MAX});
  visit(Knob{"max-tokens", "tokens", "most tokens to generate"}, p.max_tokens,
        KnobRange<int32_t>{1, 1 << 24});
}

}  // namespace qed

#endif  // QED_CONFIG_SAMPLING_PARAMS_H_

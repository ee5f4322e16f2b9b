#include "sampling/device_sampling.h"

#include <algorithm>
#include <limits>

#include "sampling/sampler.h"
#include "sampling/token_biases.h"
#include "sampling/token_counts.h"

namespace qed {

static_assert(cuda::kMaxTopTokens == kMaxLogprobs);

cuda::SamplingRow MakeSamplingRow(const SamplingParams& params, const DeviceSample& sample,
                                  int32_t vocab_size) {
  cuda::SamplingRow row = {
      .seed = params.seed,
      .stream = params.sample_index,
      .position = sample.position,
      .top_p = params.top_p,
      .min_p = params.min_p,
      .top_k = params.top_k,
      .repetition = params.repetition_penalty,
      .presence = params.presence_penalty,
      .frequency = params.frequency_penalty,
      .has_penalties = HasPenalties(params) && sample.next,
      .given = sample.given,
      .slot = sample.slot,
      .next = sample.next,
      .logprobs = params.logprobs >= 0 || (sample.given >= 0 && !sample.next),
      .num_top = std::clamp(params.logprobs, 0, std::min(vocab_size, kMaxLogprobs)),
      .num_biases = sample.next ? sample.num_biases : 0,
      .barring = BarsAt(params, sample.position),
      .draft = sample.draft,
      .place = sample.place,
  };
  // A temperature so low that its inverse overflows is greedy.
  if (params.temperature > 0) {
    row.scale = std::min(1.0f / params.temperature, std::numeric_limits<float>::max());
  }
  return row;
}

}  // namespace qed

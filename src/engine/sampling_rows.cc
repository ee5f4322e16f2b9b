#include "engine/sampling_rows.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "sampling/token_counts.h"

namespace qed {

static_assert(cuda::kMaxTopTokens == kMaxLogprobs);

cuda::SamplingRow MakeSamplingRow(const SamplingParams& params, int32_t slot) {
  cuda::SamplingRow row;
  row.seed = params.seed;
  row.stream = params.sample_index;
  if (params.temperature > 0) {
    // A temperature so low that its inverse overflows is greedy, as on the CPU.
    row.scale = std::min(1.0f / params.temperature, std::numeric_limits<float>::max());
  }
  row.top_p = params.top_p;
  row.min_p = params.min_p;
  row.top_k = params.top_k;
  row.repetition = params.repetition_penalty;
  row.presence = params.presence_penalty;
  row.frequency = params.frequency_penalty;
  row.has_penalties = HasPenalties(params) ? 1 : 0;
  row.slot = slot;
  row.logprobs = params.logprobs >= 0 ? 1 : 0;
  row.num_top = std::max(params.logprobs, 0);
  return row;
}

SamplingTotals FillSamplingRows(const StepBatch& batch, std::span<const cuda::SamplingRow> slots,
                                std::span<cuda::SamplingRow> rows) {
  QED_CHECK_EQ(rows.size(), batch.samples.size());
  SamplingTotals totals;
  for (size_t r = 0; r < rows.size(); ++r) {
    const StepSample& sample = batch.samples[r];
    cuda::SamplingRow& row = rows[r];
    row = slots[batch.slots[sample.sequence]];
    row.position = sample.position;
    row.given = sample.given;
    if (!sample.next) {
      row.next = 0;
      row.has_penalties = 0;
      row.logprobs = 1;
    }
    row.first_top = totals.num_tops;
    totals.num_tops += row.num_top;
    totals.any_logprobs = totals.any_logprobs || row.logprobs != 0;
  }
  return totals;
}

void ReadSamples(std::span<const cuda::SamplingRow> rows, const cuda::TokenLogprob* result,
                 std::span<SampledToken> out) {
  QED_CHECK_EQ(rows.size(), out.size());
  const cuda::TokenLogprob* tops = result + rows.size();
  for (size_t r = 0; r < rows.size(); ++r) {
    out[r].id = result[r].id;
    out[r].logprob = rows[r].logprobs != 0 ? result[r].logprob : 0.0f;
    out[r].top.clear();
    if (out[r].id < 0) continue;
    for (const cuda::TokenLogprob& top :
         std::span(tops + rows[r].first_top, static_cast<size_t>(rows[r].num_top))) {
      if (top.id >= 0) out[r].top.emplace_back(top.id, top.logprob);
    }
  }
}

}  // namespace qed

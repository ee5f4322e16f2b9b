#include "engine/sampling_rows.h"

#include <utility>

#include "base/check.h"
#include "sampling/device_sampling.h"

namespace qed {

SamplingTotals FillSamplingRows(const StepBatch& batch, std::span<const SamplingParams> params,
                                std::span<const int32_t> num_biases, int32_t vocab_size,
                                std::span<cuda::SamplingRow> rows) {
  QED_CHECK_EQ(rows.size(), batch.samples.size());
  SamplingTotals totals;
  for (size_t r = 0; r < rows.size(); ++r) {
    const StepSample& sample = batch.samples[r];
    const int32_t slot = batch.slots[sample.sequence];
    const bool drafted = r > 0 && batch.samples[r - 1].draft >= 0;
    rows[r] = MakeSamplingRow(params[slot],
                              {.slot = slot,
                               .position = sample.position,
                               .given = sample.given,
                               .next = sample.next,
                               .num_biases = num_biases[slot],
                               .draft = sample.draft,
                               .place = drafted ? rows[r - 1].place + 1 : 0},
                              vocab_size);
    rows[r].first_top = totals.num_tops;
    totals.num_tops += rows[r].num_top;
    totals.any_logprobs = totals.any_logprobs || rows[r].logprobs != 0;
    totals.any_drafts = totals.any_drafts || sample.draft >= 0;
  }
  return totals;
}

int32_t PackChains(const StepBatch& batch, std::span<int32_t> first_rows,
                   std::vector<int32_t>& chain_of_sequence) {
  chain_of_sequence.assign(batch.forward.sequences.size(), -1);
  int32_t chains = 0;
  for (size_t row = 0; row < batch.samples.size(); ++row) {
    const StepSample& sample = batch.samples[row];
    int32_t& chain = chain_of_sequence[static_cast<size_t>(sample.sequence)];
    if (!sample.next || chain >= 0) continue;
    if (std::cmp_equal(chains, first_rows.size())) return 0;
    first_rows[static_cast<size_t>(chains)] = static_cast<int32_t>(row);
    chain = chains++;
  }
  return chains;
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

// The GPU's form of what a step samples, and of what came of it
// (kernels/cuda/sampling.h). Host code alone.
#ifndef QED_ENGINE_SAMPLING_ROWS_H_
#define QED_ENGINE_SAMPLING_ROWS_H_

#include <cstdint>
#include <span>

#include "config/sampling_params.h"
#include "engine/step_runner.h"
#include "kernels/cuda/sampling.h"
#include "sampling/sampler.h"

namespace qed {

// What a step's rows add up to.
struct SamplingTotals {
  int32_t num_tops = 0;  // likeliest tokens wanted
  bool any_logprobs = false;
  bool any_drafts = false;
};

// rows[r] becomes the row of batch.samples[r]; params[s] and num_biases[s] are those of
// slot s.
SamplingTotals FillSamplingRows(const StepBatch& batch, std::span<const SamplingParams> params,
                                std::span<const int32_t> num_biases, int32_t vocab_size,
                                std::span<cuda::SamplingRow> rows);

// The result of these rows. Allocates nothing where each SampledToken::top has room
// for kMaxLogprobs.
void ReadSamples(std::span<const cuda::SamplingRow> rows, const cuda::TokenLogprob* result,
                 std::span<SampledToken> out);

// The chains of drafts that a head begins behind a step: of each sequence that has new tokens, the
// first row that draws one. chain_of_sequence[s] is its chain, or -1. Returns their number, or 0
// where there are more than first_rows has room for: then none is to be begun.
int32_t PackChains(const StepBatch& batch, std::span<int32_t> first_rows,
                   std::vector<int32_t>& chain_of_sequence);

}  // namespace qed

#endif  // QED_ENGINE_SAMPLING_ROWS_H_

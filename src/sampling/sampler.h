// Logits to tokens.
//
// Order (vLLM's): biases, penalties, temperature, min-p, top-k, top-p; each filter works
// on the distribution that the one before left, renormalized. Ties are settled
// for the lower id, in greedy choice and in every filter. Log-probabilities are
// those of the model itself: of the raw logits, before biases, penalties and
// temperature (vLLM's "raw_logprobs").
//
// The random number of a token depends on (seed, sample_index, position) alone
// (base/rng.h), and a row's result on the row, its parameters and that number:
// not on the rows beside it, nor on the threads.
#ifndef QED_SAMPLING_SAMPLER_H_
#define QED_SAMPLING_SAMPLER_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "config/sampling_params.h"
#include "sampling/distribution.h"
#include "sampling/token_biases.h"
#include "sampling/token_counts.h"

namespace qed {

// Most likeliest tokens that log-probabilities are given for.
inline constexpr int32_t kMaxLogprobs = 100;

struct SampleRow {
  std::span<const float> logits;  // [V]
  const SamplingParams* params = nullptr;
  const TokenCounts* counts = nullptr;     // set if HasPenalties(*params)
  uint64_t position = 0;                   // of the token among those the sequence generated
  int32_t given = -1;                      // this token is only scored, nothing is drawn; -1: draw
  int32_t forced = -1;                     // takes the place of the token that was drawn; -1: none
  std::span<const TokenBias> biases = {};  // MakeTokenBiases(*params)
  // Drafts between what `counts` knows and this row: penalties count them too.
  std::span<const int32_t> drafts = {};
};

struct SampledToken {
  int32_t id = -1;                             // -1: the largest logit is not a finite number
  float logprob = 0;                           // where params.logprobs >= 0, or it was given
  std::vector<std::pair<int32_t, float>> top;  // the params.logprobs likeliest, likeliest first
};

// Checks what knob ranges cannot: the range of `logprobs`, stop and forced ids in
// [0, V), numbers that are not numbers.
Status ValidateSamplingParams(const SamplingParams& params, int32_t vocab_size);

// Called by one thread at a time. Allocates nothing after its constructor where
// each SampledToken::top has room for kMaxLogprobs.
class Sampler {
 public:
  // `pool` must outlive the sampler.
  Sampler(int32_t vocab_size, ThreadPool& pool);

  // out[i] becomes the token of rows[i].
  void Sample(std::span<const SampleRow> rows, std::span<SampledToken> out);

 private:
  // One thread's working memory.
  struct Scratch {
    std::atomic<bool> taken = false;
    std::vector<float> weights;         // [V]
    std::vector<double> block_sum;      // [blocks]
    std::vector<float> block_max;       // [blocks]
    std::vector<float> block_order;     // [blocks]
    std::vector<WeightedToken> tokens;  // at most [V]
  };

  Scratch& TakeScratch();
  static void SampleOne(const SampleRow& row, Scratch& scratch, SampledToken& out);
  static int32_t Draw(const SampleRow& row, std::span<const float> logits, float max,
                      Scratch& scratch);
  static WeightedToken LastOfTopK(const SamplingParams& params, WeightedToken last,
                                  Scratch& scratch, double* sum);
  static WeightedToken LastOfTopP(const SamplingParams& params, const WeightedToken& last,
                                  double sum, Scratch& scratch);
  static void FillLogprobs(const SampleRow& row, Scratch& scratch, SampledToken& out);

  ThreadPool& pool_;
  std::vector<Scratch> scratch_;  // [threads]
};

}  // namespace qed

#endif  // QED_SAMPLING_SAMPLER_H_

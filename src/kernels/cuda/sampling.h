// Logits to tokens on a GPU: what sampling/sampler.h does on the CPU, with the same
// order of filters, ties and random numbers. From the same logits it gives the same
// token but where the random number falls within the rounding of the CPU's sums
// (about one draw in 10^6).
//
// Everything a row needs is in its SamplingRow, copied with the step's other inputs;
// everything it gives is in one result, copied back at once.
#ifndef QED_KERNELS_CUDA_SAMPLING_H_
#define QED_KERNELS_CUDA_SAMPLING_H_

#include <cstddef>
#include <cstdint>

#include "cuda/stream.h"

namespace qed::cuda {

// Most likeliest tokens that log-probabilities are given for (as the CPU's sampler).
inline constexpr int32_t kMaxTopTokens = 100;

// Counts of a slot, [V]: 0 for a token not seen yet, else 1 + how often the model
// wrote it (at most 65,534 times counted).
inline constexpr uint16_t kUnseen = 0;

// A token that a request makes likelier or less likely, or bars for a while.
struct TokenBias {
  int32_t id = 0;
  float bias = 0;      // added to its logit
  int32_t barred = 0;  // not 0: impossible in rows with `barring` set
};

// Most of them for one slot.
inline constexpr int32_t kMaxTokenBiases = 2048;

// How one row of logits becomes a token.
struct SamplingRow {
  uint64_t seed = 0;
  uint64_t stream = 0;    // SamplingParams::sample_index
  uint64_t position = 0;  // of the token among those the sequence generated
  float scale = 0;        // 1 / temperature, finite; 0: the likeliest token
  float top_p = 1;        // 1: off
  float min_p = 0;        // 0: off
  int32_t top_k = 0;      // 0: off
  float repetition = 1;
  float presence = 0;
  float frequency = 0;
  int32_t has_penalties = 0;  // whether the slot's counts are used, where `next` is set
  int32_t given = -1;         // not -1: this is the token, whatever the logits say
  int32_t slot = 0;           // of the sequence
  int32_t next = 1;           // the token is the sequence's next: kept in `sampled`, counted
  int32_t logprobs = 0;       // whether its log-probability is wanted
  int32_t num_top = 0;        // and those of so many likeliest tokens, at most kMaxTopTokens
  int32_t first_top = 0;      // where they go among the step's
  int32_t num_biases = 0;     // of the slot's, used where `next` is set
  int32_t barring = 0;        // whether those that are barred are
  // A chain: rows one behind the other whose tokens are a sequence's next ones as long as
  // each is the row's draft. Only those are kept and counted.
  int32_t draft = -1;  // of this row's token, and the input of the row behind it; -1: none
  int32_t place = 0;   // rows of its chain before it, whose drafts count as generated
};
static_assert(sizeof(SamplingRow) == 96);

// id -1: the largest logit is not a finite number.
struct TokenLogprob {
  int32_t id = -1;
  float logprob = 0;
};

// A step's result: [R] tokens, then all rows' likeliest tokens; those that a small
// vocabulary does not have are -1.
inline int64_t SamplingResultBytes(int32_t rows, int32_t tops) {
  return (int64_t{rows} + tops) * static_cast<int64_t>(sizeof(TokenLogprob));
}

struct SamplingArgs {
  const float* logits = nullptr;      // [R, V]
  int32_t vocab_size = 0;             // at most 2^19
  const SamplingRow* rows = nullptr;  // [R]
  int32_t num_rows = 0;
  bool any_logprobs = false;          // of any row
  bool any_drafts = false;            // in any row
  uint16_t* counts = nullptr;         // [slots, V]
  const TokenBias* biases = nullptr;  // [slots, kMaxTokenBiases], each slot's by id
  int32_t* sampled = nullptr;         // [slots]: the latest token of each slot
  TokenLogprob* result = nullptr;
  int32_t num_tops = 0;         // of all rows
  uint32_t* scratch = nullptr;  // SamplingScratchBytes
};

// Device memory that the rows' keys need where shared memory cannot hold them: on
// GPUs without clusters of blocks (before compute capability 9.0) or for a very large
// vocabulary. 0 elsewhere. Asks the calling thread's GPU.
int64_t SamplingScratchBytes(int32_t vocab_size, int32_t max_rows);

// REQUIRES: every slot of `rows` below the slots of `counts`, `biases` and `sampled`.
void Sample(const SamplingArgs& args, StreamHandle stream);

// A slot's counts: forgets all where `clear` is set, then adds `num_tokens` tokens;
// generated[i] is whether the model wrote tokens[i]. All on the device. Ids outside
// [0, V) are left out.
void AddTokenCounts(uint16_t* counts, int32_t vocab_size, bool clear, const int32_t* tokens,
                    const uint8_t* generated, int32_t num_tokens, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_SAMPLING_H_

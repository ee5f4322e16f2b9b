// What a ReDrafter head on a GPU does beside its products (checkpoint/drafter_checkpoint.h has
// the network): chains of drafts, each begun where the step's samples of a sequence end, each
// draft the likeliest token after those before it. From the samples to the drafts nothing
// goes to the host.
#ifndef QED_KERNELS_CUDA_DRAFT_CHAIN_H_
#define QED_KERNELS_CUDA_DRAFT_CHAIN_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/sampling.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

struct DraftToken {
  int32_t id = -1;
  float probability = 0;  // among the tokens that the head knows
};

// The step whose samples the chains go on from, as kernels/cuda/sampling.h has it.
struct SampledStep {
  const SamplingRow* rows = nullptr;     // [R]
  const TokenLogprob* result = nullptr;  // [R]
  const BFloat16* hidden = nullptr;      // [R, E], what the model's head saw
  // [chains]: the row of R that draws a sequence's first new token; those of its drafts are
  // behind it.
  const int32_t* first_rows = nullptr;
};

// Of C chains. E is the model's width, X the head's.
struct DraftChains {
  int32_t count = 0;
  int32_t hidden = 0;
  int32_t vocab_size = 0;               // of the model
  const BFloat16* embedding = nullptr;  // [vocab_size, E], the model's
  const int32_t* vocabulary = nullptr;  // [rows of the head] their tokens; null: row r is token r
  bool recurrent = true;                // else the state is the sum of the embeddings
  int32_t* latest = nullptr;            // [C]: rows of SampledStep::hidden
  int32_t* tokens = nullptr;            // [C]: what the chains are to go on with
  float* state = nullptr;               // [C, E]
  Activations input;                    // [C, 2 E]: the token's embedding, and the state
};

// Of each chain: the row whose token counts last, that token, and a state of zero.
void BeginChains(const DraftChains& chains, const SampledStep& step, StreamHandle stream);

// What the head is given of each chain: z = [h ; s] in f32 and as `out` says, both [C, 2 E];
// the state s is SiLU(recurrence) or, where the head is not recurrent, the token's embedding more.
void AdvanceStates(const DraftChains& chains, const BFloat16* hidden, const Product& recurrence,
                   float* z, const Activations& out, StreamHandle stream);

// z = product where `replace` is set, else z += SiLU(product); both [C, width], and as `out` says.
void AddBlock(int32_t chains, int32_t width, const Product& product, bool replace, float* z,
              const Activations& out, StreamHandle stream);

// The likeliest of the first `head_rows` logits [C, width] of each chain: drafts[c], and what the
// chain goes on with. Of equal ones the lower row; what is no number is never it where any is one.
void ChooseDrafts(const DraftChains& chains, const Product& logits, int32_t head_rows,
                  int32_t width, DraftToken* drafts, StreamHandle stream);

// REQUIRES of all: E and widths multiples of 4; 2 E and the head's width at most kMaxRowWidth.

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_DRAFT_CHAIN_H_

// Passes over one row of logits, with the blocks that let later passes skip
// nearly all of it.
//
// All results are functions of the row alone: sums are taken in one fixed order
// (16 lanes in a block, then the blocks in ascending order), whatever the processor.
#ifndef QED_SAMPLING_DISTRIBUTION_H_
#define QED_SAMPLING_DISTRIBUTION_H_

#include <cstdint>
#include <span>
#include <vector>

namespace qed {

// Values of a block. Small enough to skip well, large enough that the lists of
// blocks cost little beside the row (768 blocks for V = 49,152).
inline constexpr int32_t kLogitBlock = 64;

inline int32_t NumLogitBlocks(size_t vocab_size) {
  return static_cast<int32_t>((vocab_size + kLogitBlock - 1) / kLogitBlock);
}

struct WeightedToken {
  float weight = 0;
  int32_t id = 0;
};

// Heavier first; of equal ones the lower id.
inline bool Precedes(const WeightedToken& a, const WeightedToken& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

// The largest value; NaN counts for nothing. -infinity if there is none.
float MaxLogit(std::span<const float> logits);
// The lowest id whose logit is `max`. REQUIRES: there is one.
int32_t FindLogit(std::span<const float> logits, float max);

// block_max[b] = the largest value of block b.
void BlockMaxima(std::span<const float> logits, std::span<float> block_max);

// weights[i] = exp((logits[i] - max) * scale), 0 below e^-87 and for NaN. In
// place is fine. block_sum and block_max are those of the weights. Returns
// their sum. REQUIRES: max is the largest logit, scale > 0.
double ExpWeights(std::span<const float> logits, float max, float scale, std::span<float> weights,
                  std::span<double> block_sum, std::span<float> block_max);

// log(sum of exp(logits)). REQUIRES: max is the largest logit, finite.
double LogSumExp(std::span<const float> logits, float max);

// Appends to `out` (cleared first) the tokens that are `last` or precede it, in
// order of their ids. Returns the sum of their weights. Allocates nothing where
// `out` has room for all.
double CollectTokens(std::span<const float> weights, std::span<const float> block_max,
                     const WeightedToken& last, std::vector<WeightedToken>& out);

// A value that at least k of the weights reach, as large as the block maxima
// tell: the k-th largest of them; -infinity where k is above their number.
// Reorders `block_max`.
float LowerBoundOfTop(std::span<float> block_max, int32_t k);

}  // namespace qed

#endif  // QED_SAMPLING_DISTRIBUTION_H_

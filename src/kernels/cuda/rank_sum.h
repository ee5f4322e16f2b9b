// Sums of what several GPUs have of a product, over memory that they reach of each other
// (kernels/cuda/rank_links.h), with the residual stream, the norm and the quantization that
// follow them.
//
// A rank has its part of each product's inputs, so that its product is a part of the sum. All
// ranks call the same functions with the same sizes, in the same order, each on one stream. Sums
// are made in f32 in the order of the ranks: all ranks get the same bits, every time.
#ifndef QED_KERNELS_CUDA_RANK_SUM_H_
#define QED_KERNELS_CUDA_RANK_SUM_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/rank_links.h"
#include "kernels/cuda/rms_norm.h"

namespace qed::cuda {

// Rows that AddRmsNormOfAll takes at most: with more, what each rank would send to each takes
// longer than the two meetings of AddRmsNormOfShare.
inline constexpr int32_t kOneShotRows = 128;

// Exchanges of AddRmsNormOfAll take them in turns.
inline constexpr int kRankSlots = 2;

// Bytes of each rank's memory for exchanges of rows of `width`. All of it must be zero on all
// ranks before the first exchange on any.
int64_t RankExchangeBytes(int32_t ranks, int32_t width);

// As AddRmsNorm with the sum of all ranks' deltas, in one shot: each sends its own to all and
// makes all of the norm itself. `slot` is another one than in the exchange before.
// REQUIRES: rows <= kOneShotRows; width is links.width.
void AddRmsNormOfAll(int32_t rows, int32_t width, const RmsNormArgs& args, const RankLinks& links,
                     int slot, StreamHandle stream);

// The same for many rows, in two: each rank sums and norms its share of the `all_rows` rows of
// residual and delta, and gives what comes out to all. Of the residual stream it keeps that share
// alone, so all of a step's sums must be made so. Residual, delta and `out` lie in the memory
// that all reach. Meets the others before and after.
void AddRmsNormOfShare(int32_t rows, int32_t width, int32_t all_rows, const RmsNormArgs& args,
                       const RankLinks& links, StreamHandle stream);

// Gives the first rank's `tokens` [count] to all, in the memory that all reach.
void ShareTokens(const RankLinks& links, int32_t* tokens, int32_t count, StreamHandle stream);

// Brings `part` [rows, columns] of each rank to `all` on the first one, in the memory that all
// reach, whose rows are `stride` apart, from column `first` on.
void GatherColumns(const RankLinks& links, int32_t rows, int32_t columns, const float* part,
                   float* all, int64_t stride, int32_t first, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_RANK_SUM_H_

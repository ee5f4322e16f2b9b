// Counts of how large activations are, for calibration.
#ifndef QED_KERNELS_CUDA_MAGNITUDES_H_
#define QED_KERNELS_CUDA_MAGNITUDES_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// A bfloat16 without its sign, as a number; from 0x7F80 on it is no finite value.
inline constexpr int32_t kMagnitudes = 1 << 15;

// counts[m] += how many of x[t, i] + bias[i], rounded to bfloat16, have the magnitude m. x has
// `rows` rows of `width` values, `stride` apart; bias [width] may be null; counts [kMagnitudes]
// on the device.
// REQUIRES: rows > 0, width > 0, fewer than 2^32 values.
void CountMagnitudes(int32_t rows, int32_t width, int64_t stride, const BFloat16* x,
                     const float* bias, uint64_t* counts, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_MAGNITUDES_H_

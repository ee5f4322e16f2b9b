// Weights made on the device while a model is loaded: random ones out of nothing,
// 8-bit ones out of 16-bit ones. The same numbers as the CPU makes
// (tensor/random_fill.h, tensor/eight_bit.h), bit for bit.
#ifndef QED_KERNELS_CUDA_MAKE_WEIGHTS_H_
#define QED_KERNELS_CUDA_MAKE_WEIGHTS_H_

#include <cstddef>
#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/types.h"
#include "tensor/random_fill.h"

namespace qed::cuda {

// out[i] = RandomFillAt(fill, first + i) for i in [0, count). In bfloat16 first and
// count are multiples of 8 and `out` is 16-byte aligned.
void FillRandom(const RandomFill& fill, int64_t first, int64_t count, BFloat16* out,
                StreamHandle stream);
void FillRandom(const RandomFill& fill, int64_t count, float* out, StreamHandle stream);

// *largest = the larger of itself and all magnitudes of x [count]: NaN where one is
// NaN. Set it to 0 first. REQUIRES: count a multiple of 4.
void AddLargestMagnitude(const BFloat16* x, int64_t count, float* largest, StreamHandle stream);

// Quantizes x [rows, k]: codes [rows, k], scales [rows]. Each row's scale is made
// for its own largest magnitude, or for *largest where that is not null.
// REQUIRES: format is kFp8 or kInt8; k a multiple of 4; rows >= 1.
void QuantizeWeightRows(WeightFormat format, int32_t rows, int32_t k, const BFloat16* x,
                        const float* largest, std::byte* codes, float* scales, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_MAKE_WEIGHTS_H_

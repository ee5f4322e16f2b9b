// Products with int8 weights and 16-bit activations.
#ifndef QED_KERNELS_CUDA_INT8_LINEAR_H_
#define QED_KERNELS_CUDA_INT8_LINEAR_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// Up to so many rows the weights are read as they are and turned to 16 bits on
// the way to the tensor cores; above, DequantizeRows and an ordinary product.
inline constexpr int32_t kMaxInt8Rows = 32;

// y[t, n] = scales[n] * sum over k of codes[n, k] * x[t, k], rounded to bfloat16.
// x [rows, K], y [rows, N]. Every row is summed in the same order whatever `rows` is.
// REQUIRES: 1 <= rows <= kMaxInt8Rows; N a multiple of 16, K of 64.
void MultiplyInt8(const DeviceWeight& weight, const BFloat16* x, int32_t rows, BFloat16* y,
                  StreamHandle stream);

// out = codes as bfloat16, exactly and without scales. REQUIRES: count a multiple of 16.
void DequantizeInt8(const int8_t* codes, int64_t count, BFloat16* out, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_INT8_LINEAR_H_

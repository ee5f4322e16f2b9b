// Products with int8 weights and 16-bit activations, which turn the weights to 16 bits
// on their way to the tensor cores:
// y[t, n] = scales[n] * sum over k of codes[n, k] * x[t, k], rounded to bfloat16.
// x [rows, K], y [rows, N]; other rows are neither read nor written.
#ifndef QED_KERNELS_CUDA_INT8_LINEAR_H_
#define QED_KERNELS_CUDA_INT8_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "cuda/stream.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// Up to so many rows MultiplyInt8FewRows is the faster of the two.
inline constexpr int32_t kFewInt8Rows = 32;

// A kernel of ours that reads the weights once for each 32 rows. Every row is summed
// in the same order whatever `rows` is. REQUIRES: rows >= 1; N a multiple of 16, K of 64.
void MultiplyInt8FewRows(const DeviceWeight& weight, const BFloat16* x, int32_t rows, BFloat16* y,
                         StreamHandle stream);

// Whether the calling thread's GPU has MultiplyInt8ManyRows. Asked once.
bool HasInt8ManyRows();

// CUTLASS's product of two types, for compute capability 9.0. `workspace` is of at least
// Int8ManyRowsWorkspace(N, K, rows) bytes.
// REQUIRES: HasInt8ManyRows(); rows >= 1; N a multiple of 16, K of 64.
void MultiplyInt8ManyRows(const DeviceWeight& weight, const BFloat16* x, int32_t rows, BFloat16* y,
                          std::span<std::byte> workspace, StreamHandle stream);
size_t Int8ManyRowsWorkspace(int32_t n, int32_t k, int32_t rows);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_INT8_LINEAR_H_

// Products of a few rows by a kernel of ours, made to read the weights at the speed of the
// memory: y[t, n] = sum over k of w[n, k] * x[t, k], rounded to bfloat16. Scales are left to
// whoever reads the product. For compute capability 9.0.
//
// A row's sum is made in one order whatever the other rows are and how many: its bits depend
// on the row, the weight and the GPU's number of multiprocessors alone. The tensor cores add
// 128 bytes of a row of the weight at a time; what they give is added in f32.
#ifndef QED_KERNELS_CUDA_FEW_ROWS_LINEAR_H_
#define QED_KERNELS_CUDA_FEW_ROWS_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "cuda/stream.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// Rows that one product takes at most.
inline constexpr int32_t kFewRows = 64;

// Whether the calling thread's GPU has it. Asked once.
bool HasFewRowsLinear();

// Bytes of workspace that products need on the calling thread's GPU. All of it must be zero
// before the first product; each leaves it ready for the next in the stream.
size_t FewRowsWorkspace();

// x [rows, K], y [rows, N]; other rows are neither read nor written.
// REQUIRES: HasFewRowsLinear(); 1 <= rows <= kFewRows; weight.format is kFp8 or kBF16, x.format
// that of its activations; rows of both are multiples of 16 bytes; `workspace` as above.
Product MultiplyFewRows(const DeviceWeight& weight, const Activations& x, int32_t rows, BFloat16* y,
                        std::span<std::byte> workspace, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_FEW_ROWS_LINEAR_H_

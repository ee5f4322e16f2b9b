// The residual stream on the GPU: f32 [T, E]. In f32 it costs 4 bytes more a value
// and pass than in bfloat16, which is 2 % of a long prompt's time and nothing one
// can measure of a decode step, and it is what the CPU computes with.
#ifndef QED_KERNELS_CUDA_RMS_NORM_H_
#define QED_KERNELS_CUDA_RMS_NORM_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// Most columns of a row that the row kernels hold in registers.
inline constexpr int32_t kMaxRowWidth = 32768;

struct RmsNormArgs {
  float* residual = nullptr;      // [T, E]
  Product delta;                  // [T, E] to add first; none where delta.data is null
  const float* weight = nullptr;  // [E]
  float eps = 0;
  // [rows] rows of residual and delta to take, in any order; null: the first `rows`.
  // With it the sum goes to `out` only and the residual stays as it is.
  const int32_t* row_ids = nullptr;
  Activations out;  // [rows, E]
};

// residual[t] += delta[t]; out[t] = residual[t] / sqrt(mean(residual[t]^2) + eps) * weight,
// quantized where `out` says so.
// REQUIRES: E a multiple of 4, E <= kMaxRowWidth.
void AddRmsNorm(int32_t rows, int32_t width, const RmsNormArgs& args, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_RMS_NORM_H_

// The gate of the feed-forward layer on the GPU.
#ifndef QED_KERNELS_CUDA_SILU_MUL_H_
#define QED_KERNELS_CUDA_SILU_MUL_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// out[t, i] = silu(gate_up[t, i]) * gate_up[t, width + i], silu(x) = x / (1 + exp(-x)),
// quantized where `out` says so. gate_up is [T, 2 width], out [T, width].
// REQUIRES: width a multiple of 4, at most kMaxRowWidth (kernels/cuda/rms_norm.h).
void SiluMul(int32_t rows, int32_t width, const Product& gate_up, const Activations& out,
             StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_SILU_MUL_H_

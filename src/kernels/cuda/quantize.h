// Activations of 16 bits to FP8, for products whose input no other operation of
// ours writes: attention's output.
#ifndef QED_KERNELS_CUDA_QUANTIZE_H_
#define QED_KERNELS_CUDA_QUANTIZE_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// out[t] = x[t] as `out` says; x is [T, width], rows contiguous.
// REQUIRES: out.format is kFp8; width a multiple of 4, at most kMaxRowWidth
// (kernels/cuda/rms_norm.h).
void QuantizeRows(int32_t rows, int32_t width, const BFloat16* x, const Activations& out,
                  StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_QUANTIZE_H_

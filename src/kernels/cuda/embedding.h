// Rows of the embedding table to the residual stream, on the GPU.
#ifndef QED_KERNELS_CUDA_EMBEDDING_H_
#define QED_KERNELS_CUDA_EMBEDDING_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// residual[t] = table[id of t]. A token of -1 - s stands for sampled[s]: an id that
// the step before left on the device and the host has not seen.
// table [V, E] bfloat16, residual [T, E] f32; tokens [T] and sampled on the device.
// REQUIRES: E a multiple of 4. Ids outside [0, V) become 0: what a sampler makes of
// logits that are no numbers (-1) must not read out of bounds.
void Embedding(int32_t rows, int32_t width, int32_t vocab_size, const BFloat16* table,
               const int32_t* tokens, const int32_t* sampled, float* residual, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_EMBEDDING_H_

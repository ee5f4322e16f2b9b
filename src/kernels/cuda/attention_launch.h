// Between the host side of the attention and the kernels of each head size.
#ifndef QED_KERNELS_CUDA_ATTENTION_LAUNCH_H_
#define QED_KERNELS_CUDA_ATTENTION_LAUNCH_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/paged_attention.h"

namespace qed::cuda {

// The items of one tile size.
struct AttentionLaunch {
  const AttentionItem* items = nullptr;
  const int32_t* count = nullptr;  // of the items; the grid may be larger
  int32_t grid_items = 0;
  BFloat16* out = nullptr;       // [T, H, D] bf16
  BFloat16* partial = nullptr;   // [partial rows, H, D] bf16
  float* partial_lse = nullptr;  // [partial rows, H], base 2
  int32_t* counters = nullptr;   // [counters, KVH]
  const BFloat16* q = nullptr;   // [T, H, D] bf16
  int64_t q_stride = 0;
  const int32_t* pages = nullptr;
  PagedKvCache kv;
  int32_t num_heads = 0;
  int32_t num_tokens = 0;  // T
};

// Items of the smallest tile.
void LaunchDecodeAttention(const AttentionLaunch& launch, StreamHandle stream);

// Items of the other tiles.
void LaunchAttention64(int32_t tile_rows, const AttentionLaunch& launch, StreamHandle stream);
void LaunchAttention128(int32_t tile_rows, const AttentionLaunch& launch, StreamHandle stream);

// Items of AttentionPlan::Launch::long_prompt.
void LaunchLongPrompt128(const AttentionLaunch& launch, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_ATTENTION_LAUNCH_H_

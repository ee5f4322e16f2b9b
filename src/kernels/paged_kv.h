// The key-value cache as kernels see it: pages of `page_size` tokens.
//
// One layer's cache is pages [P_total]. Inside a page, for each kv head:
//   keys    [KVH, D, page_size]: transposed, so that one vector holds one
//           dimension of 16 tokens and a score needs no horizontal sum
//   values  [KVH, page_size, D]
// Elements are f16 or f32.
#ifndef QED_KERNELS_PAGED_KV_H_
#define QED_KERNELS_PAGED_KV_H_

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace qed {

struct PagedKv {
  DType dtype = DType::kF16;  // kF16 or kF32
  int32_t num_kv_heads = 0;
  int32_t head_dim = 0;
  int32_t page_size = 0;    // a multiple of 16
  int64_t page_stride = 0;  // bytes from one page to the next
  std::byte* keys = nullptr;
  std::byte* values = nullptr;
};

// One sequence's part of a step.
struct AttentionSequence {
  int32_t first_row = 0;           // of its tokens in the step's [T, ...] arrays
  int32_t num_rows = 0;            // its tokens in this step
  int32_t context = 0;             // tokens in the cache, this step's included
  const int32_t* pages = nullptr;  // ceil(context / page_size) page ids
};

}  // namespace qed

#endif  // QED_KERNELS_PAGED_KV_H_

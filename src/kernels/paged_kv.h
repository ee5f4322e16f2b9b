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

#include "kernels/op_context.h"
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

// Bytes of one page's keys, and of its values.
size_t KvPageBytes(DType dtype, int32_t num_kv_heads, int32_t head_dim, int32_t page_size);

// Writes one token's keys and values, [KVH, D] each, into a slot of a page.
// Values beyond what an f16 can hold become its largest.
// REQUIRES: 0 <= slot < page_size; head_dim a multiple of 16.
void WriteKvRow(Isa isa, const PagedKv& kv, int32_t page, int32_t slot, const float* key,
                const float* value);

}  // namespace qed

#endif  // QED_KERNELS_PAGED_KV_H_

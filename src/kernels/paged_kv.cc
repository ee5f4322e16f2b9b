#include "kernels/paged_kv.h"

#include "base/check.h"
#include "kernels/cpu/cpu_kernels.h"

namespace qed {

size_t KvPageBytes(DType dtype, int32_t num_kv_heads, int32_t head_dim, int32_t page_size) {
  return static_cast<size_t>(BlockBytes(dtype)) * num_kv_heads * head_dim * page_size;
}

void WriteKvRow(Isa isa, const PagedKv& kv, int32_t page, int32_t slot, const float* key,
                const float* value) {
  QED_CHECK(slot >= 0 && slot < kv.page_size) << slot;
  CpuKernelsFor(isa).write_kv_row(kv, page, slot, key, value);
}

}  // namespace qed

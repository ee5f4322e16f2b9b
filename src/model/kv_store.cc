#include "model/kv_store.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/check.h"

namespace qed {

Result<KvStore> KvStore::Create(const ModelConfig& config, DType dtype, int32_t page_size,
                                int64_t budget_bytes) {
  const auto half =
      static_cast<int64_t>(KvPageBytes(dtype, config.num_kv_heads, config.head_dim, page_size));
  const int64_t page_bytes = 2 * half * config.num_layers;
  const int64_t pages =
      std::min<int64_t>(budget_bytes / page_bytes, std::numeric_limits<int32_t>::max());
  if (pages < 1) {
    return ResourceExhausted("one KV page of " + std::to_string(page_size) + " tokens needs " +
                             std::to_string(page_bytes) + " bytes, but --kv-cache-bytes is " +
                             std::to_string(budget_bytes));
  }
  KvStore store;
  store.layout_ = {.dtype = dtype,
                   .num_kv_heads = config.num_kv_heads,
                   .head_dim = config.head_dim,
                   .page_size = page_size,
                   .page_stride = 2 * half};
  store.num_pages_ = static_cast<int32_t>(pages);
  auto memory = AlignedBuffer::Allocate(static_cast<size_t>(pages * page_bytes));
  if (!memory.ok()) return memory.status().WithPrefix("KV cache (--kv-cache-bytes)");
  store.memory_ = *std::move(memory);
  return store;
}

PagedKv KvStore::Layer(int32_t layer) {
  PagedKv kv = layout_;
  kv.keys = memory_.data() + int64_t{layer} * num_pages_ * layout_.page_stride;
  kv.values = kv.keys + layout_.page_stride / 2;
  return kv;
}

}  // namespace qed

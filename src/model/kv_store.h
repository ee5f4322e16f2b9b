// The bytes of the key-value cache. Which page belongs to whom is kv/'s business.
#ifndef QED_MODEL_KV_STORE_H_
#define QED_MODEL_KV_STORE_H_

#include <cstdint>

#include "base/status.h"
#include "config/model_config.h"
#include "kernels/paged_kv.h"
#include "tensor/aligned_buffer.h"

namespace qed {

class KvStore {
 public:
  // As many pages as `budget_bytes` hold; one page id covers all layers.
  // kResourceExhausted where that is not even one.
  static Result<KvStore> Create(const ModelConfig& config, DType dtype, int32_t page_size,
                                int64_t budget_bytes);

  int32_t num_pages() const { return num_pages_; }
  int32_t page_size() const { return layout_.page_size; }
  // Keys and values of all layers.
  int64_t bytes_per_token() const {
    return static_cast<int64_t>(memory_.size()) / num_pages_ / layout_.page_size;
  }
  PagedKv Layer(int32_t layer);

 private:
  PagedKv layout_;  // without pointers
  int32_t num_pages_ = 0;
  AlignedBuffer memory_;  // [L, pages, {keys, values}]
};

}  // namespace qed

#endif  // QED_MODEL_KV_STORE_H_

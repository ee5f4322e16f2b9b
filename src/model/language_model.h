// A loaded network that turns one step's tokens into logits. Owns its weights,
// its KV bytes and its workspace; knows nothing of requests.
#ifndef QED_MODEL_LANGUAGE_MODEL_H_
#define QED_MODEL_LANGUAGE_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "config/model_config.h"

namespace qed {

// One step's work. T tokens of B sequences; a sequence's tokens are contiguous
// and in order.
struct ForwardBatch {
  struct Sequence {
    int32_t first_row = 0;  // of its tokens in `tokens`
    int32_t num_rows = 0;
    int32_t first_position = 0;      // position of its first token in this step
    std::span<const int32_t> pages;  // pages of positions [0, first_position + num_rows)
  };
  std::span<const int32_t> tokens;      // [T], ids in [0, V)
  std::span<const Sequence> sequences;  // [B]
  std::span<const int32_t> logit_rows;  // [R] rows of `tokens` whose logits are wanted, ascending
};

// What a step reads and computes: what a measured speed is compared with.
struct ModelFootprint {
  int64_t weight_bytes = 0;        // packed weights that every step reads, the head's included
  int64_t kv_bytes_per_token = 0;  // keys and values of all layers
  int64_t macs_per_token = 0;      // multiply-adds of the layers' products for one token
  int64_t macs_per_logit_row = 0;  // of the head, for one row of logits
};

// Not thread-safe: owned and called by the engine's step thread.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  virtual const ModelConfig& config() const = 0;
  virtual int32_t page_size() const = 0;       // tokens
  virtual int32_t num_pages() const = 0;       // page ids are [0, num_pages)
  virtual int32_t max_num_tokens() const = 0;  // most T of a step
  virtual int32_t max_batch_size() const = 0;  // most B
  virtual int32_t max_logit_rows() const = 0;  // most R, at least max_batch_size()
  virtual ModelFootprint footprint() const = 0;

  // Writes the step's keys and values into the pages and returns logits [R, V],
  // valid until the next call. Row r is the same bits whatever else is in the
  // batch and however the tokens before it were split into steps. Allocates nothing.
  // REQUIRES: T, B, R within the limits; every page id valid.
  virtual std::span<const float> Forward(const ForwardBatch& batch) = 0;
  // What the head saw of the latest step's rows of logits [R, E], after the final norm,
  // valid until the next Forward; empty where the model does not say.
  virtual std::span<const float> hidden() const { return {}; }
};

}  // namespace qed

#endif  // QED_MODEL_LANGUAGE_MODEL_H_

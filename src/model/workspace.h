// All memory that a step writes beside the KV cache, laid out once.
#ifndef QED_MODEL_WORKSPACE_H_
#define QED_MODEL_WORKSPACE_H_

#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "config/model_config.h"
#include "kernels/attention.h"
#include "kernels/linear.h"
#include "model/network_shard.h"
#include "tensor/aligned_buffer.h"

namespace qed {

struct WorkspaceLimits {
  int32_t max_tokens = 0;      // T
  int32_t max_sequences = 0;   // B
  int32_t max_logit_rows = 0;  // R
};

// Where a token's keys and values go, and its position.
struct TokenSlot {
  int32_t position = 0;
  int32_t page = 0;
  int32_t slot = 0;  // in the page
};

struct Workspace {
  // H, KVH and F are the shard's. kResourceExhausted, with the size, where the memory cannot be
  // had.
  static Result<Workspace> Create(const ModelConfig& config, const NetworkShard& shard,
                                  const WorkspaceLimits& limits);

  float* hidden = nullptr;              // [T, E], the residual stream
  float* normed = nullptr;              // [T, E]
  float* qkv = nullptr;                 // [T, (H + 2 KVH) D]
  float* attention = nullptr;           // [T, H D]
  float* gate = nullptr;                // [T, F]
  float* up = nullptr;                  // [T, F]
  float* logits = nullptr;              // [R, V]
  float* shard_logits = nullptr;        // [R, most rows of any rank]; of one of several ranks
  float* gathered_logits = nullptr;     // [ranks, the same]; on the first of several
  float* cosine = nullptr;              // [T, D/2]
  float* sine = nullptr;                // [T, D/2]
  std::byte* quantized = nullptr;       // QuantizedActivations of T rows of any width above
  std::byte* quantized_rest = nullptr;  // as many, second terms [T, H D]
  std::byte* attention_scratch = nullptr;
  AttentionSequence* sequences = nullptr;  // [B]
  TokenSlot* slots = nullptr;              // [T]
  AlignedBuffer memory;
};

}  // namespace qed

#endif  // QED_MODEL_WORKSPACE_H_

// Causal attention of one step's queries over the paged cache on a GPU:
// softmax(q k / sqrt(D)) v, with our own planning: a kernel of ours for few rows,
// FlashInfer's templates for prompts.
//
// Prompts, decode rows and several rows of a sequence whose tokens are only
// proposed are the same operation: a query sees the tokens up to its own.
#ifndef QED_KERNELS_CUDA_PAGED_ATTENTION_H_
#define QED_KERNELS_CUDA_PAGED_ATTENTION_H_

#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "cuda/stream.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// One layer of the cache on the GPU: [pages, 2 (keys, values), page_size, KVH, D], bf16, as
// RotateAndStore (kernels/cuda/rope.h) writes it.
struct PagedKvCache {
  BFloat16* data = nullptr;
  int32_t num_kv_heads = 0;
  int32_t head_dim = 0;
  int32_t page_size = 0;  // tokens

  int64_t page_elements() const { return int64_t{2} * page_size * num_kv_heads * head_dim; }
};

// kUnsupported, naming the number, where no kernel was compiled for the shape.
Status CheckAttentionShape(const AttentionShape& shape);

// For AttentionPlanner::Limits::long_prompts.
bool HasLongPromptKernel(const AttentionShape& shape, int compute_capability_major);

// Device memory for results of chunks: [partial rows, H, D] bf16, [partial rows, H]
// f32, [counters, KVH] int32.
int64_t AttentionWorkspaceBytes(const AttentionPlanner& planner, const AttentionShape& shape);

// Zeroes the counters; once, before the first step. Every step leaves them zero.
void ClearAttentionWorkspace(const AttentionPlanner& planner, const AttentionShape& shape,
                             void* workspace, StreamHandle stream);

struct PagedAttentionArgs {
  const AttentionPlan* plan = nullptr;     // of the planner of this shape
  const std::byte* plan_memory = nullptr;  // its copy on the GPU
  PagedKvCache kv;                         // the step's keys and values are in it
  void* workspace = nullptr;               // AttentionWorkspaceBytes, 16-byte aligned
  int32_t max_partial_rows = 0;            // the planner's
  int32_t num_heads = 0;                   // H
  const BFloat16* q = nullptr;             // [T, H, D] bf16, rotated
  int64_t q_stride = 0;                    // elements from row to row, a multiple of 8
  BFloat16* out = nullptr;                 // [T, H, D] bf16, contiguous; padding rows stay
};

// REQUIRES: CheckAttentionShape was OK. Can be recorded in a graph.
void PagedAttention(const PagedAttentionArgs& args, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_PAGED_ATTENTION_H_

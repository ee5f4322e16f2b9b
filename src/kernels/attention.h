// Causal attention of one step's queries over the paged cache: softmax(q k / sqrt(D)) v.
//
// A query's result is the same bits whether it comes alone (decode) or in a
// prefill chunk of any size, beside any neighbours, on any pages and any number
// of threads: scores and weighted sums are formed in partitions of
// kAttentionPartition tokens at absolute positions, one fixed sequence of
// operations for each, and partitions are merged in order of position.
#ifndef QED_KERNELS_ATTENTION_H_
#define QED_KERNELS_ATTENTION_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/op_context.h"
#include "kernels/paged_kv.h"

namespace qed {

inline constexpr int32_t kAttentionPartition = 256;  // tokens
inline constexpr int32_t kMaxAttentionHeadDim = 256;
inline constexpr int32_t kMaxAttentionGroup = 32;  // query heads of one kv head

// A few neighbouring queries of one sequence, taken together so that keys and
// values are read once for all of them.
struct AttentionTile {
  int32_t sequence = 0;     // index
  int32_t first_query = 0;  // among the sequence's rows of this step
  int32_t num_queries = 0;
};

// How a step's attention is cut into work: the same for every layer. Views the
// memory given to PlanAttention.
struct AttentionPlan {
  std::span<const AttentionSequence> sequences;  // [B]
  std::span<const AttentionTile> tiles;
  int32_t partitions = 0;      // most of any sequence
  bool split = false;          // each partition is an item of its own
  float* partials = nullptr;   // [tiles, KVH, partitions, partial_floats] when split
  int64_t partial_floats = 0;  // of one partition's rows
  int64_t work = 0;            // about how many multiply-adds
};

// Bytes of workspace for steps of at most `max_tokens` tokens.
size_t AttentionWorkspaceBytes(int32_t max_tokens);

// Cuts the step into tiles. `workspace` is 64-byte aligned and
// AttentionWorkspaceBytes long; both it and `sequences` must outlive the plan.
AttentionPlan PlanAttention(std::span<const AttentionSequence> sequences, int32_t num_heads,
                            int32_t num_kv_heads, int32_t head_dim, int threads, int32_t max_tokens,
                            std::byte* workspace);

// q [T, H, D] with row stride q_stride, rotated; out [T, H, D] with row stride
// out_stride. The step's keys and values are in the cache already. Memory of
// pages beyond a sequence's context is never part of a result.
// REQUIRES: H a multiple of KVH, H/KVH <= kMaxAttentionGroup; D a multiple of 16,
// D <= kMaxAttentionHeadDim.
void PagedAttention(OpContext& ctx, const PagedKv& kv, const AttentionPlan& plan, const float* q,
                    int64_t q_stride, int32_t num_heads, float* out, int64_t out_stride);

}  // namespace qed

#endif  // QED_KERNELS_ATTENTION_H_

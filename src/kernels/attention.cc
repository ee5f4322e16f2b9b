#include "kernels/attention.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/parallel.h"

namespace qed {
namespace {

// Rows of one tile: enough that reading keys and values is paid for, few enough
// that the scores of a partition stay in the first-level cache.
constexpr int32_t kTileRows = 24;
// Memory for partial results; steps that would need more are not split.
constexpr int64_t kPartialBytes = int64_t{4} << 20;

int64_t TilesBytes(int32_t max_tokens) {
  return (max_tokens * static_cast<int64_t>(sizeof(AttentionTile)) + 63) / 64 * 64;
}

int32_t Partitions(int32_t tokens) {
  return (tokens + kAttentionPartition - 1) / kAttentionPartition;
}

}  // namespace

size_t AttentionWorkspaceBytes(int32_t max_tokens) {
  return TilesBytes(max_tokens) + kPartialBytes;
}

AttentionPlan PlanAttention(std::span<const AttentionSequence> sequences, int32_t num_heads,
                            int32_t num_kv_heads, int32_t head_dim, int threads, int32_t max_tokens,
                            std::byte* workspace) {
  const int32_t group = num_heads / num_kv_heads;
  const int32_t tile_queries = std::max(1, kTileRows / group);
  auto* tiles = reinterpret_cast<AttentionTile*>(workspace);
  AttentionPlan plan;
  plan.sequences = sequences;
  int64_t count = 0;
  int32_t most_queries = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const AttentionSequence& seq = sequences[s];
    QED_CHECK_LE(count + seq.num_rows, max_tokens);
    plan.partitions = std::max(plan.partitions, Partitions(seq.context));
    // The last tile sees the most: first come, first served evens out the end.
    for (int32_t end = seq.num_rows; end > 0; end -= tile_queries) {
      const int32_t first = std::max(0, end - tile_queries);
      most_queries = std::max(most_queries, end - first);
      tiles[count++] = {static_cast<int32_t>(s), first, end - first};
      const int64_t context = seq.context - seq.num_rows + end;
      plan.work += (end - first) * context * num_heads * head_dim * 2;
    }
  }
  plan.tiles = {tiles, static_cast<size_t>(count)};
  // Few long sequences: their partitions are what there is to share out.
  const int64_t items = count * num_kv_heads;
  plan.partial_floats = int64_t{group} * most_queries * AttentionPartialFloats(head_dim);
  const int64_t floats = items * plan.partitions * plan.partial_floats;
  plan.split = plan.partitions > 1 && threads > 1 && items < 4 * threads &&
               floats * static_cast<int64_t>(sizeof(float)) <= kPartialBytes;
  plan.partials = reinterpret_cast<float*>(workspace + TilesBytes(max_tokens));
  return plan;
}

void PagedAttention(OpContext& ctx, const PagedKv& kv, const AttentionPlan& plan, const float* q,
                    int64_t q_stride, int32_t num_heads, float* out, int64_t out_stride) {
  const int32_t kv_heads = kv.num_kv_heads;
  const int32_t group = num_heads / kv_heads;
  QED_CHECK(num_heads % kv_heads == 0 && group <= kMaxAttentionGroup) << num_heads;
  QED_CHECK(kv.head_dim % 16 == 0 && kv.head_dim <= kMaxAttentionHeadDim) << kv.head_dim;
  const CpuKernels& kernels = CpuKernelsFor(ctx.isa);
  const float scale = 1.0f / std::sqrt(static_cast<float>(kv.head_dim));
  const AttentionArgs args = {kv, &plan, q, q_stride, group, scale, out, out_stride};
  const int64_t items = static_cast<int64_t>(plan.tiles.size()) * kv_heads;
  if (!plan.split) {
    ParallelForWork(ctx, items, plan.work, [&](int64_t i) {
      kernels.attend_tile(args, static_cast<int32_t>(i / kv_heads),
                          static_cast<int32_t>(i % kv_heads));
    });
    return;
  }
  ParallelForWork(ctx, items * plan.partitions, plan.work, [&](int64_t i) {
    const int64_t item = i / plan.partitions;
    const auto tile = static_cast<int32_t>(item / kv_heads);
    const auto partition = static_cast<int32_t>(i % plan.partitions);
    kernels.attend_partition(args, tile, static_cast<int32_t>(item % kv_heads), partition,
                             plan.partials + i * plan.partial_floats);
  });
  for (int64_t item = 0; item < items; ++item) {
    kernels.merge_partitions(args, static_cast<int32_t>(item / kv_heads),
                             static_cast<int32_t>(item % kv_heads),
                             plan.partials + item * plan.partitions * plan.partial_floats);
  }
}

}  // namespace qed

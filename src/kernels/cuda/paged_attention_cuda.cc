#include <string>

#include "base/check.h"
#include "kernels/cuda/attention_launch.h"
#include "kernels/cuda/paged_attention.h"

namespace qed::cuda {
namespace {

constexpr int64_t kAlignment = 256;

int64_t Align(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Where the parts of the workspace lie, in bytes.
struct Workspace {
  Workspace(int64_t partial_rows, int64_t counters, int64_t heads, int64_t kv_heads, int64_t dim) {
    lse = Align(partial_rows * heads * dim * 2);
    counts = lse + Align(partial_rows * heads * static_cast<int64_t>(sizeof(float)));
    bytes = counts + Align(counters * kv_heads * static_cast<int64_t>(sizeof(int32_t)));
  }
  int64_t lse, counts, bytes;
};

Workspace WorkspaceOf(const AttentionPlanner& planner, const AttentionShape& shape) {
  return {planner.max_partial_rows(), planner.max_counters(), shape.num_heads, shape.num_kv_heads,
          shape.head_dim};
}

}  // namespace

Status CheckAttentionShape(const AttentionShape& shape) {
  if (shape.head_dim != 64 && shape.head_dim != 128) {
    return Unsupported("attention heads of size " + std::to_string(shape.head_dim) +
                       " are not supported on the GPU (64 and 128 are); use --device cpu");
  }
  if (shape.num_kv_heads < 1 || shape.num_heads % shape.num_kv_heads != 0) {
    return Unsupported(std::to_string(shape.num_heads) + " attention heads cannot share " +
                       std::to_string(shape.num_kv_heads) + " key-value heads evenly");
  }
  return OkStatus();
}

bool HasLongPromptKernel(const AttentionShape& shape, int compute_capability_major) {
  return shape.head_dim == 128 && compute_capability_major == 9;
}

int64_t AttentionWorkspaceBytes(const AttentionPlanner& planner, const AttentionShape& shape) {
  return WorkspaceOf(planner, shape).bytes;
}

void ClearAttentionWorkspace(const AttentionPlanner& planner, const AttentionShape& shape,
                             void* workspace, StreamHandle stream) {
  const Workspace parts = WorkspaceOf(planner, shape);
  Fill(static_cast<std::byte*>(workspace) + parts.counts, 0, parts.bytes - parts.counts, stream);
}

void PagedAttention(const PagedAttentionArgs& args, StreamHandle stream) {
  const AttentionPlan& plan = *args.plan;
  auto* workspace = static_cast<std::byte*>(args.workspace);
  const Workspace parts(args.max_partial_rows, 0, args.num_heads, args.kv.num_kv_heads,
                        args.kv.head_dim);
  AttentionLaunch launch = {
      .out = args.out,
      .partial = reinterpret_cast<BFloat16*>(workspace),
      .partial_lse = reinterpret_cast<float*>(workspace + parts.lse),
      .counters = reinterpret_cast<int32_t*>(workspace + parts.counts),
      .q = args.q,
      .q_stride = args.q_stride,
      .pages = reinterpret_cast<const int32_t*>(args.plan_memory + plan.pages),
      .kv = args.kv,
      .num_heads = args.num_heads,
      .num_tokens = plan.num_tokens,
  };
  QED_CHECK(args.q_stride % 8 == 0) << args.q_stride;
  for (int32_t l = 0; l < plan.num_launches; ++l) {
    launch.items = reinterpret_cast<const AttentionItem*>(args.plan_memory + plan.items) +
                   plan.launches[l].first_item;
    launch.count = reinterpret_cast<const int32_t*>(args.plan_memory + plan.counts) + l;
    launch.grid_items = plan.launches[l].grid_items;
    if (plan.launches[l].long_prompt) {
      QED_CHECK_EQ(args.kv.head_dim, 128);
      LaunchLongPrompt128(launch, stream);
    } else if (plan.launches[l].tile_rows == kAttentionTiles[0]) {
      LaunchDecodeAttention(launch, stream);
    } else if (args.kv.head_dim == 64) {
      LaunchAttention64(plan.launches[l].tile_rows, launch, stream);
    } else {
      QED_CHECK_EQ(args.kv.head_dim, 128);
      LaunchAttention128(plan.launches[l].tile_rows, launch, stream);
    }
  }
}

}  // namespace qed::cuda

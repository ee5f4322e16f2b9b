#include "model/workspace.h"

#include <algorithm>

namespace qed {
namespace {

// Hands out a block of memory piece by piece; without one, only adds up.
class Layout {
 public:
  explicit Layout(std::byte* base) : base_(base) {}

  template <typename T>
  void Take(int64_t count, T*& pointer) {
    if (base_ != nullptr) pointer = reinterpret_cast<T*>(base_ + size_);
    size_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
  }
  size_t size() const { return size_; }

 private:
  std::byte* base_;
  size_t size_ = 0;
};

size_t LayOut(const ModelConfig& config, const NetworkShard& shard, const WorkspaceLimits& limits,
              std::byte* base, Workspace& w) {
  const ModelConfig c = ConfigOfShard(config, shard);
  const int64_t tokens = limits.max_tokens;
  const int64_t heads_width = int64_t{c.num_heads} * c.head_dim;
  const int64_t kv_width = int64_t{c.num_kv_heads} * c.head_dim;
  int64_t quantized = 0;
  for (int64_t width : {int64_t{c.hidden_size}, heads_width, int64_t{c.intermediate_size}}) {
    const auto whole_groups = static_cast<int32_t>((width + 31) / 32 * 32);
    quantized =
        std::max(quantized,
                 static_cast<int64_t>(QuantizedActivationsBytes(limits.max_tokens, whole_groups)));
  }
  Layout layout(base);
  layout.Take(tokens * c.hidden_size, w.hidden);
  layout.Take(tokens * c.hidden_size, w.normed);
  layout.Take(tokens * (heads_width + 2 * kv_width), w.qkv);
  layout.Take(tokens * heads_width, w.attention);
  layout.Take(tokens * c.intermediate_size, w.gate);
  layout.Take(tokens * c.intermediate_size, w.up);
  const int64_t part = shard.whole() ? 0 : int64_t{limits.max_logit_rows} * shard.most_tokens;
  const bool first = shard.place.rank == 0;
  layout.Take(first ? int64_t{limits.max_logit_rows} * c.vocab_size : 0, w.logits);
  layout.Take(part, w.shard_logits);
  layout.Take(first ? part * shard.place.ranks : 0, w.gathered_logits);
  layout.Take(tokens * (c.head_dim / 2), w.cosine);
  layout.Take(tokens * (c.head_dim / 2), w.sine);
  layout.Take(quantized, w.quantized);
  layout.Take(quantized, w.quantized_rest);
  layout.Take(static_cast<int64_t>(AttentionWorkspaceBytes(limits.max_tokens)),
              w.attention_scratch);
  layout.Take(limits.max_sequences, w.sequences);
  layout.Take(tokens, w.slots);
  return layout.size();
}

}  // namespace

Result<Workspace> Workspace::Create(const ModelConfig& config, const NetworkShard& shard,
                                    const WorkspaceLimits& limits) {
  Workspace workspace;
  auto memory = AlignedBuffer::Allocate(LayOut(config, shard, limits, nullptr, workspace));
  if (!memory.ok()) {
    return memory.status().WithPrefix("workspace of a step (--max-num-tokens, --max-batch-size)");
  }
  workspace.memory = *std::move(memory);
  LayOut(config, shard, limits, workspace.memory.data(), workspace);
  return workspace;
}

}  // namespace qed

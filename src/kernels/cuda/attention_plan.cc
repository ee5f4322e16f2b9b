#include "kernels/cuda/attention_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"

namespace qed::cuda {
namespace {

// As many blocks of the smallest tile, which decodes, fit on a multiprocessor.
constexpr int32_t kBlocksPerSm = 2;
// The blocks that decode take one item after the other, at most so many where sequences
// are split: with equal shares for all of them few are idle at the end.
constexpr int32_t kMostWaves = 4;
// What an item costs besides its tokens, in tokens.
constexpr int32_t kItemOverhead = 64;
// A chunk shorter than this costs more than it saves.
constexpr int32_t kMinChunk = 128;
constexpr int32_t kChunkGranule = 32;
constexpr int64_t kAlignment = 16;
constexpr int32_t kNumPacked = static_cast<int32_t>(kAttentionTiles.size());
constexpr int32_t kLongPrompt = kNumPacked;  // the class of long prompts
constexpr int32_t kNumClasses = kNumPacked + 1;

constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t Align(int64_t bytes) { return CeilDiv(bytes, kAlignment) * kAlignment; }

template <typename T>
T* At(std::byte* memory, int64_t offset) {
  return reinterpret_cast<T*>(memory + offset);
}

AttentionPlan::Launch LaunchOf(int32_t size_class, int32_t first_item, int32_t grid_items) {
  const bool is_long = size_class == kLongPrompt;
  return {.tile_rows = is_long ? kLongPromptTile : kAttentionTiles[size_class],
          .long_prompt = is_long,
          .first_item = first_item,
          .grid_items = grid_items};
}

}  // namespace

AttentionPlanner::AttentionPlanner(const AttentionShape& shape, const Limits& limits)
    : shape_(shape), limits_(limits), group_(shape.num_heads / shape.num_kv_heads) {
  QED_CHECK_EQ(shape.num_heads % shape.num_kv_heads, 0);
  blocks_at_once_ = std::max(1, kBlocksPerSm * limits.num_sms / shape.num_kv_heads);
  // Only large sequences have several tiles, of as many packed rows as the largest
  // tile or more; ItemLimit says what splitting adds.
  const int64_t tiles =
      limits.max_sequences + CeilDiv(int64_t{limits.max_tokens} * group_, kAttentionTiles.back());
  const int64_t max_items = tiles + int64_t{kNumPacked} * kMostWaves * blocks_at_once_;
  const int64_t max_pages =
      int64_t{limits.max_sequences} * CeilDiv(limits.max_seq_len, shape.page_size);
  AttentionPlan plan;
  plan.num_tokens = limits.max_tokens;
  Layout(max_items, plan);
  max_plan_bytes_ = plan.pages + Align(max_pages * static_cast<int64_t>(sizeof(int32_t)));
  cuts_.resize(limits.max_sequences);
  first_page_.resize(limits.max_sequences);
  order_.resize(limits.max_sequences);
}

// Most items of `tiles` tiles after splitting so that blocks take `waves` of them:
// every multiprocessor busy, and with many tiles some room left to split those much
// longer than the others. So the items of split tiles alone are never more than waves
// * blocks_at_once_: a split tile has two at least, and where s of them make up to
// s + blocks_at_once_ / 2 items, s is at most blocks_at_once_ / 2.
int64_t AttentionPlanner::ItemLimit(int64_t tiles, int32_t waves) const {
  return std::max<int64_t>(int64_t{waves} * blocks_at_once_, tiles + blocks_at_once_ / 2);
}

// For a size class. Only the smallest tile's kernel takes several items a block.
int32_t AttentionPlanner::MostWaves(int32_t size_class) { return size_class == 0 ? kMostWaves : 1; }

int32_t AttentionPlanner::max_partial_rows() const {
  int32_t rows = 0;
  for (int32_t c = 0; c < kNumPacked; ++c) {
    rows += MostWaves(c) * blocks_at_once_ * kAttentionTiles[c] / group_;
  }
  return rows;
}

int32_t AttentionPlanner::max_counters() const { return kNumPacked * kMostWaves * blocks_at_once_; }

AttentionPlanner::Cut AttentionPlanner::CutRows(int32_t num_rows) const {
  if (limits_.long_prompts && num_rows >= kLongPromptRows) {
    return {.size_class = kLongPrompt,
            .tiles = static_cast<int32_t>(CeilDiv(num_rows, kLongPromptTile))};
  }
  const int64_t packed = int64_t{num_rows} * group_;
  int32_t size_class = 0;
  while (size_class + 1 < kNumPacked && packed > kAttentionTiles[size_class]) ++size_class;
  return {.size_class = size_class,
          .tiles = static_cast<int32_t>(CeilDiv(packed, kAttentionTiles[size_class]))};
}

// Each sequence is cut into equal parts of at most one chunk, the same for all of the
// class: of the smallest chunks that stay within the items of one wave, two, ... the one
// with which the blocks that have most to do have least.
void AttentionPlanner::ChooseChunks(std::span<const AttentionSequence> sequences,
                                    int32_t size_class) {
  int64_t tiles = 0;
  int32_t longest = 1;
  for (size_t s = 0; s < sequences.size(); ++s) {
    if (cuts_[s].size_class != size_class) continue;
    tiles += cuts_[s].tiles;
    longest = std::max(longest, sequences[s].context);
  }
  int64_t best = 0, best_cost = std::numeric_limits<int64_t>::max();
  for (int32_t waves = 1; waves <= MostWaves(size_class); ++waves) {
    const int64_t chunk = SmallestChunk(sequences, size_class, longest, ItemLimit(tiles, waves));
    const int64_t items = CountItems(sequences, size_class, chunk);
    const int64_t cost =
        CeilDiv(items, blocks_at_once_) * (std::min<int64_t>(chunk, longest) + kItemOverhead);
    if (cost < best_cost) {
      best = chunk;
      best_cost = cost;
    }
  }
  for (size_t s = 0; s < sequences.size(); ++s) {
    Cut& cut = cuts_[s];
    if (cut.size_class != size_class) continue;
    const int64_t context = sequences[s].context;
    const int64_t parts = CeilDiv(context, best);
    const int64_t chunk = CeilDiv(CeilDiv(context, parts), kChunkGranule) * kChunkGranule;
    cut.chunk_tokens = static_cast<int32_t>(chunk);
    cut.chunks = static_cast<int32_t>(CeilDiv(context, chunk));
  }
}

int64_t AttentionPlanner::CountItems(std::span<const AttentionSequence> sequences,
                                     int32_t size_class, int64_t chunk) const {
  int64_t count = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    if (cuts_[s].size_class != size_class) continue;
    count += cuts_[s].tiles * CeilDiv(sequences[s].context, chunk);
  }
  return count;
}

// The smallest with which the class stays within `limit` items.
int64_t AttentionPlanner::SmallestChunk(std::span<const AttentionSequence> sequences,
                                        int32_t size_class, int32_t longest, int64_t limit) const {
  int64_t low = kMinChunk / kChunkGranule, high = std::max(low, CeilDiv(longest, kChunkGranule));
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (CountItems(sequences, size_class, middle * kChunkGranule) > limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low * kChunkGranule;
}

void AttentionPlanner::Layout(int64_t items, AttentionPlan& plan) const {
  const int64_t token_ints = Align(int64_t{plan.num_tokens} * sizeof(int32_t));
  plan.counts = 0;
  plan.positions = Align(kNumClasses * sizeof(int32_t));
  plan.slots = plan.positions + token_ints;
  plan.items = plan.slots + token_ints;
  plan.pages = plan.items + items * static_cast<int64_t>(sizeof(AttentionItem));
}

void AttentionPlanner::FillTokens(std::span<const AttentionSequence> sequences,
                                  const AttentionPlan& plan, std::byte* memory) const {
  auto* positions = At<int32_t>(memory, plan.positions);
  auto* slots = At<int32_t>(memory, plan.slots);
  std::fill_n(positions, plan.num_tokens, 0);
  std::fill_n(slots, plan.num_tokens, -1);
  for (const AttentionSequence& s : sequences) {
    for (int32_t row = 0; row < s.num_rows; ++row) {
      const int32_t position = s.context - s.num_rows + row;
      const int32_t page = s.pages[position / shape_.page_size];
      positions[s.first_row + row] = position;
      slots[s.first_row + row] = page * shape_.page_size + position % shape_.page_size;
    }
  }
}

// Returns how many there are.
int64_t AttentionPlanner::FillPages(std::span<const AttentionSequence> sequences,
                                    const AttentionPlan& plan, std::byte* memory) {
  auto* pages = At<int32_t>(memory, plan.pages);
  int64_t count = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    first_page_[s] = static_cast<int32_t>(count);
    const int64_t own = CeilDiv(sequences[s].context, shape_.page_size);
    std::copy_n(sequences[s].pages, own, pages + count);
    count += own;
  }
  return count;
}

// Returns how many there are. Those with the most to do come first: blocks are
// started in this order.
int32_t AttentionPlanner::FillItems(std::span<const AttentionSequence> sequences,
                                    int32_t size_class, AttentionItem* items) {
  int32_t count = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const int32_t index = order_[i];
    const Cut& cut = cuts_[index];
    if (cut.size_class != size_class) continue;
    const AttentionSequence& s = sequences[index];
    AttentionItem item = {
        .first_row = s.first_row,
        .num_rows = s.num_rows,
        .context = s.context,
        .first_page = first_page_[index],
        .end_page = first_page_[index] + static_cast<int32_t>(CeilDiv(s.context, shape_.page_size)),
        .num_chunks = cut.chunks,
        .chunk_tokens = cut.chunk_tokens,
        .first_partial = partial_rows_,
    };
    if (cut.chunks > 1) partial_rows_ += s.num_rows * cut.chunks;
    for (item.tile = cut.tiles - 1; item.tile >= 0; --item.tile) {
      if (cut.chunks == 1) {
        items[count++] = item;
        continue;
      }
      const int64_t packed_end = (item.tile + int64_t{1}) * kAttentionTiles[cut.size_class];
      const int64_t end_row = std::min<int64_t>(s.num_rows, CeilDiv(packed_end, group_));
      const int64_t seen = s.context - s.num_rows + end_row;
      item.tile_chunks = static_cast<int32_t>(CeilDiv(seen, cut.chunk_tokens));
      item.counter = counters_++;
      for (item.chunk = 0; item.chunk < item.tile_chunks; ++item.chunk) items[count++] = item;
    }
  }
  return count;
}

// Returns the items that suffice for it.
int64_t AttentionPlanner::CutSequences(std::span<const AttentionSequence> sequences) {
  QED_CHECK_LE(sequences.size(), cuts_.size());
  for (size_t s = 0; s < sequences.size(); ++s) {
    cuts_[s] = CutRows(sequences[s].num_rows);
    cuts_[s].chunk_tokens = sequences[s].context;
  }
  for (int32_t c = 0; c < kNumPacked; ++c) ChooseChunks(sequences, c);
  int64_t items = 0;
  for (size_t s = 0; s < sequences.size(); ++s) items += int64_t{cuts_[s].tiles} * cuts_[s].chunks;
  return items;
}

void AttentionPlanner::Fill(std::span<const AttentionSequence> sequences, std::byte* memory,
                            AttentionPlan& plan) {
  QED_CHECK_LE(plan.num_tokens, limits_.max_tokens);
  FillTokens(sequences, plan, memory);
  const int64_t pages = FillPages(sequences, plan, memory);
  plan.bytes = plan.pages + Align(pages * static_cast<int64_t>(sizeof(int32_t)));
  QED_CHECK_LE(plan.bytes, max_plan_bytes_);
  const auto order = std::span(order_).first(sequences.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](int32_t a, int32_t b) {
    return sequences[a].context != sequences[b].context
               ? sequences[a].context > sequences[b].context
               : a < b;
  });
  auto* counts = At<int32_t>(memory, plan.counts);
  std::fill_n(counts, kNumClasses, 0);
  partial_rows_ = counters_ = 0;
  int32_t first = 0;
  for (int32_t c = kNumClasses - 1; c >= 0; --c) {
    const int32_t count = FillItems(sequences, c, At<AttentionItem>(memory, plan.items) + first);
    if (count == 0) continue;
    counts[plan.num_launches] = count;
    plan.launches[plan.num_launches++] = LaunchOf(c, first, count);
    first += count;
  }
  QED_CHECK_LE(partial_rows_, max_partial_rows());
  QED_CHECK_LE(counters_, max_counters());
}

AttentionPlan AttentionPlanner::Plan(std::span<const AttentionSequence> sequences,
                                     std::byte* memory) {
  AttentionPlan plan;
  for (const AttentionSequence& s : sequences) {
    plan.num_tokens = std::max(plan.num_tokens, s.first_row + s.num_rows);
  }
  Layout(CutSequences(sequences), plan);
  Fill(sequences, memory, plan);
  return plan;
}

AttentionPlan AttentionPlanner::PlanPadded(std::span<const AttentionSequence> sequences,
                                           int32_t padded_sequences, int32_t rows_each,
                                           std::byte* memory) {
  QED_CHECK_LE(sequences.size(), static_cast<size_t>(padded_sequences));
  QED_CHECK_LE(padded_sequences, limits_.max_sequences);
  for (size_t s = 0; s < sequences.size(); ++s) {
    QED_CHECK_EQ(sequences[s].num_rows, rows_each);
    QED_CHECK_EQ(sequences[s].first_row, static_cast<int32_t>(s) * rows_each);
  }
  const Cut cut = CutRows(rows_each);
  const int64_t tiles = int64_t{cut.tiles} * padded_sequences;
  const int64_t items = ItemLimit(tiles, MostWaves(cut.size_class));
  AttentionPlan plan;
  plan.num_tokens = padded_sequences * rows_each;
  Layout(items, plan);
  QED_CHECK_LE(CutSequences(sequences), items);
  Fill(sequences, memory, plan);
  plan.num_launches = 1;
  plan.launches[0] = LaunchOf(cut.size_class, 0, static_cast<int32_t>(ItemLimit(tiles, 1)));
  return plan;
}

}  // namespace qed::cuda

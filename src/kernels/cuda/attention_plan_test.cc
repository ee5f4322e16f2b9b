#include "kernels/cuda/attention_plan.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace qed::cuda {
namespace {

constexpr AttentionShape kShape = {
    .num_heads = 40, .num_kv_heads = 8, .head_dim = 128, .page_size = 16};
constexpr AttentionPlanner::Limits kLimits = {
    .max_sequences = 256, .max_tokens = 9000, .max_seq_len = 24000, .num_sms = 132};

struct Length {
  int32_t rows, context;
};

// Sequences one after the other, with pages 0, 1, 2, ...
struct Step {
  explicit Step(const std::vector<Length>& lengths, int32_t page_size = kShape.page_size) {
    pages.reserve(lengths.size());
    int32_t row = 0, page = 0;
    for (const Length& length : lengths) {
      std::vector<int32_t>& own = pages.emplace_back();
      for (int32_t t = 0; t < length.context; t += page_size) own.push_back(page++);
      sequences.push_back({row, length.rows, length.context, own.data()});
      row += length.rows;
    }
  }
  std::vector<std::vector<int32_t>> pages;
  std::vector<AttentionSequence> sequences;
};

struct Planned {
  AttentionPlan plan;
  std::vector<std::byte> memory;

  template <typename T>
  const T* At(int64_t offset) const {
    return reinterpret_cast<const T*>(memory.data() + offset);
  }
  int32_t Count(int32_t launch) const { return At<int32_t>(plan.counts)[launch]; }
  const AttentionItem& Item(int32_t launch, int32_t i) const {
    return At<AttentionItem>(plan.items)[plan.launches[launch].first_item + i];
  }
};

Planned MakePlan(AttentionPlanner& planner, const Step& step) {
  Planned planned;
  planned.memory.assign(planner.max_plan_bytes(), std::byte{0xcd});
  planned.plan = planner.Plan(step.sequences, planned.memory.data());
  return planned;
}

// Follows every block and counts what the kernels would do: each query of each
// sequence must see each of its tokens once, chunks must be merged by what was
// written, and nothing may overlap.
void CheckPlan(const AttentionPlanner& planner, const Planned& planned, const Step& step,
               const AttentionShape& shape) {
  const int32_t group = shape.num_heads / shape.num_kv_heads;
  std::map<int32_t, int32_t> finished, wanted;        // by counter
  std::map<int32_t, std::set<int32_t>> rows_partial;  // partial row -> packed rows that wrote it
  std::map<int32_t, std::vector<int32_t>> seen;       // first row -> [packed rows] tokens seen
  for (const AttentionSequence& s : step.sequences) {
    seen[s.first_row].assign(static_cast<size_t>(s.num_rows) * group, 0);
  }
  for (int32_t l = 0; l < planned.plan.num_launches; ++l) {
    const bool long_prompt = planned.plan.launches[l].long_prompt;
    const int32_t tile_rows = planned.plan.launches[l].tile_rows * (long_prompt ? group : 1);
    ASSERT_LE(planned.Count(l), planned.plan.launches[l].grid_items);
    for (int32_t i = 0; i < planned.Count(l); ++i) {
      const AttentionItem& item = planned.Item(l, i);
      ASSERT_EQ(item.zero, 0);
      const auto sequence = std::ranges::find(
          step.sequences, item.first_row, [](const AttentionSequence& s) { return s.first_row; });
      ASSERT_NE(sequence, step.sequences.end());
      ASSERT_EQ(item.num_rows, sequence->num_rows);
      ASSERT_EQ(item.context, sequence->context);
      const int32_t num_pages = (item.context + shape.page_size - 1) / shape.page_size;
      ASSERT_EQ(item.end_page - item.first_page, num_pages);
      for (int32_t p = 0; p < num_pages; ++p) {
        ASSERT_EQ(planned.At<int32_t>(planned.plan.pages)[item.first_page + p], sequence->pages[p]);
      }
      const int32_t chunk_begin = item.chunk * item.chunk_tokens;
      const int32_t chunk_end = item.num_chunks > 1
                                    ? std::min(item.context, chunk_begin + item.chunk_tokens)
                                    : item.context;
      ASSERT_LT(chunk_begin, chunk_end);
      const int32_t packed = item.num_rows * group;
      const int32_t begin = item.tile * tile_rows;
      ASSERT_LT(begin, packed);
      for (int32_t row = begin; row < std::min(packed, begin + tile_rows); ++row) {
        const int32_t query = row / group;
        const int32_t visible = item.context - item.num_rows + query + 1;
        seen[item.first_row][row] += std::max(0, std::min(visible, chunk_end) - chunk_begin);
        if (item.num_chunks == 1) continue;
        const int32_t partial = item.first_partial + query * item.num_chunks + item.chunk;
        ASSERT_LT(partial, planner.max_partial_rows());
        ASSERT_TRUE(rows_partial[partial].insert(item.first_row * group + row).second);
        // What the merge reads of this row was written by some block of the tile.
        ASSERT_LE((visible + item.chunk_tokens - 1) / item.chunk_tokens, item.tile_chunks);
      }
      if (item.num_chunks == 1) continue;
      ASSERT_LT(item.counter, planner.max_counters());
      ++finished[item.counter];
      const auto [at, added] = wanted.emplace(item.counter, item.tile_chunks);
      ASSERT_EQ(at->second, item.tile_chunks);
    }
  }
  EXPECT_EQ(finished, wanted);
  for (const auto& [partial, rows] : rows_partial) {
    EXPECT_EQ(*rows.begin() / group, *rows.rbegin() / group) << "two queries share a partial row";
  }
  for (const AttentionSequence& s : step.sequences) {
    for (int32_t row = 0; row < s.num_rows * group; ++row) {
      ASSERT_EQ(seen[s.first_row][row], s.context - s.num_rows + row / group + 1)
          << "rows " << s.num_rows << " context " << s.context << " packed row " << row;
    }
  }
}

void CheckTokens(const Planned& planned, const Step& step, int32_t page_size) {
  const auto* positions = planned.At<int32_t>(planned.plan.positions);
  const auto* slots = planned.At<int32_t>(planned.plan.slots);
  std::vector<bool> used(planned.plan.num_tokens);
  for (const AttentionSequence& s : step.sequences) {
    for (int32_t i = 0; i < s.num_rows; ++i) {
      const int32_t position = s.context - s.num_rows + i;
      EXPECT_EQ(positions[s.first_row + i], position);
      EXPECT_EQ(slots[s.first_row + i],
                s.pages[position / page_size] * page_size + position % page_size);
      used[s.first_row + i] = true;
    }
  }
  for (int32_t t = 0; t < planned.plan.num_tokens; ++t) {
    if (!used[t]) {
      EXPECT_EQ(slots[t], -1) << t;
    }
  }
}

TEST(AttentionPlanTest, EveryQuerySeesEveryTokenOnce) {
  std::mt19937 rng(1);
  for (const AttentionShape& shape :
       {kShape, AttentionShape{9, 3, 64, 32}, AttentionShape{7, 1, 64, 16},
        AttentionShape{8, 8, 128, 64}, AttentionShape{64, 8, 128, 16}}) {
    AttentionPlanner planner(shape, kLimits);
    for (int round = 0; round < 20; ++round) {
      std::vector<Length> lengths;
      const int count = 1 + static_cast<int>(rng() % 12);
      for (int i = 0; i < count; ++i) {
        const int32_t rows = 1 + static_cast<int32_t>(rng() % 4 == 0 ? rng() % 400 : rng() % 6);
        lengths.push_back({rows, rows + static_cast<int32_t>(rng() % 3 == 0 ? 0 : rng() % 3000)});
      }
      const Step step(lengths, shape.page_size);
      const Planned planned = MakePlan(planner, step);
      CheckPlan(planner, planned, step, shape);
      CheckTokens(planned, step, shape.page_size);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(AttentionPlanTest, OneLongSequenceFillsTheGpu) {
  AttentionPlanner planner(kShape, kLimits);
  const Step step({{1, 20000}});
  const Planned planned = MakePlan(planner, step);
  CheckPlan(planner, planned, step, kShape);
  ASSERT_EQ(planned.plan.num_launches, 1);
  EXPECT_EQ(planned.plan.launches[0].tile_rows, 16);
  EXPECT_GE(planned.Count(0) * kShape.num_kv_heads, 132);
  EXPECT_LE(planned.Count(0) * kShape.num_kv_heads, 3 * 132);
}

TEST(AttentionPlanTest, ShortSequencesAreNotSplit) {
  AttentionPlanner planner(kShape, kLimits);
  EXPECT_EQ(MakePlan(planner, Step({{1, 100}})).Count(0), 1);
  // Enough sequences to keep every multiprocessor busy.
  EXPECT_EQ(MakePlan(planner, Step(std::vector<Length>(256, {1, 650}))).Count(0), 256);
}

TEST(AttentionPlanTest, LongDecodesAreSharedEvenly) {
  AttentionPlanner planner(kShape, kLimits);
  for (const int32_t count : {6, 12, 20, 40}) {
    const Step step(std::vector<Length>(count, {1, 16000}));
    Planned planned;
    planned.memory.assign(planner.max_plan_bytes(), std::byte{0xcd});
    planned.plan = planner.PlanPadded(step.sequences, count, 1, planned.memory.data());
    const int32_t blocks = planned.plan.launches[0].grid_items;
    std::vector<int64_t> tokens(blocks, 0);  // that a block reads
    for (int32_t i = 0; i < planned.Count(0); ++i) {
      const AttentionItem& item = planned.Item(0, i);
      const int32_t first = item.chunk * item.chunk_tokens;
      tokens[i % blocks] += std::min(item.context - first, item.chunk_tokens);
    }
    const int64_t at_once = std::min<int64_t>(blocks, 2 * kLimits.num_sms / kShape.num_kv_heads);
    const int64_t fair = int64_t{count} * 16000 / at_once;
    EXPECT_LE(*std::ranges::max_element(tokens), fair * 5 / 4) << count;
  }
}

TEST(AttentionPlanTest, OneLongAmongManyIsSplit) {
  AttentionPlanner planner(kShape, kLimits);
  std::vector<Length> lengths(200, {1, 500});
  lengths[70].context = 20000;
  const Step step(lengths);
  const Planned planned = MakePlan(planner, step);
  CheckPlan(planner, planned, step, kShape);
  EXPECT_GT(planned.Item(0, 0).num_chunks, 4);
  EXPECT_EQ(planned.Item(0, 0).context, 20000) << "the longest starts first";
}

TEST(AttentionPlanTest, PromptsDecodesAndDraftsGetTheirOwnTiles) {
  AttentionPlanner planner(kShape, kLimits);
  const Step step({{1, 700}, {8, 500}, {2048, 2048}, {1, 30}, {3, 900}});
  const Planned planned = MakePlan(planner, step);
  CheckPlan(planner, planned, step, kShape);
  ASSERT_EQ(planned.plan.num_launches, 3);
  EXPECT_EQ(planned.plan.launches[0].tile_rows, 128);
  EXPECT_EQ(planned.Count(0), 2048 * 5 / 128);
  EXPECT_EQ(planned.Item(0, 0).tile, 2048 * 5 / 128 - 1) << "the tile with most to see first";
  EXPECT_EQ(planned.plan.launches[1].tile_rows, 64);
  EXPECT_EQ(planned.plan.launches[2].tile_rows, 16);
}

TEST(AttentionPlanTest, LongPromptsHaveTilesOfQueries) {
  AttentionPlanner::Limits limits = kLimits;
  limits.long_prompts = true;
  for (const AttentionShape& shape : {kShape, AttentionShape{8, 8, 128, 16}}) {
    AttentionPlanner planner(shape, limits);
    const Step step({{1, 700}, {383, 400}, {384, 20000}, {1000, 1000}});
    const Planned planned = MakePlan(planner, step);
    CheckPlan(planner, planned, step, shape);
    ASSERT_TRUE(planned.plan.launches[0].long_prompt);
    EXPECT_EQ(planned.plan.launches[0].tile_rows, 128);
    EXPECT_EQ(planned.Count(0), 3 + 8);
    for (int32_t i = 0; i < planned.Count(0); ++i) {
      EXPECT_EQ(planned.Item(0, i).num_chunks, 1);
    }
    EXPECT_FALSE(planned.plan.launches[1].long_prompt);
  }
}

TEST(AttentionPlanTest, PaddedPlansDifferInContentOnly) {
  AttentionPlanner planner(kShape, kLimits);
  for (const int32_t rows : {1, 3, 8}) {
    for (const int32_t padded : {1, 8, 32, 256}) {
      std::vector<std::byte> memory(planner.max_plan_bytes());
      const AttentionPlan empty = planner.PlanPadded({}, padded, rows, memory.data());
      ASSERT_EQ(empty.num_launches, 1);
      for (const int32_t context : {rows, 650, 24000}) {
        const Step step(std::vector<Length>((padded + 1) / 2, {rows, context}));
        Planned planned;
        planned.memory.assign(planner.max_plan_bytes(), std::byte{0xcd});
        planned.plan = planner.PlanPadded(step.sequences, padded, rows, planned.memory.data());
        EXPECT_EQ(planned.plan.num_tokens, padded * rows);
        EXPECT_EQ(planned.plan.num_launches, 1);
        EXPECT_EQ(planned.plan.launches[0].tile_rows, empty.launches[0].tile_rows);
        EXPECT_EQ(planned.plan.launches[0].grid_items, empty.launches[0].grid_items);
        EXPECT_EQ(planned.plan.items, empty.items);
        EXPECT_EQ(planned.plan.slots, empty.slots);
        EXPECT_EQ(planned.plan.positions, empty.positions);
        EXPECT_EQ(planned.plan.pages, empty.pages);
        CheckPlan(planner, planned, step, kShape);
        CheckTokens(planned, step, kShape.page_size);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(AttentionPlanTest, TheLargestStepFitsTheMemory) {
  for (const AttentionShape& shape : {kShape, AttentionShape{8, 8, 128, 16}}) {
    AttentionPlanner planner(
        shape, {.max_sequences = 16, .max_tokens = 2000, .max_seq_len = 5000, .num_sms = 132});
    std::vector<Length> lengths(15, {130, 5000});
    lengths.push_back({50, 5000});
    const Step step(lengths);
    CheckPlan(planner, MakePlan(planner, step), step, shape);
  }
}

}  // namespace
}  // namespace qed::cuda

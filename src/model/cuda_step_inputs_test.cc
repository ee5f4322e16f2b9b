#include "model/cuda_step_inputs.h"

#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

constexpr cuda::AttentionShape kShape = {
    .num_heads = 6, .num_kv_heads = 2, .head_dim = 64, .page_size = 16};
constexpr CudaStepLimits kLimits = {.max_num_tokens = 200,
                                    .max_batch_size = 40,
                                    .max_logit_rows = 60,
                                    .max_seq_len = 500,
                                    .input_bytes_per_row = 24};
constexpr int32_t kPages = 1000;

// A step in memory of its own.
struct Step {
  std::vector<int32_t> tokens, logit_rows;
  std::vector<std::vector<int32_t>> pages;
  std::vector<ForwardBatch::Sequence> sequences;

  // A sequence of `rows` tokens behind `before` others, with its last row's logits.
  void Add(int32_t rows, int32_t before, std::mt19937& random) {
    std::vector<int32_t>& own = pages.emplace_back();
    while (std::cmp_less(own.size() * 16, before + rows)) {
      own.push_back(std::uniform_int_distribution<int32_t>(0, kPages - 1)(random));
    }
    sequences.push_back({.first_row = static_cast<int32_t>(tokens.size()),
                         .num_rows = rows,
                         .first_position = before,
                         .pages = {}});
    for (int32_t i = 0; i < rows; ++i) {
      tokens.push_back(std::uniform_int_distribution<int32_t>(-40, 300)(random));
    }
    logit_rows.push_back(static_cast<int32_t>(tokens.size()) - 1);
  }
  ForwardBatch Batch() {
    for (size_t i = 0; i < sequences.size(); ++i) sequences[i].pages = pages[i];
    return {.tokens = tokens, .sequences = sequences, .logit_rows = logit_rows};
  }
};

struct Packed {
  std::vector<std::byte> memory;
  CudaStepInputs inputs;

  int32_t At(int64_t offset, int64_t i) const {
    int32_t value = 0;
    std::memcpy(&value, memory.data() + offset + i * int64_t{sizeof(value)}, sizeof(value));
    return value;
  }
  int32_t Slot(int64_t row) const { return At(inputs.attention + inputs.plan.slots, row); }
  int32_t Position(int64_t row) const { return At(inputs.attention + inputs.plan.positions, row); }
};

CudaStepPacker MakePacker() {
  CudaStepPacker packer(kShape, kLimits, /*num_sms=*/132, /*long_prompts=*/false);
  packer.set_num_pages(kPages);
  return packer;
}

Packed Pack(CudaStepPacker& packer, Step& step) {
  Packed packed{.memory = std::vector<std::byte>(packer.max_bytes(), std::byte{0xcd}),
                .inputs = {}};
  packed.inputs = packer.Pack(step.Batch(), packed.memory.data());
  return packed;
}

// The network's row of each of the step's tokens must hold the token, its position and
// the place of its keys; every other row must be padding.
void ExpectHolds(const Step& step, const Packed& packed) {
  const CudaStepInputs& inputs = packed.inputs;
  std::set<int32_t> used;
  for (size_t s = 0; s < step.sequences.size(); ++s) {
    for (int32_t i = 0; i < step.sequences[s].num_rows; ++i) {
      const int32_t row = step.sequences[s].first_row + i;
      const int32_t position = step.sequences[s].first_position + i;
      used.insert(row);
      EXPECT_EQ(packed.At(inputs.tokens, row), step.tokens[row]);
      EXPECT_EQ(packed.Position(row), position);
      EXPECT_EQ(packed.Slot(row), step.pages[s][position / 16] * 16 + position % 16);
    }
  }
  for (int32_t row = 0; row < inputs.num_tokens; ++row) {
    if (used.contains(row)) continue;
    EXPECT_EQ(packed.At(inputs.tokens, row), 0);
    EXPECT_EQ(packed.Slot(row), -1);
  }
  for (size_t r = 0; r < step.logit_rows.size(); ++r) {
    EXPECT_EQ(packed.At(inputs.rows, static_cast<int64_t>(r)), step.logit_rows[r]);
  }
  // Parts follow one another; nothing is copied that has no place.
  EXPECT_LE(inputs.tokens + 4 * int64_t{inputs.num_tokens}, inputs.rows);
  EXPECT_LE(inputs.rows + 4 * int64_t{inputs.logit_rows}, inputs.extra);
  EXPECT_LE(inputs.extra + kLimits.input_bytes_per_row * inputs.logit_rows, inputs.attention);
  EXPECT_EQ(inputs.bytes, inputs.attention + inputs.plan.bytes);
  EXPECT_LE(inputs.bytes, static_cast<int64_t>(packed.memory.size()));
  for (int64_t part : {inputs.tokens, inputs.rows, inputs.extra, inputs.attention}) {
    EXPECT_EQ(part % 16, 0);
  }
}

TEST(CudaStepPackerTest, RandomStepsAreWhereTheInputsSay) {
  std::mt19937 random(1);
  CudaStepPacker packer = MakePacker();
  const auto in = [&](int32_t low, int32_t high) {
    return std::uniform_int_distribution<int32_t>(low, high)(random);
  };
  for (int round = 0; round < 200; ++round) {
    Step step;
    const int32_t sequences = in(1, 40);
    for (int32_t s = 0; s < sequences; ++s) {
      const int32_t rows = round % 2 == 0 ? 1 : in(1, 4);
      step.Add(rows, in(0, 490), random);
    }
    const Packed packed = Pack(packer, step);
    EXPECT_EQ(packed.inputs.recorded, step.tokens.size() == step.sequences.size());
    ExpectHolds(step, packed);
  }
}

TEST(CudaStepPackerTest, DecodeStepsOfASizeAreLaidOutAlike) {
  std::mt19937 random(2);
  CudaStepPacker packer = MakePacker();
  for (int32_t size : packer.recorded_sizes()) {
    std::vector<std::byte> memory(packer.max_bytes());
    const CudaStepInputs padding = packer.PackPadding(size, memory.data());
    EXPECT_TRUE(padding.recorded);
    Step step;
    for (int32_t s = 0; s < std::min(size, kLimits.max_batch_size); ++s) step.Add(1, 7 * s, random);
    const Packed packed = Pack(packer, step);
    EXPECT_EQ(packed.inputs.num_tokens, size);
    EXPECT_EQ(packed.inputs.logit_rows, padding.logit_rows);
    EXPECT_EQ(packed.inputs.extra, padding.extra);
    EXPECT_EQ(packed.inputs.attention, padding.attention);
    EXPECT_EQ(packed.inputs.plan.items, padding.plan.items);
    EXPECT_EQ(packed.inputs.plan.pages, padding.plan.pages);
    EXPECT_EQ(packed.inputs.plan.num_launches, padding.plan.num_launches);
  }
}

TEST(CudaStepPackerDeathTest, WhatIsNotAStepIsABug) {
  std::mt19937 random(3);
  CudaStepPacker packer = MakePacker();
  Step foreign_page;
  foreign_page.Add(1, 20, random);
  foreign_page.pages[0][1] = kPages;
  EXPECT_DEATH(Pack(packer, foreign_page), "1000");
  Step too_long;
  too_long.Add(2, 499, random);
  EXPECT_DEATH(Pack(packer, too_long), "");
  Step no_such_row;
  no_such_row.Add(2, 0, random);
  no_such_row.logit_rows[0] = 2;
  EXPECT_DEATH(Pack(packer, no_such_row), "2");
}

}  // namespace
}  // namespace qed

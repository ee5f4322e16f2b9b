// A network in parts on several ranks computes what it computes whole.
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/leading_model.h"
#include "model/loader.h"
#include "model/test_checkpoint.h"
#include "parallel/agreement.h"
#include "tests/support/model_runner.h"
#include "tests/support/thread_ranks.h"

namespace qed {
namespace {

struct Shape {
  std::string name;
  int32_t heads, kv_heads, inner, vocab;
  int32_t ranks;
  bool qwen3 = false, tied = false;
  DType dtype = DType::kF32;
};

using Logits = std::vector<std::vector<float>>;

TestCheckpoint CheckpointOf(const Shape& shape) {
  ModelConfig config = SmallConfig();
  config.num_heads = shape.heads;
  config.num_kv_heads = shape.kv_heads;
  config.intermediate_size = shape.inner;
  config.vocab_size = shape.vocab;
  config.tied_embeddings = shape.tied;
  config.qk_norm = config.qkv_bias = config.output_bias = shape.qwen3;
  return RandomCheckpoint(config, shape.dtype, 5);
}

EngineConfig SmallEngine(const Shape& shape) {
  EngineConfig config;
  config.compute = shape.dtype == DType::kF32 ? "f32" : "auto";
  config.kv_cache_bytes = 4 << 20;
  config.max_num_tokens = 64;
  config.max_batch_size = 8;
  config.max_logit_rows = 64;
  return config;
}

// Prompts, decodes and chunks of three sequences, side by side and one after the other.
Logits LogitsOf(LanguageModel& model) {
  std::mt19937 random(9);
  const auto tokens = [&](int count) {
    std::vector<int32_t> ids(static_cast<size_t>(count));
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % model.config().vocab_size);
    return ids;
  };
  ModelRunner runner(model);
  Logits all;
  const auto step = [&](const std::vector<ModelRunner::Input>& inputs) {
    for (std::vector<float>& row : runner.Step(inputs)) all.push_back(std::move(row));
  };
  step({{0, tokens(33), true}});
  step({{1, tokens(20)}, {0, tokens(1)}, {2, tokens(40), true}});
  for (int i = 0; i < 5; ++i) step({{2, tokens(1)}, {0, tokens(3), true}, {1, tokens(1)}});
  return all;
}

void ExpectSameLogits(const Logits& wanted, const Logits& got, float tolerance) {
  ASSERT_EQ(got.size(), wanted.size());
  float worst = 0;
  for (size_t row = 0; row < wanted.size(); ++row) {
    ASSERT_EQ(got[row].size(), wanted[row].size());
    for (size_t i = 0; i < wanted[row].size(); ++i) {
      worst = std::max(worst, std::abs(got[row][i] - wanted[row][i]));
    }
    EXPECT_EQ(std::ranges::max_element(got[row]) - got[row].begin(),
              std::ranges::max_element(wanted[row]) - wanted[row].begin());
  }
  EXPECT_LT(worst, tolerance);
}

class RanksTest : public ::testing::TestWithParam<Shape> {};

TEST_P(RanksTest, ComputeTogetherWhatOneComputes) {
  const Shape& shape = GetParam();
  const TestCheckpoint test = CheckpointOf(shape);
  const EngineConfig config = SmallEngine(shape);
  ThreadPool pool(1);
  const auto whole = LoadModel(test.checkpoint, nullptr, config, pool).value();
  const Logits wanted = LogitsOf(*whole);

  Logits got;
  ThreadRanks(shape.ranks).Run([&](Communicator& ranks) {
    ThreadPool own(1);
    auto loaded = LoadDecoder(test.checkpoint, nullptr, config, own, nullptr, &ranks);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    if (ranks.rank() > 0) return FollowSteps(**loaded, ranks);
    LeadingModel model(*std::move(loaded), ranks);
    got = LogitsOf(model);
    ShareMessage(ranks, {});
  });
  // In f32 sums of one network differ by their order alone, logits being some units large. In
  // the fast path, activations that are rounded to int8 may tip to the next one: half a
  // hundredth of the largest of a group.
  ExpectSameLogits(wanted, got, shape.dtype == DType::kF32 ? 1e-4f : 0.15f);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RanksTest,
    ::testing::Values(Shape{"OneRank", 6, 2, 160, 300, 1}, Shape{"Two", 6, 2, 160, 300, 2},
                      Shape{"ThreeOfGroupsOfOne", 6, 6, 192, 301, 3},
                      Shape{"ThreeOfGroupsOfThree", 9, 3, 96, 300, 3, false, true},
                      Shape{"TwoOfGroupsOfFive", 10, 2, 64, 77, 2, true},
                      Shape{"TwoOfGroupsOfSeven", 14, 2, 160, 300, 2, true, true},
                      Shape{"TwoWithOneKeyHead", 6, 1, 160, 300, 2},
                      Shape{"SixWithTwoKeyHeads", 6, 2, 192, 300, 6, true},
                      Shape{"TwoInEightBits", 6, 2, 128, 300, 2, true, true, DType::kQ8_0}),
    [](const auto& test) { return test.param.name; });

TEST(RanksOfCheckpointTest, WhatDoesNotDivideIsRefusedWithWhatWould) {
  const TestCheckpoint test = CheckpointOf({"", 9, 3, 96, 300, 2});
  ThreadPool pool(1);
  ThreadRanks(2).Run([&](Communicator& ranks) {
    const auto loaded =
        LoadDecoder(test.checkpoint, nullptr, SmallEngine({}), pool, nullptr, &ranks);
    EXPECT_EQ(loaded.status().message(),
              "--tp-size 2: model.layers.0.self_attn.q_proj.weight [288, 96] does not fall into 2 "
              "equal parts of whole heads; these numbers would do: 3");
  });
}

}  // namespace
}  // namespace qed

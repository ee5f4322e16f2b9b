#include "quantize/mixed_precision.h"

#include <cmath>

#include "config/engine_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/loader.h"
#include "model/test_checkpoint.h"
#include "quantize/layer_sweep.h"
#include "quantize/test_support.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

std::vector<TokenText> ThreeTexts() { return TextsOfLengths({30, 7, 40}); }

TEST(MixedPrecisionTest, PatternsNameWholeGroups) {
  const std::string patterns[] = {"model.layers.1.*k_proj", "*.down_proj", "lm_head"};
  const auto found = ModulesThatFit(patterns, 2);
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(*found, (std::set<std::string>{
                        "model.layers.0.mlp.down_proj", "model.layers.1.mlp.down_proj",
                        "model.layers.1.self_attn.k_proj", "model.layers.1.self_attn.q_proj",
                        "model.layers.1.self_attn.v_proj"}));
  for (const char* bad : {"model.layers.2.*", "down_proj", "", "*a*a*a*a*a*b"}) {
    const std::string pattern[] = {bad};
    const Status status = ModulesThatFit(pattern, 2).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(status.message(), HasSubstr("--ignore"));
  }
}

// Each group's cost is what a whole run with that group alone gives; afterwards the model is as
// it was.
TEST(MixedPrecisionTest, CostsAreThoseOfWholeRuns) {
  ThreadPool pool(2);
  const TestCheckpoint test = RandomCheckpoint(SmallConfig(), DType::kF32);
  const auto model = LoadSmall(test.checkpoint, "none", pool);
  const auto quantized = LoadSmall(test.checkpoint, "fp8", pool);
  const std::vector<TokenText> texts = ThreeTexts();
  const ScoredTexts scored(texts, 2, *model, pool, nullptr);
  {
    MixedModel mixed(*model, *quantized);
    const std::vector<double> costs = MeasureGroups(texts, 2, scored, mixed, nullptr);
    ASSERT_EQ(costs.size(), mixed.groups().size());
    ASSERT_EQ(costs.size(), 4 * static_cast<size_t>(model->config().num_layers));
    for (size_t group = 0; group < costs.size(); ++group) {
      mixed.Use(group, true);
      const TextQuality whole = scored.Compare(2, *model, nullptr).Mean();
      mixed.Use(group, false);
      EXPECT_NEAR(costs[group], whole.kl, 1e-9) << group;
      EXPECT_GT(costs[group], 1e-7) << group;
    }
    mixed.UseAll(true);
    const TextQuality all = scored.Compare(2, *model, nullptr).Mean();
    const TextQuality wanted = scored.Compare(2, *quantized, nullptr).Mean();
    EXPECT_NEAR(all.kl, wanted.kl, 0.05 * wanted.kl);  // whose pages are f16
  }
  EXPECT_NEAR(scored.Compare(2, *model, nullptr).Mean().kl, 0, 1e-9);
}

TEST(MixedPrecisionTest, KeepsTheMostCostlyForTheirSizeUntilTheGoal) {
  // Of 20 groups some are costly; the smaller of two with equal costs goes first.
  std::vector<double> costs(20, 0.001);
  std::vector<int64_t> sizes(20, 100);
  costs[3] = costs[7] = 0.1;
  sizes[7] = 50;
  costs[11] = 0.05;
  const auto quality_of = [&](std::span<const size_t> kept) {
    double left = 0;
    for (double cost : costs) left += cost;
    for (size_t group : kept) left -= costs[group];
    TextQuality quality;
    quality.top1 = 1 - 0.2 * std::sqrt(std::max(0.0, left));
    return quality;
  };
  const TextQuality none = quality_of({});
  EXPECT_TRUE(ChooseKept(costs, sizes, {.min_top1 = none.top1 - 0.001}, none, quality_of).empty());
  EXPECT_EQ(ChooseKept(costs, sizes, {.min_top1 = quality_of({{7}}).top1}, none, quality_of),
            std::vector<size_t>{7});
  const std::vector<size_t> three = {7, 3, 11};
  EXPECT_EQ(ChooseKept(costs, sizes, {.min_top1 = quality_of(three).top1}, none, quality_of),
            three);
  EXPECT_EQ(ChooseKept(costs, sizes, {.min_top1 = 1}, none, quality_of).size(), costs.size());
  // 150 of 1,950 values at most; and where not even one fits.
  EXPECT_EQ(ChooseKept(costs, sizes, {.min_top1 = 1, .max_share = 0.08}, none, quality_of),
            (std::vector<size_t>{7, 3}));
  EXPECT_TRUE(
      ChooseKept(costs, sizes, {.min_top1 = 1, .max_share = 0.01}, none, quality_of).empty());
}

// A layer at a time, the same scales as in whole runs, and moments of what was seen.
TEST(LayerSweepTest, SeesWhatWholeRunsSee) {
  ThreadPool pool(2);
  const TestCheckpoint test = RandomCheckpoint(SmallConfig(), DType::kF32);
  const auto model = LoadSmall(test.checkpoint, "none", pool);
  const std::vector<TokenText> texts = ThreeTexts();
  const auto whole = Calibrate(texts, 2, Observer::kMax, *model, nullptr);
  ASSERT_TRUE(whole.ok());
  LayerSweep sweep(texts, 2, Observer::kMax, *model, pool);
  for (int32_t layer = 0; layer < model->config().num_layers; ++layer) {
    ASSERT_TRUE(sweep.Advance().ok());
    EXPECT_EQ(sweep.layer(), layer);
    for (const auto& [kind, chosen] : whole->layers[static_cast<size_t>(layer)]) {
      EXPECT_EQ(sweep.calibration().layers.back().at(kind).scale, chosen.scale);
    }
    for (TensorRole role : kLinearRoles) {
      InputMoments& moments = sweep.MomentsOf(role);
      ASSERT_EQ(moments.width(), model->Weight(layer, role).k);
      double trace = 0;
      for (int32_t i = 0; i < moments.width(); ++i) {
        trace += double{moments.Sums()[static_cast<size_t>(i) * (moments.width() + 1)]};
      }
      EXPECT_GT(trace, 0) << RoleName(role);
    }
    // The norm's output has a mean square of about 1 in each of 77 rows.
    double trace = 0;
    InputMoments& normed = sweep.MomentsOf(TensorRole::kUp);
    for (int32_t i = 0; i < normed.width(); ++i) {
      trace += double{normed.Sums()[static_cast<size_t>(i) * (normed.width() + 1)]};
    }
    EXPECT_NEAR(trace / (77.0 * normed.width()), 1, 0.5);
  }
  EXPECT_EQ(sweep.calibration().tokens, 77);
}

TEST(LayerSweepTest, TextsAreCutToWhatFits) {
  EXPECT_EQ(TakeTextsThatFit(ThreeTexts(), 16, int64_t{37} * 16 * 4).size(), 2u);
  EXPECT_EQ(TakeTextsThatFit(ThreeTexts(), 16, int64_t{36} * 16 * 4).size(), 1u);
  EXPECT_EQ(TakeTextsThatFit(ThreeTexts(), 16, 1).size(), 1u);
}

}  // namespace
}  // namespace qed

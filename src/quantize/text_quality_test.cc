#include "quantize/text_quality.h"

#include <cmath>

#include "config/engine_config.h"
#include "gtest/gtest.h"
#include "model/loader.h"
#include "model/test_checkpoint.h"
#include "quantize/calibration.h"
#include "quantize/test_support.h"

namespace qed {
namespace {

std::vector<TokenText> Texts() { return TextsOfLengths({30, 7, 1, 90, 2}); }

TEST(TextQualityTest, AModelIsItsOwnEqual) {
  ThreadPool pool(2);
  const TestCheckpoint test = RandomCheckpoint(SmallConfig(), DType::kF32);
  const auto model = LoadSmall(test.checkpoint, "none", pool);
  const std::vector<TokenText> texts = TakeTokens(Texts(), 100);
  ASSERT_EQ(texts.size(), 3u);  // 30, 7 and 63 of 90
  EXPECT_EQ(texts[2].size(), 63u);
  const ScoredTexts scored(texts, 2, *model, pool, nullptr);
  const TextQuality quality = scored.Compare(3, *model, nullptr).Mean();
  EXPECT_EQ(quality.tokens, 29 + 6 + 62);
  EXPECT_EQ(quality.top1, 1.0);
  EXPECT_NEAR(quality.kl, 0, 1e-6);
  EXPECT_EQ(quality.perplexity_before, quality.perplexity_after);
  EXPECT_GT(quality.perplexity_before, 1);
}

TEST(TextQualityTest, TextsToChooseByAreNoneToJudgeBy) {
  for (const auto& [tokens, moved] : {std::pair{0, 0u}, {30, 1u}, {31, 2u}, {1000, 2u}}) {
    std::vector<TokenText> texts = Texts();
    const std::vector<TokenText> all = texts;
    std::vector<TokenText> first = MoveOutTokens(texts, tokens);
    EXPECT_EQ(first.size(), moved) << tokens;
    first.insert(first.end(), texts.begin(), texts.end());
    EXPECT_EQ(first, all) << tokens;
  }
  std::vector<TokenText> one = {{1, 2, 3}};
  EXPECT_TRUE(MoveOutTokens(one, 10).empty());
  EXPECT_EQ(one.size(), 1u);
}

// Against the definition, token by token.
TEST(TextQualityTest, IsTheDefinitionForAnotherModel) {
  ThreadPool pool(2);
  const TestCheckpoint test = RandomCheckpoint(SmallConfig(), DType::kF32);
  const auto before = LoadSmall(test.checkpoint, "none", pool);
  const auto after = LoadSmall(test.checkpoint, "fp8", pool);
  const std::vector<TokenText> texts = {Texts()[0]};
  const ScoredTexts scored(texts, 1, *before, pool, nullptr);
  const TextQuality quality = scored.Compare(1, *after, nullptr).Mean();
  std::vector<std::vector<double>> p[2];
  for (int m = 0; m < 2; ++m) {
    const auto read = [&](size_t, size_t place, std::span<const float> logits) {
      EXPECT_EQ(place, p[m].size());
      double sum = 0;
      for (float logit : logits) sum += std::exp(double{logit});
      auto& row = p[m].emplace_back();
      for (float logit : logits) row.push_back(std::exp(double{logit}) / sum);
    };
    RunTexts(texts, 1, m == 0 ? *before : *after, read, nullptr);
  }
  double kl = 0, loss = 0;
  for (size_t place = 0; place + 1 < texts[0].size(); ++place) {
    loss -= std::log(p[1][place][static_cast<size_t>(texts[0][place + 1])]);
    for (size_t i = 0; i < 300; ++i) {
      kl += p[0][place][i] * std::log(p[0][place][i] / p[1][place][i]);
    }
  }
  EXPECT_NEAR(quality.kl, kl / 29, 1e-5);
  EXPECT_NEAR(quality.perplexity_after, std::exp(loss / 29), 1e-3);
  EXPECT_GT(quality.kl, 1e-6);
  EXPECT_LE(quality.top1, 1.0);
}

TEST(TextQualityTest, APieceAtATimeIsTheSame) {
  ThreadPool pool(2);
  const TestCheckpoint test = RandomCheckpoint(SmallConfig(), DType::kF32);
  const auto before = LoadSmall(test.checkpoint, "none", pool);
  const auto after = LoadSmall(test.checkpoint, "fp8", pool);
  const std::vector<TokenText> texts = TakeTokens(Texts(), 129);
  const ScoredTexts scored(texts, 2, *before, pool, nullptr);
  const TextQuality whole = scored.Compare(2, *after, nullptr).Mean();
  const int64_t vocab = before->config().vocab_size;
  for (int64_t tokens : {92, 200}) {
    size_t last = 0;
    const TextQuality pieces =
        CompareModels(texts, 2, tokens * vocab * 4, *before, *after, pool, [&](size_t done) {
          EXPECT_GT(done, last);
          last = done;
        });
    EXPECT_EQ(last, texts.size());
    EXPECT_EQ(pieces.tokens, whole.tokens);
    EXPECT_EQ(pieces.top1, whole.top1);
    EXPECT_NEAR(pieces.kl, whole.kl, 1e-12);
    EXPECT_NEAR(pieces.perplexity_after, whole.perplexity_after, 1e-9);
  }
  // Where not even one text fits it is cut.
  EXPECT_EQ(CompareModels(texts, 2, 20 * vocab * 4, *before, *after, pool, nullptr).tokens,
            19 + 6 + 19 + 1);
}

TEST(CalibrationTest, EveryInputIsSeenWholeWhateverTheBatch) {
  ThreadPool pool(2);
  const TestCheckpoint test = RandomCheckpoint(SmallConfig(), DType::kBF16);
  std::vector<Calibration> made;
  for (int32_t batch_size : {1, 4}) {
    const auto model = LoadSmall(test.checkpoint, "none", pool, batch_size == 1 ? 5 : 64);
    const auto calibration = Calibrate(Texts(), batch_size, Observer::kMax, *model, nullptr);
    ASSERT_TRUE(calibration.ok()) << calibration.status().message();
    EXPECT_EQ(calibration->tokens, 130);
    made.push_back(*calibration);
  }
  ASSERT_EQ(made[0].layers.size(), 3u);
  for (size_t layer = 0; layer < 3; ++layer) {
    ASSERT_EQ(made[0].layers[layer].size(), static_cast<size_t>(kObservedKinds));
    for (const auto& [kind, chosen] : made[0].layers[layer]) {
      EXPECT_EQ(chosen.scale, made[1].layers[layer].at(kind).scale) << layer;
      EXPECT_GT(chosen.scale, 0);
    }
  }
  // The norm's output is about 1 wide.
  const float scale = made[0].InputOf(0, TensorRole::kKey).scale * 448;
  EXPECT_GT(scale, 1.5F);
  EXPECT_LT(scale, 10.0F);
}

}  // namespace
}  // namespace qed

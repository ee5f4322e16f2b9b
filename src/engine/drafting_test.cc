// What drafts do to tokens: nothing; and which drafts are computed.
#include "engine/drafting.h"

#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "engine/core_test_support.h"
#include "engine/draft_test_support.h"

namespace qed {
namespace {

FakeModel::Options SmallModel() {
  FakeModel::Options options;
  options.max_logit_rows = 40;
  return options;
}

// One request alone, from an engine with these drafts.
StretchResult RunRequest(const SamplingParams& params, const FakeModel::LogitsFn& fn,
                         std::unique_ptr<Drafting> drafting, DraftStats* stats = nullptr,
                         int64_t* steps = nullptr) {
  CoreHarness harness(Depth::kOne, SmallModel(), fn, true, std::move(drafting));
  auto sink = std::make_shared<CollectingSink>();
  harness.Submit(Bytes("To be checked"), params, sink);
  harness.RunToEnd();
  if (stats != nullptr) *stats = harness.core.Stats().drafts;
  if (steps != nullptr) *steps = harness.core.Stats().steps;
  return sink->result;
}

TEST(DraftingTest, RightDraftsSaveSteps) {
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = 100;
  const StretchResult want = RunRequest(params, FakeModel::CountingLogits, nullptr);
  DraftStats stats;
  int64_t steps = 0;
  const StretchResult got = RunRequest(
      params, FakeModel::CountingLogits,
      MakeTestDrafting(std::make_unique<ModelDrafter>(FakeModel::CountingLogits, 300, 0.0)), &stats,
      &steps);
  EXPECT_EQ(got.ids, want.ids);
  EXPECT_EQ(got.text, want.text);
  EXPECT_EQ(stats.accepted, stats.tokens);
  EXPECT_EQ(steps, 100 - stats.accepted);
  EXPECT_EQ(stats.tried_at[0], stats.drafts);
  EXPECT_EQ(stats.tried_at[1] + stats.tried_at[2] + stats.tried_at[3],
            stats.tokens - stats.tried_at[0]);
}

// The tokens drawn must be the model's, whatever the drafter says: a drafter that always
// says the same must not draw them to it, nor away from it.
TEST(DraftingTest, DrawnTokensHaveTheModelsDistribution) {
  constexpr int32_t kKinds = 8;
  const auto logits = [](std::span<const int32_t>, std::span<float> row) {
    std::ranges::fill(row, -100.0f);
    for (int32_t i = 0; i < kKinds; ++i) row[i] = 0.3f * static_cast<float>(i);
  };
  class Stubborn : public Drafter {
    void Start(uint64_t, std::span<const int32_t>) override {}
    void Append(uint64_t, std::span<const int32_t>) override {}
    void Propose(std::span<DraftRequest> requests) override {
      for (DraftRequest& r : requests) {
        r.count = r.wanted;
        r.drafts.fill({6, 0});
      }
    }
    void End(uint64_t) override {}
  };
  std::array<double, kKinds> count = {};
  double total = 0, sum = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SamplingParams params;
    params.seed = seed;
    params.max_tokens = 500;
    for (int32_t id :
         RunRequest(params, logits, MakeTestDrafting(std::make_unique<Stubborn>())).ids) {
      ASSERT_LT(id, kKinds);
      ++count[id];
      ++total;
    }
  }
  for (int32_t i = 0; i < kKinds; ++i) sum += std::exp(0.3 * i);
  double chi_square = 0;
  for (int32_t i = 0; i < kKinds; ++i) {
    const double expected = total * std::exp(0.3 * i) / sum;
    chi_square += (count[i] - expected) * (count[i] - expected) / expected;
  }
  EXPECT_EQ(total, 40 * 500);
  EXPECT_LT(chi_square, 24.3);  // one in a thousand for seven degrees of freedom
}

TEST(DraftingTest, UselessDraftsAreGivenUp) {
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = 900;
  auto drafting = std::make_unique<Drafting>(
      std::make_unique<ModelDrafter>(FakeModel::CountingLogits, 300, 2.0),
      StepCost({{1, 1.0}, {16, 2.0}}), DraftingOptions{});
  DraftStats stats;
  RunRequest(params, FakeModel::CountingLogits, std::move(drafting), &stats);
  EXPECT_GT(stats.drafts, 0);
  EXPECT_LT(stats.drafts, 100);
  EXPECT_EQ(stats.accepted, 0);
}

TEST(DraftingTest, NoDraftsWhereRowsCostAsMuchAsTokens) {
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = 100;
  auto drafting = std::make_unique<Drafting>(
      std::make_unique<ModelDrafter>(FakeModel::CountingLogits, 300, 0.0),
      StepCost({{1, 1.0}, {16, 16.0}}), DraftingOptions{});
  EXPECT_FALSE(drafting->Wanted(1));
  DraftStats stats;
  RunRequest(params, FakeModel::CountingLogits, std::move(drafting), &stats);
  EXPECT_EQ(stats.drafts, 0);
}

}  // namespace
}  // namespace qed

#include "draft/draft_budget.h"

#include <vector>

#include "draft/acceptance.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(StepCostTest, IsInterpolatedAndNeverFalls) {
  const StepCost cost({{1, 1.0}, {2, 0.9}, {4, 2.0}, {8, 3.0}});
  EXPECT_DOUBLE_EQ(cost.Seconds(1), 1.0);
  EXPECT_DOUBLE_EQ(cost.Seconds(2), 1.0);
  EXPECT_DOUBLE_EQ(cost.Seconds(3), 1.5);
  EXPECT_DOUBLE_EQ(cost.Seconds(6), 2.5);
  EXPECT_DOUBLE_EQ(cost.Seconds(16), 5.0);
  EXPECT_DOUBLE_EQ(StepCost({{1, 1.0}}).Seconds(9), 1.0);
}

// Of `sequences` with `drafts` each, every one right with probability `rate`, how many
// are taken.
size_t Taken(const StepCost& cost, int32_t sequences, int32_t drafts, double rate) {
  std::vector<DraftOffer> offers;
  for (int32_t s = 0; s < sequences; ++s) {
    double probability = 1;
    for (int32_t d = 0; d < drafts; ++d) offers.push_back({s, probability *= rate});
  }
  return ChooseDrafts(cost, sequences, offers);
}

TEST(DraftBudgetTest, FreeRowsAreTakenWhateverTheyPromise) {
  const StepCost free({{1, 1.0}, {64, 1.0}});
  EXPECT_EQ(Taken(free, 4, 3, 0.5), 12u);
  EXPECT_EQ(Taken(free, 4, 3, 0.0), 0u);
}

TEST(DraftBudgetTest, RowsThatCostAsMuchAsTokensAreNot) {
  const StepCost linear({{1, 1.0}, {64, 64.0}});
  EXPECT_EQ(Taken(linear, 8, 3, 0.99), 0u);
  EXPECT_FALSE(DraftsCanPay(linear, 8));
  EXPECT_FALSE(DraftsCanPay(linear, 1));
}

TEST(DraftBudgetTest, TheLikeliestAreTakenAsLongAsEachPays) {
  // A row costs 0.3 of a token: chains are cut where that is what they promise.
  const StepCost cost({{1, 1.0}, {2, 1.3}, {9, 3.4}});
  EXPECT_EQ(Taken(cost, 1, 8, 0.8), 3u);  // 2.95 tokens in 1.9; a fourth would give 3.36 in 2.2
  EXPECT_EQ(Taken(cost, 1, 8, 0.3), 0u);
  std::vector<DraftOffer> offers = {{0, 0.2}, {0, 0.1}, {1, 0.9}, {1, 0.8}};
  ASSERT_EQ(ChooseDrafts(StepCost({{1, 1.0}, {2, 1.1}, {9, 1.8}}), 2, offers), 2u);
  EXPECT_EQ(offers[0].sequence, 1);
  EXPECT_EQ(offers[1].sequence, 1);
}

TEST(DraftBudgetTest, AStepThatRowsFillIsLookedBeyond) {
  // Rows come in tiles of four: the second row is dear, the third and fourth are free.
  const StepCost tiles({{1, 1.0}, {2, 2.0}, {4, 2.0}, {5, 3.0}});
  EXPECT_EQ(Taken(tiles, 1, 3, 0.9), 3u);
  EXPECT_EQ(Taken(tiles, 1, 3, 0.5), 0u);
}

TEST(AcceptanceTest, FollowsWhatHappensLately) {
  Acceptance acceptance(64);
  EXPECT_DOUBLE_EQ(acceptance.Rate(3, 0.5, 4), 0.5);
  for (int i = 0; i < 200; ++i) acceptance.Count(3, true);
  EXPECT_GT(acceptance.Rate(3, 0.5, 4), 0.9);
  EXPECT_DOUBLE_EQ(acceptance.Rate(4, 0.5, 4), 0.5);
  for (int i = 0; i < 100; ++i) acceptance.Count(3, false);
  EXPECT_LT(acceptance.Rate(3, 0.5, 4), 0.35);
  for (int i = 0; i < 4000; ++i) acceptance.Fade(3);
  EXPECT_NEAR(acceptance.Rate(3, 0.5, 4), 0.5, 0.01);
}

}  // namespace
}  // namespace qed

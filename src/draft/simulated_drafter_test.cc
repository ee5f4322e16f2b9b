#include "draft/simulated_drafter.h"

#include <numeric>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(SimulatedDrafterTest, DraftsAreRightAsOftenAsAskedFor) {
  const std::vector<double> rates = ParseAcceptance("0.83,0.77,0.71").value();
  ASSERT_EQ(rates, (std::vector<double>{0.83, 0.77, 0.71}));
  SimulatedDrafter drafter(rates, 1000);
  drafter.Start(1, std::vector<int32_t>{1, 2});
  const std::vector<int32_t> known = {10, 11, 999, 13};
  std::vector<int> right(3);
  constexpr int kRounds = 4000;
  for (int round = 0; round < kRounds; ++round) {
    DraftRequest request{.sequence = 1, .known = known, .wanted = 8};
    drafter.Propose({&request, 1});
    ASSERT_EQ(request.count, 3);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_LT(request.drafts[i].id, 1000);
      right[i] += request.drafts[i].id == known[i];
    }
    drafter.Append(1, std::vector<int32_t>{7});
  }
  // Within 4 standard deviations.
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(right[i], rates[i] * kRounds, 4 * 28) << i;
}

TEST(SimulatedDrafterTest, NothingKnownNothingDrafted) {
  SimulatedDrafter drafter({1.0}, 10);
  drafter.Start(1, std::vector<int32_t>{1});
  DraftRequest request{.sequence = 1, .wanted = 8};
  drafter.Propose({&request, 1});
  EXPECT_EQ(request.count, 0);
}

TEST(SimulatedDrafterTest, OddRatesAreTold) {
  for (const char* bad :
       {"", "x", "1.1", "-0.1", "0.5,", "0.5,,0.5", "0.5 0.5", "nan", "1,1,1,1,1,1,1,1,1"}) {
    const auto parsed = ParseAcceptance(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_NE(parsed.status().message().find("--acceptance"), std::string::npos);
  }
}

}  // namespace
}  // namespace qed

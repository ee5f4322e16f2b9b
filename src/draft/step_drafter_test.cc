#include "draft/step_drafter.h"

#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

std::vector<int32_t> Ids(const DraftRequest& request) {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < request.count; ++i) ids.push_back(request.drafts[i].id);
  return ids;
}

TEST(StepDrafterTest, GivesWhatTheStepLeftUpToWhatIsWanted) {
  const std::vector<HeadDraft> made = {{5, 0.9F}, {7, 0.5F}, {9, 0.1F}};
  std::vector<DraftRequest> requests(3);
  requests[0] = {.of_step = made, .wanted = 8};
  requests[1] = {.of_step = made, .wanted = 2};
  requests[2] = {.wanted = 8};
  StepDrafter().Propose(requests);
  EXPECT_EQ(Ids(requests[0]), (std::vector<int32_t>{5, 7, 9}));
  EXPECT_EQ(Ids(requests[1]), (std::vector<int32_t>{5, 7}));
  EXPECT_EQ(requests[2].count, 0);
}

TEST(StepDrafterTest, EndsAChainBehindWhatDoesNotPay) {
  const std::vector<HeadDraft> made = {{5, 0.9F}, {7, 0.5F}, {9, 0.99F}};
  std::vector<float> odds(kDraftKinds, 1.0F);
  odds[static_cast<size_t>(HeadKind(0.5, false))] = 0.1F;
  std::vector<DraftRequest> requests = {{.of_step = made, .wanted = 8, .odds = odds, .least = 0.2}};
  StepDrafter().Propose(requests);
  EXPECT_EQ(Ids(requests[0]), (std::vector<int32_t>{5, 7}));
}

TEST(StepDrafterTest, KindsAreFewAndTellSureFromUnsure) {
  for (double p = 0; p <= 1; p += 0.01) {
    for (bool first : {true, false}) {
      EXPECT_GE(HeadKind(p, first), 0);
      EXPECT_LT(HeadKind(p, first), kKindsOfDrafter);
      EXPECT_LE(HeadKind(p, first), HeadKind(1, first));
    }
    EXPECT_NE(HeadKind(p, true), HeadKind(p, false));
  }
}

}  // namespace
}  // namespace qed

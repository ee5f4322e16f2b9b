#include "draft/suffix_drafter.h"

#include <numeric>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int32_t> DraftsFor(SuffixDrafter& drafter, uint64_t sequence, int32_t wanted = 3) {
  DraftRequest request{.sequence = sequence, .wanted = wanted};
  drafter.Propose({&request, 1});
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < request.count; ++i) {
    EXPECT_GE(request.drafts[i].kind, 0);
    EXPECT_LT(request.drafts[i].kind, kDraftKinds);
    ids.push_back(request.drafts[i].id);
  }
  return ids;
}

void Append(SuffixDrafter& drafter, uint64_t sequence, const std::vector<int32_t>& tokens) {
  drafter.Append(sequence, tokens);
}

TEST(SuffixDrafterTest, FindsThePromptsWordsInTheText) {
  SuffixDrafter drafter;
  drafter.Start(1, std::vector<int32_t>{5, 10, 11, 12, 13, 14, 6});
  EXPECT_THAT(DraftsFor(drafter, 1), IsEmpty());
  Append(drafter, 1, {10, 11});
  EXPECT_THAT(DraftsFor(drafter, 1), ElementsAre(12, 13, 14));
  Append(drafter, 1, {12, 99});
  EXPECT_THAT(DraftsFor(drafter, 1), IsEmpty());
}

TEST(SuffixDrafterTest, GoesOnAcrossThePromptsEnd) {
  SuffixDrafter drafter;
  drafter.Start(1, std::vector<int32_t>{1, 2, 3, 4, 1});
  Append(drafter, 1, {2});
  EXPECT_THAT(DraftsFor(drafter, 1), ElementsAre(3, 4, 1));
}

TEST(SuffixDrafterTest, LearnsFromSamplesOfThePromptRunningOrFinishedAndFromNoOthers) {
  SuffixDrafter drafter;
  const std::vector<int32_t> prompt = {1, 2, 3}, other = {4, 5, 6};
  drafter.Start(1, prompt);
  Append(drafter, 1, {20, 21, 22, 23});
  drafter.Start(2, prompt);
  Append(drafter, 2, {20, 21});
  EXPECT_THAT(DraftsFor(drafter, 2, 2), ElementsAre(22, 23));
  drafter.End(1);
  EXPECT_THAT(DraftsFor(drafter, 2, 2), ElementsAre(22, 23));
  drafter.Start(3, other);
  Append(drafter, 3, {20, 21});
  EXPECT_THAT(DraftsFor(drafter, 3, 2), IsEmpty());
}

TEST(SuffixDrafterTest, MostOfTheTextThatMatchesWins) {
  SuffixDrafter drafter;
  drafter.Start(1, std::vector<int32_t>{0});
  // Twice 7 follows (2, 3), lately; once 8 follows (1, 2, 3) and much before it.
  Append(drafter, 1, {40, 41, 42, 1, 2, 3, 8, 50, 2, 3, 7, 51, 2, 3, 7, 52});
  Append(drafter, 1, {40, 41, 42, 1, 2, 3});
  EXPECT_THAT(DraftsFor(drafter, 1, 2), ElementsAre(8, 50));
}

TEST(SuffixDrafterTest, MemoryIsBounded) {
  SuffixDrafter drafter(1000);
  std::mt19937 random(3);
  uint64_t id = 0;
  for (int prompt = 0; prompt < 50; ++prompt) {
    std::vector<int32_t> tokens(50);
    for (int32_t& t : tokens) t = static_cast<int32_t>(random() % 1000);
    const uint64_t sequence = ++id;
    drafter.Start(sequence, tokens);
    for (int i = 0; i < 20; ++i) Append(drafter, sequence, {1, 2, 3, 4});
    EXPECT_LE(drafter.num_tokens(), 1000);
    drafter.End(sequence);
  }
  EXPECT_GT(drafter.num_tokens(), 500);
  // What cannot be remembered gets no drafts, and goes on.
  drafter.Start(++id, std::vector<int32_t>(2000, 1));
  Append(drafter, id, {1, 1, 1});
  EXPECT_THAT(DraftsFor(drafter, id), IsEmpty());
  drafter.Start(++id, std::vector<int32_t>{1, 2});
  Append(drafter, id, std::vector<int32_t>(2000, 1));
  EXPECT_THAT(DraftsFor(drafter, id), IsEmpty());
  drafter.End(id);
  EXPECT_LE(drafter.num_tokens(), 1000);
}

}  // namespace
}  // namespace qed

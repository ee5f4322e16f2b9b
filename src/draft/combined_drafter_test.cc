#include "draft/combined_drafter.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Says the same to everybody, and remembers whom it was asked about.
class Says : public Drafter {
 public:
  explicit Says(std::vector<Draft> drafts) : drafts_(std::move(drafts)) {}

  void Start(uint64_t sequence, std::span<const int32_t>) override { started.push_back(sequence); }
  void Append(uint64_t, std::span<const int32_t> tokens) override { appended += tokens.size(); }
  void Propose(std::span<DraftRequest> requests) override {
    for (DraftRequest& request : requests) {
      asked.push_back(request.sequence);
      odds_of_kind_0 = request.odds.empty() ? -1 : request.odds[0];
      request.count = std::min(request.wanted, static_cast<int32_t>(drafts_.size()));
      std::copy_n(drafts_.begin(), request.count, request.drafts.begin());
    }
  }
  void End(uint64_t sequence) override { ended.push_back(sequence); }

  std::vector<uint64_t> started, asked, ended;
  size_t appended = 0;
  float odds_of_kind_0 = -1;

 private:
  std::vector<Draft> drafts_;
};

// A request whose drafts of kind k are right with probability odds[k].
struct Asked {
  explicit Asked(std::vector<std::pair<int32_t, float>> chances) : odds(kDraftKinds, 0.5f) {
    for (const auto& [kind, chance] : chances) odds[static_cast<size_t>(kind)] = chance;
    request.odds = odds;
    request.wanted = 4;
  }
  std::vector<std::pair<int32_t, int32_t>> Drafts() const {
    std::vector<std::pair<int32_t, int32_t>> found;
    for (int32_t i = 0; i < request.count; ++i)
      found.emplace_back(request.drafts[i].id, request.drafts[i].kind);
    return found;
  }
  std::vector<float> odds;
  DraftRequest request;
};

class CombinedDrafterTest : public ::testing::Test {
 protected:
  void Make(std::vector<Draft> of_free, std::vector<Draft> of_head) {
    auto free = std::make_unique<Says>(std::move(of_free));
    auto head = std::make_unique<Says>(std::move(of_head));
    free_ = free.get();
    head_ = head.get();
    drafter_ = std::make_unique<CombinedDrafter>(std::move(free), std::move(head));
  }
  Says* free_ = nullptr;
  Says* head_ = nullptr;
  std::unique_ptr<CombinedDrafter> drafter_;
};

TEST_F(CombinedDrafterTest, BothHearOfEverySequence) {
  Make({}, {});
  drafter_->Start(7, std::vector<int32_t>{1, 2});
  drafter_->Append(7, std::vector<int32_t>{3, 4, 5});
  drafter_->End(7);
  for (const Says* one : {free_, head_}) {
    EXPECT_THAT(one->started, ElementsAre(7));
    EXPECT_EQ(one->appended, 3u);
    EXPECT_THAT(one->ended, ElementsAre(7));
  }
}

TEST_F(CombinedDrafterTest, TheChainThatPromisesMoreIsTaken) {
  Make({{10, 2}, {11, 2}}, {{20, 5}});
  constexpr int32_t kOfHead = kKindsOfDrafter + 5;
  Asked likely({{2, 0.9f}, {kOfHead, 0.8f}});
  drafter_->Propose({&likely.request, 1});
  EXPECT_THAT(likely.Drafts(), ElementsAre(std::pair(10, 2), std::pair(11, 2)));
  Asked unlikely({{2, 0.3f}, {kOfHead, 0.8f}});
  drafter_->Propose({&unlikely.request, 1});
  EXPECT_THAT(unlikely.Drafts(), ElementsAre(std::pair(20, kOfHead)));
  EXPECT_NEAR(PromisedTokens(unlikely.request), 0.8, 1e-6);
}

TEST_F(CombinedDrafterTest, TheHeadSeesTheOddsOfItsOwnKinds) {
  Make({}, {});
  Asked asked({{0, 0.1f}, {kKindsOfDrafter, 0.7f}});
  drafter_->Propose({&asked.request, 1});
  EXPECT_FLOAT_EQ(free_->odds_of_kind_0, 0.1f);
  EXPECT_FLOAT_EQ(head_->odds_of_kind_0, 0.7f);
}

TEST_F(CombinedDrafterTest, TheHeadIsNotAskedWhereSuffixesPromiseMoreThanItUsuallyDoes) {
  Make({{10, 2}, {11, 2}, {12, 2}}, {{20, 5}});
  Asked asked({{2, 0.95f}, {kKindsOfDrafter + 5, 0.6f}});
  for (int i = 0; i < 300; ++i) drafter_->Propose({&asked.request, 1});
  const size_t before = head_->asked.size();
  EXPECT_LT(before, 150u);
  drafter_->Propose({&asked.request, 1});
  EXPECT_EQ(head_->asked.size(), before);
  // Where they have nothing, it is.
  Asked none({{2, 0.05f}, {kKindsOfDrafter + 5, 0.6f}});
  drafter_->Propose({&none.request, 1});
  EXPECT_EQ(head_->asked.size(), before + 1);
}

TEST_F(CombinedDrafterTest, NothingFoundNothingDrafted) {
  Make({}, {});
  Asked asked({});
  drafter_->Propose({&asked.request, 1});
  EXPECT_THAT(asked.Drafts(), IsEmpty());
}

}  // namespace
}  // namespace qed

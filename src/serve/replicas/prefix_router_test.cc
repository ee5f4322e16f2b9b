#include "serve/replicas/prefix_router.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <tuple>

#include "gtest/gtest.h"

namespace qed {
namespace {

using Blocks = std::vector<uint64_t>;
using Loads = std::vector<ReplicaLoad>;

constexpr int32_t kAhead = 4;

Loads Free(std::vector<int32_t> in_flight) {
  Loads loads;
  for (const int32_t count : in_flight) loads.push_back({true, count});
  return loads;
}

int32_t Chosen(PrefixRouter& router, const Blocks& blocks, const Loads& loads) {
  const std::optional<RouteChoice> choice = router.Choose(blocks, loads);
  return choice ? choice->replica : -1;
}

TEST(PrefixRouterTest, TheLeastBusyOneWhereNobodyKnowsThePrompt) {
  PrefixRouter router(3, kAhead);
  const std::optional<RouteChoice> choice = router.Choose(Blocks{1, 2}, Free({5, 3, 4}));
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->replica, 1);
  EXPECT_FALSE(choice->by_prefix);
}

TEST(PrefixRouterTest, EqualsTakeTurns) {
  PrefixRouter router(3, kAhead);
  std::vector<int32_t> order;
  for (int i = 0; i < 6; ++i) order.push_back(Chosen(router, {}, Free({0, 0, 0})));
  EXPECT_EQ(order, (std::vector<int32_t>{0, 1, 2, 0, 1, 2}));
}

TEST(PrefixRouterTest, GoesWhereTheBeginningWent) {
  PrefixRouter router(3, kAhead);
  ASSERT_EQ(Chosen(router, {1, 2, 3}, Free({1, 1, 0})), 2);
  const std::optional<RouteChoice> choice = router.Choose(Blocks{1, 2, 3, 4}, Free({0, 0, 0}));
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->replica, 2);
  EXPECT_TRUE(choice->by_prefix);
}

// A prompt of so many completions' worth.
Blocks Worth(int32_t completions) {
  Blocks blocks(static_cast<size_t>(completions * kBlocksPerCompletion));
  std::iota(blocks.begin(), blocks.end(), 100);
  return blocks;
}

TEST(PrefixRouterTest, ButNotWhereMoreIsToBeDoneThanItIsWorth) {
  for (const int32_t worth : {0, 1, 3, kAhead, kAhead + 1, 50}) {
    Blocks prompt = Worth(worth);
    if (prompt.empty()) prompt = {1};
    const int32_t allowed = std::min(worth, kAhead);
    PrefixRouter one(2, kAhead), other(2, kAhead);
    ASSERT_EQ(Chosen(one, prompt, Free({0, 0})), 0);
    EXPECT_EQ(Chosen(one, prompt, Free({7 + allowed, 7})), 0) << worth;
    ASSERT_EQ(Chosen(other, prompt, Free({0, 0})), 0);
    EXPECT_EQ(Chosen(other, prompt, Free({8 + allowed, 7})), 1) << worth;
    // Now both know it: the less busy one has it.
    EXPECT_EQ(Chosen(other, prompt, Free({2, 1})), 1);
    EXPECT_EQ(Chosen(other, prompt, Free({1, 2})), 0);
  }
}

TEST(PrefixRouterTest, SamplesOfOneShortPromptAreSharedOut) {
  PrefixRouter router(4, 16);
  Loads loads = Free({0, 0, 0, 0});
  for (int i = 0; i < 16; ++i) {
    const int32_t chosen = Chosen(router, {1, 2, 3, 4}, loads);
    ++loads[static_cast<size_t>(chosen)].in_flight;
  }
  for (const ReplicaLoad& load : loads) EXPECT_EQ(load.in_flight, 4);
}

TEST(PrefixRouterTest, TheLongestBeginningCounts) {
  PrefixRouter router(3, kAhead);
  ASSERT_EQ(Chosen(router, {1, 10, 11}, Free({0, 1, 1})), 0);
  ASSERT_EQ(Chosen(router, {1, 20, 21}, Free({9, 0, 1})), 1);
  ASSERT_EQ(Chosen(router, {1, 20, 22}, Free({9, 9, 0})), 2);
  EXPECT_EQ(Chosen(router, {1, 10, 12}, Free({0, 0, 0})), 0);
  EXPECT_EQ(Chosen(router, {1, 20, 21, 5}, Free({0, 0, 0})), 1);
  EXPECT_EQ(Chosen(router, {1, 20, 22, 6}, Free({0, 0, 0})), 2);
  // The middle of a prompt says nothing without its beginning.
  EXPECT_FALSE(router.Choose(Blocks{7, 20, 22}, Free({0, 0, 0}))->by_prefix);
}

TEST(PrefixRouterTest, OneThatIsGoneIsNotChosen) {
  PrefixRouter router(2, kAhead);
  ASSERT_EQ(Chosen(router, {1}, Free({0, 0})), 0);
  EXPECT_EQ(Chosen(router, {1}, {{false, 0}, {true, 50}}), 1);
  EXPECT_EQ(Chosen(router, {1}, {{false, 0}, {false, 0}}), -1);
  // Nor does it count as the least busy one, which the other would be far ahead of.
  EXPECT_TRUE(router.Choose(Blocks{1}, Loads{{false, 0}, {true, 50}})->by_prefix);
}

TEST(PrefixRouterTest, AReplicaThatBeganAnewKnowsNothing) {
  PrefixRouter router(2, kAhead);
  ASSERT_EQ(Chosen(router, {1, 2}, Free({0, 0})), 0);
  router.Forget(0);
  EXPECT_EQ(router.size(), 0u);
  EXPECT_FALSE(router.Choose(Blocks{1, 2}, Free({0, 0}))->by_prefix);
}

TEST(PrefixRouterTest, WhatWasUsedLastIsRemembered) {
  PrefixRouter router(2, kAhead, /*capacity=*/4);
  ASSERT_EQ(Chosen(router, {1, 2}, Free({0, 1})), 0);
  ASSERT_EQ(Chosen(router, {3, 4}, Free({1, 0})), 1);
  ASSERT_EQ(Chosen(router, {1, 2}, Free({0, 0})), 0);
  ASSERT_EQ(Chosen(router, {5}, Free({1, 0})), 1);
  EXPECT_EQ(router.size(), 4u);
  EXPECT_TRUE(router.Choose(Blocks{1, 2}, Free({0, 0}))->by_prefix);
  // Of 3 and 4 the end has gone, the beginning is still known.
  EXPECT_TRUE(router.Choose(Blocks{3, 9}, Free({0, 0}))->by_prefix);
}

TEST(PrefixRouterTest, APromptLongerThanAllItRemembersIsKnownByItsBeginning) {
  PrefixRouter router(1, kAhead, /*capacity=*/3);
  ASSERT_TRUE(router.Choose(Blocks{1, 2, 3, 4, 5}, Free({0})));
  EXPECT_EQ(router.size(), 3u);
  EXPECT_TRUE(router.Choose(Blocks{1}, Free({0}))->by_prefix);
}

// Beside an obviously right one, which keeps everything.
class SimpleRouter {
 public:
  explicit SimpleRouter(size_t replicas) : given_(replicas), chosen_at_(replicas, 0) {}

  int32_t Choose(const Blocks& blocks, const Loads& loads) {
    int32_t least = 1 << 30;
    for (const ReplicaLoad& load : loads) {
      if (load.available) least = std::min(least, load.in_flight);
    }
    int32_t best = -1;
    std::tuple<int64_t, int32_t, int64_t> best_rank;
    for (size_t i = 0; i < loads.size(); ++i) {
      if (!loads[i].available) continue;
      int64_t match = Match(i, blocks);
      if (loads[i].in_flight > least + std::min<int64_t>(kAhead, match / kBlocksPerCompletion)) {
        match = 0;
      }
      const std::tuple rank(-match, loads[i].in_flight, chosen_at_[i]);
      if (best >= 0 && best_rank <= rank) continue;
      best = static_cast<int32_t>(i);
      best_rank = rank;
    }
    if (best < 0) return best;
    given_[static_cast<size_t>(best)].push_back(blocks);
    chosen_at_[static_cast<size_t>(best)] = ++choices_;
    return best;
  }
  void Forget(size_t replica) { given_[replica].clear(); }

 private:
  int64_t Match(size_t replica, const Blocks& blocks) const {
    int64_t longest = 0;
    for (const Blocks& prompt : given_[replica]) {
      const auto same = std::mismatch(blocks.begin(), blocks.end(), prompt.begin(), prompt.end());
      longest = std::max<int64_t>(longest, same.first - blocks.begin());
    }
    return longest;
  }

  std::vector<std::vector<Blocks>> given_;
  std::vector<int64_t> chosen_at_;
  int64_t choices_ = 0;
};

TEST(PrefixRouterTest, RandomTrafficGoesWhereASimpleRouterSendsIt) {
  std::mt19937 random(7);
  const auto below = [&](uint32_t n) { return random() % n; };
  for (int round = 0; round < 20; ++round) {
    const size_t replicas = 1 + below(6);
    PrefixRouter router(static_cast<int32_t>(replicas), kAhead);
    SimpleRouter simple(replicas);
    for (int step = 0; step < 300; ++step) {
      Blocks blocks;  // as chained hashes are: equal only behind equal beginnings
      // Each of a few texts is as long as some completions are worth.
      for (uint64_t hash = 0, length = below(6); length > 0; --length) {
        hash = hash * 4 + 1 + below(3);
        for (uint64_t part = 0; part < 10; ++part) blocks.push_back(hash * 16 + part);
      }
      Loads loads;
      for (size_t i = 0; i < replicas; ++i) {
        loads.push_back({below(8) != 0, static_cast<int32_t>(below(10))});
      }
      ASSERT_EQ(Chosen(router, blocks, loads), simple.Choose(blocks, loads)) << step;
      if (below(50) == 0) {
        const uint32_t replica = below(static_cast<uint32_t>(replicas));
        router.Forget(static_cast<int32_t>(replica));
        simple.Forget(replica);
      }
    }
  }
}

}  // namespace
}  // namespace qed

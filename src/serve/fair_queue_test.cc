#include "serve/fair_queue.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

std::vector<uint64_t> Drain(FairQueue& queue, double charge = 0) {
  std::vector<uint64_t> ids;
  while (auto item = queue.Pop()) {
    ids.push_back(item->id);
    queue.Charge(item->user, charge);
  }
  return ids;
}

TEST(FairQueueTest, FirstComeFirstServed) {
  FairQueue queue;
  for (uint64_t id : {1, 2, 3}) queue.Push({id, 0, "a"});
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(Drain(queue), (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(FairQueueTest, LowerPriorityNumbersComeFirst) {
  FairQueue queue;
  queue.Push({1, 5, "a"});
  queue.Push({2, 0, "a"});
  queue.Push({3, -1, "b"});
  EXPECT_EQ(Drain(queue), (std::vector<uint64_t>{3, 2, 1}));
}

TEST(FairQueueTest, NobodyWaitsForEverForBetterPriorities) {
  FairQueue queue;
  queue.Push({1, 100, "patient"});
  uint64_t id = 1;
  for (int i = 0; i < 8; ++i) queue.Push({++id, -5, "pushing"});
  // There is always something of a better priority.
  for (int popped = 1;; ++popped) {
    ASSERT_LE(popped, 16);
    if (queue.Pop()->id == 1) break;
    queue.Push({++id, -5, "pushing"});
  }
  EXPECT_EQ(queue.size(), 8u);
}

TEST(FairQueueTest, UsersShare) {
  FairQueue queue;
  for (uint64_t id = 1; id <= 6; ++id) queue.Push({id, 0, "many"});
  for (uint64_t id = 7; id <= 8; ++id) queue.Push({id, 0, "few"});
  EXPECT_EQ(Drain(queue, 10), (std::vector<uint64_t>{1, 7, 2, 8, 3, 4, 5, 6}));
}

TEST(FairQueueTest, LongAnswersCount) {
  FairQueue queue;
  for (uint64_t id = 1; id <= 4; ++id) queue.Push({id, 0, "long"});
  for (uint64_t id = 5; id <= 8; ++id) queue.Push({id, 0, "short"});
  std::map<std::string, double> served;
  for (int i = 0; i < 5; ++i) {
    const auto item = queue.Pop();
    const double tokens = item->user == "long" ? 300 : 70;
    queue.Charge(item->user, tokens);
    served[item->user] += tokens;
  }
  EXPECT_EQ(served["long"], 300);
  EXPECT_EQ(served["short"], 280);
}

TEST(FairQueueTest, HavingBeenAwayIsNoCredit) {
  FairQueue queue;
  for (uint64_t id = 1; id <= 10; ++id) queue.Push({id, 0, "busy"});
  for (int i = 0; i < 5; ++i) queue.Charge(queue.Pop()->user, 100);
  for (uint64_t id = 11; id <= 15; ++id) queue.Push({id, 0, "back"});
  std::string order;
  for (int i = 0; i < 4; ++i) {
    const auto item = queue.Pop();
    queue.Charge(item->user, 100);
    order += item->user[1];
  }
  EXPECT_EQ(order, "auau");
}

TEST(FairQueueTest, Removes) {
  FairQueue queue;
  queue.Push({1, 0, "a"});
  queue.Push({2, 0, "a"});
  EXPECT_TRUE(queue.Remove({1, 0, "a"}));
  EXPECT_FALSE(queue.Remove({1, 0, "a"}));
  EXPECT_FALSE(queue.Remove({2, 1, "a"}));
  EXPECT_FALSE(queue.Remove({2, 0, "b"}));
  EXPECT_EQ(Drain(queue), (std::vector<uint64_t>{2}));
}

TEST(FairQueueTest, ForgetsIdleUsers) {
  FairQueue queue;
  for (uint64_t id = 0; id < 20000; ++id) {
    queue.Push({id, 0, "user " + std::to_string(id)});
    EXPECT_EQ(queue.Pop()->id, id);
  }
  EXPECT_EQ(queue.size(), 0u);
}

}  // namespace
}  // namespace qed

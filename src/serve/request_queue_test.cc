#include "serve/request_queue.h"

#include <condition_variable>
#include <mutex>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

// Notes who was started, in order.
class Starts {
 public:
  void Add(int number) {
    const std::lock_guard lock(mutex_);
    started_.push_back(number);
    changed_.notify_all();
  }
  std::vector<int> WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return started_.size() >= count; });
    return started_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> started_;
};

RequestQueue::Ticket MakeTicket(Starts& starts, int number, int32_t priority = 0) {
  return {{.id = 0, .priority = priority, .user = ""}, [&starts, number] { starts.Add(number); }};
}

TEST(RequestQueueTest, StartsAsManyAsMayRun) {
  Starts starts;
  RequestQueue queue(2, 10);
  std::vector<RequestQueue::Ticket> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(MakeTicket(starts, i));
  int admitted = 0;
  ASSERT_TRUE(
      queue.Push({&tickets[0], &tickets[1], &tickets[2], &tickets[3]}, [&] { ++admitted; }));
  EXPECT_EQ(admitted, 1);
  EXPECT_EQ(starts.WaitFor(2), (std::vector<int>{0, 1}));
  EXPECT_EQ(queue.waiting(), 2);
  queue.Finish("", 1);
  EXPECT_EQ(starts.WaitFor(3), (std::vector<int>{0, 1, 2}));
  queue.Finish("", 1);
  EXPECT_EQ(starts.WaitFor(4), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_GE(queue.RetryAfter(), 1);
}

TEST(RequestQueueTest, TakesAllOrNone) {
  Starts starts;
  RequestQueue queue(1, 2);
  auto a = MakeTicket(starts, 1), b = MakeTicket(starts, 2), c = MakeTicket(starts, 3);
  auto d = MakeTicket(starts, 4), e = MakeTicket(starts, 5);
  EXPECT_FALSE(queue.Push({&a, &b, &c, &d}, [] { FAIL() << "not admitted"; }));
  EXPECT_TRUE(queue.Push({&a, &b, &c}, [] {}));
  starts.WaitFor(1);
  EXPECT_FALSE(queue.Push({&e}, [] {}));
  EXPECT_TRUE(queue.Remove(b.item));
  EXPECT_FALSE(queue.Remove(b.item));
  EXPECT_FALSE(queue.Remove(a.item)) << "it runs";
  EXPECT_TRUE(queue.Push({&e}, [] {}));
  queue.Finish("", 1);
  queue.Finish("", 1);
  EXPECT_EQ(starts.WaitFor(3), (std::vector<int>{1, 3, 5}));
}

TEST(RequestQueueTest, PriorityDecidesAmongThoseThatWait) {
  Starts starts;
  RequestQueue queue(1, 10);
  auto a = MakeTicket(starts, 1), b = MakeTicket(starts, 2, 5), c = MakeTicket(starts, 3, -5);
  ASSERT_TRUE(queue.Push({&a}, [] {}));
  starts.WaitFor(1);
  ASSERT_TRUE(queue.Push({&b, &c}, [] {}));
  queue.Finish("", 1);
  queue.Finish("", 1);
  EXPECT_EQ(starts.WaitFor(3), (std::vector<int>{1, 3, 2}));
}

}  // namespace
}  // namespace qed

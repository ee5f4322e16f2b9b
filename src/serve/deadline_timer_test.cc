#include "serve/deadline_timer.h"

#include <chrono>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

using std::chrono::milliseconds;

TEST(DeadlineTimerTest, CallsInTheOrderOfTimesAndNotBefore) {
  const Clock::Time now = Clock::Real().Now();
  std::vector<int> order;  // touched by the timer's thread, then by us
  std::latch done(3);
  DeadlineTimer timer;
  const auto add = [&](int number, milliseconds after) {
    timer.Add(now + after, [&, number, after] {
      EXPECT_GE(Clock::Real().Now(), now + after);
      order.push_back(number);
      done.count_down();
    });
  };
  add(3, milliseconds(1500));
  add(2, milliseconds(1000));  // wakes a timer that waits for a later one
  add(1, milliseconds(0));
  done.wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(DeadlineTimerTest, ATimeThatIsOverAndOneForTwo) {
  std::latch done(2);
  DeadlineTimer timer;
  const Clock::Time past = Clock::Real().Now() - std::chrono::hours(1);
  for (int i = 0; i < 2; ++i) timer.Add(past, [&] { done.count_down(); });
  done.wait();
}

TEST(DeadlineTimerTest, ACallbackMayAddTheNext) {
  std::latch done(5);
  DeadlineTimer timer;
  std::function<void()> again = [&] {
    done.count_down();
    if (!done.try_wait()) timer.Add(Clock::Real().Now() + milliseconds(1), again);
  };
  timer.Add(Clock::Real().Now(), again);
  done.wait();
}

TEST(DeadlineTimerTest, WhatIsStillToComeIsDroppedWithTheTimer) {
  const auto held = std::make_shared<int>(0);
  {
    DeadlineTimer timer;
    timer.Add(Clock::Real().Now() + std::chrono::hours(1), [held] { FAIL() << "an hour early"; });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(DeadlineTimerTest, WhatIsRemovedIsDroppedAtOnce) {
  const auto held = std::make_shared<int>(0);
  DeadlineTimer timer;
  const auto handle =
      timer.Add(Clock::Real().Now() + std::chrono::hours(1), [held] { FAIL() << "an hour early"; });
  EXPECT_EQ(timer.size(), 1u);
  timer.Remove(handle);
  EXPECT_EQ(timer.size(), 0u);
  EXPECT_EQ(held.use_count(), 1);
  timer.Remove(handle);  // once is enough
}

TEST(DeadlineTimerTest, TakesCallbacksFromManyThreads) {
  constexpr int kThreads = 4, kEach = 250;
  std::latch done(kThreads * kEach);
  DeadlineTimer timer;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        timer.Add(Clock::Real().Now() + milliseconds(i % 7), [&] { done.count_down(); });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done.wait();
}

}  // namespace
}  // namespace qed

#include "sandbox/cell_queue.h"

#include <atomic>
#include <future>
#include <memory>

#include "gtest/gtest.h"

namespace qed {
namespace {

// A cell that waits until it is let go, and what became of it.
struct TestCell {
  std::promise<void> started, go, refused;
  std::string reason;
  std::atomic<bool> wanted{true};

  CellQueue::Cell Make(const std::string& session) {
    CellQueue::Cell cell;
    cell.session_id = session;
    cell.is_wanted = [this] { return wanted.load(); };
    cell.run = [this] {
      started.set_value();
      go.get_future().wait();
    };
    cell.refuse = [this](const char* why) {
      reason = why;
      refused.set_value();
    };
    return cell;
  }
};

bool Happens(std::promise<void>& promise) {
  return promise.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
}

CellQueue::Options MakeOptions(int32_t workers) {
  CellQueue::Options options;
  options.workers = workers;
  options.max_waiting = 10;
  options.max_wait = 60;
  options.reserve = [](const std::string&) { return true; };
  return options;
}

TEST(CellQueueTest, CellsOfOneSessionTakeTurnsAndOthersPass) {
  TestCell first, second, other;
  CellQueue queue(MakeOptions(2));
  queue.Push(first.Make("a"));
  ASSERT_TRUE(Happens(first.started));
  queue.Push(second.Make("a"));
  queue.Push(other.Make("b"));
  ASSERT_TRUE(Happens(other.started));  // it came later, but its session is free
  EXPECT_EQ(queue.running(), 2);
  EXPECT_EQ(queue.waiting(), 1);
  first.go.set_value();
  ASSERT_TRUE(Happens(second.started));
  second.go.set_value();
  other.go.set_value();
}

TEST(CellQueueTest, ASessionWithoutRoomWaitsForIt) {
  TestCell homeless;
  std::atomic<bool> room{false};
  CellQueue::Options options = MakeOptions(1);
  options.reserve = [&room](const std::string&) { return room.load(); };
  CellQueue queue(options);
  queue.Push(homeless.Make("a"));
  EXPECT_EQ(queue.waiting(), 1);
  room = true;
  queue.Recheck();
  ASSERT_TRUE(Happens(homeless.started));
  homeless.go.set_value();
}

TEST(CellQueueTest, RefusesWhatWaitsTooLong) {
  TestCell running, late;
  CellQueue::Options options = MakeOptions(1);
  options.max_wait = 0.05;
  CellQueue queue(options);
  queue.Push(running.Make("a"));
  ASSERT_TRUE(Happens(running.started));
  queue.Push(late.Make("b"));
  ASSERT_TRUE(Happens(late.refused));
  EXPECT_NE(late.reason.find("overloaded"), std::string::npos);
  running.go.set_value();
}

TEST(CellQueueTest, RefusesWhatIsTooMuch) {
  TestCell running, waits, refused;
  CellQueue::Options options = MakeOptions(1);
  options.max_waiting = 1;
  CellQueue queue(options);
  queue.Push(running.Make("a"));
  ASSERT_TRUE(Happens(running.started));
  queue.Push(waits.Make("b"));
  queue.Push(refused.Make("c"));
  ASSERT_TRUE(Happens(refused.refused));
  EXPECT_NE(refused.reason.find("too many"), std::string::npos);
  running.go.set_value();
  ASSERT_TRUE(Happens(waits.started));
  waits.go.set_value();
}

TEST(CellQueueTest, DropsWhatNobodyWaitsFor) {
  TestCell running, left;
  CellQueue queue(MakeOptions(1));
  queue.Push(running.Make("a"));
  ASSERT_TRUE(Happens(running.started));
  queue.Push(left.Make("b"));
  left.wanted = false;
  ASSERT_TRUE(Happens(left.refused));
  running.go.set_value();
}

TEST(CellQueueTest, CloseRefusesTheWaitingAndAwaitsTheRunning) {
  TestCell running, waiting, late;
  CellQueue queue(MakeOptions(1));
  queue.Push(running.Make("a"));
  ASSERT_TRUE(Happens(running.started));
  queue.Push(waiting.Make("b"));
  std::atomic<bool> closed{false};
  std::thread closer([&] {
    queue.Close();
    closed = true;
  });
  ASSERT_TRUE(Happens(waiting.refused));
  EXPECT_FALSE(closed);
  running.go.set_value();
  closer.join();
  queue.Push(late.Make("c"));
  ASSERT_TRUE(Happens(late.refused));
  EXPECT_NE(late.reason.find("shutting down"), std::string::npos);
}

}  // namespace
}  // namespace qed

#include "serve/reading_queue.h"

#include <chrono>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kSmall = 100;

// A queue whose jobs note their names, and whose threads can be kept busy.
class ReadingQueueTest : public ::testing::Test {
 protected:
  ReadingQueue::Job Job(const std::string& name, size_t bytes, const std::string& client = "a") {
    return {.client = client,
            .bytes = bytes,
            .read = [this, name] { Note(&read_, name); },
            .refuse = [this, name] { Note(&refused_, name); }};
  }

  // Occupies a thread with a job of that size until Open.
  void Occupy(ReadingQueue& queue, size_t bytes, std::shared_future<void> gate) {
    std::promise<void> running;
    queue.Push({.client = "holder",
                .bytes = bytes,
                .read =
                    [&running, gate] {
                      running.set_value();
                      gate.wait();
                    },
                .refuse = [] { ADD_FAILURE(); }});
    running.get_future().wait();
  }
  void Occupy(ReadingQueue& queue, size_t bytes) { Occupy(queue, bytes, gate_); }
  void Open() { open_.set_value(); }

  void WaitForRead(size_t count) {
    for (int i = 0; i < 3000; ++i) {
      if (Read().size() >= count) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "only " << Read().size() << " were read";
  }

  std::vector<std::string> Read() {
    const std::lock_guard lock(mutex_);
    return read_;
  }
  std::vector<std::string> Refused() {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  void Note(std::vector<std::string>* list, const std::string& name) {
    const std::lock_guard lock(mutex_);
    list->push_back(name);
  }

  std::mutex mutex_;
  std::vector<std::string> read_, refused_;
  std::promise<void> open_;
  std::shared_future<void> gate_{open_.get_future()};
};

TEST_F(ReadingQueueTest, SmallOnesAreReadWhileLargeOnesWait) {
  ReadingQueue queue(2, {.max_jobs = 100, .max_bytes = 100 * kMiB});
  Occupy(queue, 7 * kMiB);
  for (int i = 0; i < 5; ++i) queue.Push(Job("large" + std::to_string(i), 7 * kMiB));
  queue.Push(Job("small", kSmall));
  WaitForRead(1);
  EXPECT_THAT(Read(), ElementsAre("small")) << "one thread is kept free of large ones";
  EXPECT_EQ(queue.waiting(), 5u);
  Open();
  WaitForRead(6);
}

TEST_F(ReadingQueueTest, SmallOnesPassALargeOneForAWhileOnly) {
  FakeClock clock;
  std::promise<void> end;
  ReadingQueue queue(2, {.max_jobs = 1000, .max_bytes = 100 * kMiB}, clock);
  Occupy(queue, kSmall);
  Occupy(queue, kSmall, end.get_future().share());  // one thread is left, so that the order shows
  queue.Push(Job("large", 200'000));
  queue.Push(Job("soon", kSmall));
  clock.Advance(std::chrono::seconds(1));
  queue.Push(Job("later", kSmall));
  Open();
  WaitForRead(3);
  EXPECT_THAT(Read(), ElementsAre("soon", "large", "later"));
  end.set_value();
}

TEST_F(ReadingQueueTest, TooMuchCostsTheGreediestItsLargest) {
  ReadingQueue queue(2, {.max_jobs = 4, .max_bytes = 20 * kMiB});
  Occupy(queue, kSmall);
  Occupy(queue, kSmall);
  queue.Push(Job("greedy 7", 7 * kMiB, "greedy"));
  queue.Push(Job("greedy 8", 8 * kMiB, "greedy"));
  queue.Push(Job("other 4", 4 * kMiB, "other"));
  EXPECT_THAT(Refused(), IsEmpty());
  queue.Push(Job("other 3", 3 * kMiB, "other"));
  EXPECT_THAT(Refused(), ElementsAre("greedy 8")) << "above the bytes";
  queue.Push(Job("small 1", kSmall, "third"));
  EXPECT_THAT(Refused(), ElementsAre("greedy 8"));
  queue.Push(Job("small 2", kSmall, "third"));
  EXPECT_THAT(Refused().size(), 2u) << "above the number";
  Open();
  WaitForRead(4);
}

TEST_F(ReadingQueueTest, BodiesWithoutBytesCountAsRequests) {
  ReadingQueue queue(2, {.max_jobs = 2, .max_bytes = kMiB});
  Occupy(queue, kSmall);
  Occupy(queue, kSmall);
  for (int i = 0; i < 5; ++i) queue.Push(Job("empty", 0));
  EXPECT_EQ(Refused().size(), 3u);
  Open();
  WaitForRead(2);
}

}  // namespace
}  // namespace qed

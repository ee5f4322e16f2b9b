#include "base/thread_pool.h"

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

class ThreadPoolSizes : public ::testing::TestWithParam<int> {};

TEST_P(ThreadPoolSizes, CallsEveryChunkOnce) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.size(), GetParam());
  for (int64_t chunks : {0, 1, 2, 3, 7, 64, 1000}) {
    std::vector<int> calls(static_cast<size_t>(chunks), 0);
    pool.ParallelFor(chunks, [&](int64_t chunk) { ++calls[static_cast<size_t>(chunk)]; });
    for (int count : calls) {
      EXPECT_EQ(count, 1);
    }
  }
}

// The loops follow each other as those of a step do, each reading plainly what
// the one before wrote: a lost chunk or a missing happens-before shows (the
// second under ThreadSanitizer).
TEST_P(ThreadPoolSizes, LaterLoopSeesWhatTheEarlierWrote) {
  ThreadPool pool(GetParam());
  constexpr int64_t kChunks = 24;
  std::vector<int64_t> from(kChunks, 0);
  std::vector<int64_t> to(kChunks, 0);
  constexpr int kLoops = 3000;
  for (int loop = 0; loop < kLoops; ++loop) {
    pool.ParallelFor(kChunks, [&](int64_t chunk) {
      to[static_cast<size_t>(chunk)] = from[static_cast<size_t>((chunk + 1) % kChunks)] + 1;
    });
    std::swap(from, to);
  }
  for (int64_t value : from) {
    EXPECT_EQ(value, kLoops);
  }
}

TEST_P(ThreadPoolSizes, WorksAfterTheWorkersFellAsleep) {
  ThreadPool pool(GetParam());
  std::atomic<int64_t> sum{0};
  for (int loop = 0; loop < 20; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    pool.ParallelFor(16, [&](int64_t chunk) { sum += chunk; });
  }
  EXPECT_EQ(sum.load(), 20 * 120);
}

// A chunk that takes longer than any spinning: the caller sleeps and is woken.
TEST_P(ThreadPoolSizes, WaitsForASlowChunk) {
  ThreadPool pool(GetParam());
  for (int64_t slow = 0; slow < 4; ++slow) {
    int finished = 0;
    std::atomic<int> others{0};
    pool.ParallelFor(4, [&](int64_t chunk) {
      if (chunk == slow) {
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
        finished = 1;
      } else {
        ++others;
      }
    });
    EXPECT_EQ(finished, 1);
    EXPECT_EQ(others.load(), 3);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolSizes, ::testing::Values(1, 2, 3, 8));

TEST(ThreadPoolTest, StartsAndStopsWithoutWork) {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(4);
  }
}

// Chunks are handed out one by one: while one thread is held up in a chunk, the
// others take all the rest. The held chunk ends only when they have.
TEST(ThreadPoolTest, AHeldUpThreadHoldsUpOnlyItsOwnChunk) {
  ThreadPool pool(2);
  for (int loop = 0; loop < 20; ++loop) {
    std::atomic<int> done{0};
    pool.ParallelFor(32, [&](int64_t chunk) {
      if (chunk == 0) {
        while (done.load() < 31) {
          std::this_thread::yield();
        }
      }
      ++done;
    });
    EXPECT_EQ(done.load(), 32);
  }
}

}  // namespace
}  // namespace qed

#include "base/thread_pool.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/check.h"

namespace qed {
namespace {

using SpinClock = std::chrono::steady_clock;

// How long the caller looks for the last chunks before it gives its core away.
constexpr std::chrono::microseconds kCallerSpin{30};
// How long a worker looks for the next loop: longer than the serial work
// between two loops of a step, shorter than a scheduler's time slice.
constexpr std::chrono::microseconds kWorkerSpin{60};

inline void CpuRelax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Calls `ready` until it is true or `limit` has passed; returns its last value.
template <typename Ready>
bool SpinUntil(std::chrono::microseconds limit, Ready ready) {
  constexpr int kLooksPerClock = 16;
  for (int i = 0; i < kLooksPerClock; ++i) {
    if (ready()) {
      return true;
    }
    CpuRelax();
  }
  const SpinClock::time_point end = SpinClock::now() + limit;
  do {
    for (int i = 0; i < kLooksPerClock; ++i) {
      if (ready()) {
        return true;
      }
      CpuRelax();
    }
  } while (SpinClock::now() < end);
  return ready();
}

}  // namespace

// One loop at a time. A thread owns a chunk once it has taken one from
// `unclaimed`; the loop's fields stand still until every chunk taken has been
// counted off `unfinished`, so the owner of a chunk may read them plainly. A
// thread that wakes late finds `unclaimed` at zero, or chunks of a later loop,
// which are as good: there is nothing stale to see.
struct ThreadPool::Shared {
  // Written by the caller while no chunk is out.
  void (*call)(void*, int64_t) = nullptr;
  void* context = nullptr;
  int64_t chunks = 0;

  alignas(64) std::atomic<int64_t> unclaimed{0};
  alignas(64) std::atomic<int32_t> unfinished{0};
  // Sleeping workers, and the word that they sleep on.
  alignas(64) std::atomic<int32_t> sleepers{0};
  std::atomic<int32_t> wake_count{0};
  std::atomic<bool> stop{false};

  std::vector<std::thread> workers;

  // Takes chunks until none is left; counts them off at the end, in one step.
  void Work();
  void WorkerLoop();
  void Sleep();
  void WakeAll();
};

void ThreadPool::Shared::Work() {
  int32_t finished = 0;
  int64_t left = unclaimed.load(std::memory_order_acquire);
  while (left > 0) {
    if (!unclaimed.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
      continue;
    }
    call(context, chunks - left);
    ++finished;
    left = unclaimed.load(std::memory_order_acquire);
  }
  if (finished > 0 && unfinished.fetch_sub(finished, std::memory_order_acq_rel) == finished) {
    unfinished.notify_one();
  }
}

void ThreadPool::Shared::Sleep() {
  const int32_t seen = wake_count.load();
  sleepers.fetch_add(1);
  // The caller publishes work before it looks for sleepers, and this looks for
  // work after it is counted as one: one of the two sees the other.
  if (unclaimed.load() == 0 && !stop.load()) {
    wake_count.wait(seen);
  }
  sleepers.fetch_sub(1);
}

void ThreadPool::Shared::WakeAll() {
  wake_count.fetch_add(1);
  wake_count.notify_all();
}

void ThreadPool::Shared::WorkerLoop() {
  while (!stop.load(std::memory_order_relaxed)) {
    const auto work_or_stop = [this] {
      return unclaimed.load(std::memory_order_relaxed) > 0 || stop.load(std::memory_order_relaxed);
    };
    if (SpinUntil(kWorkerSpin, work_or_stop)) {
      Work();
    } else {
      Sleep();
    }
  }
}

ThreadPool::ThreadPool(int threads) : shared_(std::make_unique<Shared>()) {
  QED_CHECK_GE(threads, 1);
  for (int i = 1; i < threads; ++i) {
    shared_->workers.emplace_back([shared = shared_.get()] { shared->WorkerLoop(); });
  }
}

ThreadPool::~ThreadPool() {
  shared_->stop.store(true);
  shared_->WakeAll();
  for (std::thread& worker : shared_->workers) {
    worker.join();
  }
}

int ThreadPool::size() const { return static_cast<int>(shared_->workers.size()) + 1; }

void ThreadPool::Run(int64_t chunks, void (*call)(void*, int64_t), void* context) {
  QED_CHECK_LE(chunks, int64_t{INT32_MAX});
  Shared& shared = *shared_;
  if (chunks <= 1 || shared.workers.empty()) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      call(context, chunk);
    }
    return;
  }
  shared.call = call;
  shared.context = context;
  shared.chunks = chunks;
  shared.unfinished.store(static_cast<int32_t>(chunks), std::memory_order_relaxed);
  shared.unclaimed.store(chunks);
  if (shared.sleepers.load() > 0) {
    shared.WakeAll();
  }
  shared.Work();

  const auto all_done = [&shared] {
    return shared.unfinished.load(std::memory_order_acquire) == 0;
  };
  if (!SpinUntil(kCallerSpin, all_done)) {
    int32_t unfinished;
    while ((unfinished = shared.unfinished.load(std::memory_order_acquire)) != 0) {
      shared.unfinished.wait(unfinished, std::memory_order_acquire);
    }
  }
}

}  // namespace qed

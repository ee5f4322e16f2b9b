// A queue between threads.
#ifndef QED_SOLVE_BLOCKING_QUEUE_H_
#define QED_SOLVE_BLOCKING_QUEUE_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace qed {

// First in, first out. Thread-safe.
template <typename T>
class BlockingQueue {
 public:
  void Push(T value) {
    // Notifies under the lock: who takes the last value may destroy the queue.
    const std::lock_guard<std::mutex> lock(mutex_);
    values_.push_back(std::move(value));
    ready_.notify_one();
  }

  // The next value; none if there is none now.
  std::optional<T> TryPop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return TakeFront();
  }

  // Before all others: for a value that was taken too early.
  void PushFront(T value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    values_.push_front(std::move(value));
    ready_.notify_one();
  }

  // The next value; none when `wait` passed without one.
  std::optional<T> PopFor(std::chrono::nanoseconds wait) {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait_for(lock, wait, [&] { return !values_.empty(); });
    return TakeFront();
  }

  // The next value; none once the queue is closed and empty.
  std::optional<T> Pop() {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [&] { return closed_ || !values_.empty(); });
    return TakeFront();
  }

  // Pop gives what is left and then none.
  void Close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    ready_.notify_all();
  }

 private:
  std::optional<T> TakeFront() {
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    return value;
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<T> values_;
  bool closed_ = false;
};

}  // namespace qed

#endif  // QED_SOLVE_BLOCKING_QUEUE_H_

// Calls back when a time has come. One thread for all.
#ifndef QED_SERVE_DEADLINE_TIMER_H_
#define QED_SERVE_DEADLINE_TIMER_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace qed {

// Thread-safe.
class DeadlineTimer {
 public:
  // Names a callback that was added.
  using Handle = std::pair<Clock::Time, uint64_t>;

  DeadlineTimer();
  // What is still to come is dropped.
  ~DeadlineTimer();
  DeadlineTimer(const DeadlineTimer&) = delete;
  DeadlineTimer& operator=(const DeadlineTimer&) = delete;

  // `callback` is called once, on the timer's thread, not before `time`; it must
  // return quickly.
  Handle Add(Clock::Time time, std::function<void()> callback);
  // Drops a callback; nothing where it has been called or is being called.
  void Remove(const Handle& handle);
  size_t size() const;

 private:
  void Run();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Handle, std::function<void()>> callbacks_;
  uint64_t last_id_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace qed

#endif  // QED_SERVE_DEADLINE_TIMER_H_

// Calls back when a time has come. One thread for all.
#ifndef QED_SERVE_DEADLINE_TIMER_H_
#define QED_SERVE_DEADLINE_TIMER_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace qed {

// Thread-safe.
class DeadlineTimer {
 public:
  DeadlineTimer();
  // What is still to come is dropped.
  ~DeadlineTimer();
  DeadlineTimer(const DeadlineTimer&) = delete;
  DeadlineTimer& operator=(const DeadlineTimer&) = delete;

  // `callback` is called once, on the timer's thread, not before `time`; it must
  // return quickly.
  void Add(Clock::Time time, std::function<void()> callback);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<Clock::Time, std::function<void()>> callbacks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace qed

#endif  // QED_SERVE_DEADLINE_TIMER_H_

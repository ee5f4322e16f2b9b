// Whether the engine makes progress.
#ifndef QED_SERVE_STEP_WATCH_H_
#define QED_SERVE_STEP_WATCH_H_

#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace qed {

// Thread-safe. Looks only when it is asked, and so is asked at regular times.
class StepWatch {
 public:
  explicit StepWatch(double stall_seconds) : stall_seconds_(stall_seconds) {}

  // Of the engine: `steps` so far, and whether there is work. Healthy as long as
  // there is none, or a step came in the last `stall_seconds`.
  bool Look(int64_t steps, bool has_work, Clock::Time now) {
    const std::lock_guard lock(mutex_);
    if (!has_work || steps != steps_ || last_progress_ == Clock::Time{}) {
      steps_ = steps;
      last_progress_ = now;
    }
    return Seconds(now - last_progress_) < stall_seconds_;
  }

 private:
  const double stall_seconds_;
  std::mutex mutex_;
  int64_t steps_ = 0;
  Clock::Time last_progress_{};
};

}  // namespace qed

#endif  // QED_SERVE_STEP_WATCH_H_

// Time that passes only when told to: what happens at which moment is scheduled
// beforehand, so that hours of solving are replayed in milliseconds, the same way
// every time.
#ifndef QED_SOLVE_SIMULATED_CLOCK_H_
#define QED_SOLVE_SIMULATED_CLOCK_H_

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "base/clock.h"

namespace qed {

// Not thread-safe.
class SimulatedClock : public Clock {
 public:
  Time Now() const override { return now_; }

  // `what` is done when the clock gets to `when` (at once in the next PassUntil
  // where that is over); things of one moment in the order they were given.
  void At(Time when, std::function<void()> what) { agenda_.emplace(when, std::move(what)); }

  // Moves to the first scheduled moment, or to `until` if that comes first, and
  // does all that is scheduled for then.
  void PassUntil(Time until) {
    const Time next = agenda_.empty() ? until : std::min(until, agenda_.begin()->first);
    now_ = std::max(now_, next);
    while (!agenda_.empty() && agenda_.begin()->first <= now_) {
      const std::function<void()> what = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      what();
    }
  }

 private:
  Time now_{};
  std::multimap<Time, std::function<void()>> agenda_;
};

}  // namespace qed

#endif  // QED_SOLVE_SIMULATED_CLOCK_H_

#include "base/clock.h"

#include <cmath>

namespace qed {
namespace {

class RealClock : public Clock {
 public:
  Time Now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
  }
};

}  // namespace

const Clock& Clock::Real() {
  static const RealClock clock;
  return clock;
}

Clock::Duration ToDuration(double seconds) {
  return Clock::Duration(static_cast<Clock::Duration::rep>(std::llround(seconds * 1e9)));
}

double UnixSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace qed

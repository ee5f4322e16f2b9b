// Monotonic time, replaceable in tests.
#ifndef QED_BASE_CLOCK_H_
#define QED_BASE_CLOCK_H_

#include <chrono>

namespace qed {

class Clock {
 public:
  using Duration = std::chrono::nanoseconds;
  using Time = std::chrono::time_point<std::chrono::steady_clock, Duration>;

  virtual ~Clock() = default;
  virtual Time Now() const = 0;

  static const Clock& Real();
};

// Stands still until told otherwise. Not thread-safe.
class FakeClock : public Clock {
 public:
  Time Now() const override { return now_; }
  void Advance(Duration by) { now_ += by; }

 private:
  Time now_{};
};

inline double Seconds(Clock::Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace qed

#endif  // QED_BASE_CLOCK_H_

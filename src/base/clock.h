// Monotonic time, replaceable in tests.
#ifndef QED_BASE_CLOCK_H_
#define QED_BASE_CLOCK_H_

#include <atomic>
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

// Stands still until told otherwise. Thread-safe.
class FakeClock : public Clock {
 public:
  Time Now() const override { return Time(elapsed()); }
  void Advance(Duration by) { elapsed_ += by.count(); }
  Duration elapsed() const { return Duration(elapsed_.load()); }

 private:
  std::atomic<Duration::rep> elapsed_{0};
};

inline double Seconds(Clock::Duration d) { return std::chrono::duration<double>(d).count(); }
// To the nearest nanosecond. REQUIRES: less than 292 years.
Clock::Duration ToDuration(double seconds);

// The time of day, for records: since 1970, in seconds.
double UnixSeconds();

}  // namespace qed

#endif  // QED_BASE_CLOCK_H_

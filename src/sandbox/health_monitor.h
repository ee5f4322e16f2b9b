// Threads of the sandbox's server beside those that run cells.
#ifndef QED_SANDBOX_HEALTH_MONITOR_H_
#define QED_SANDBOX_HEALTH_MONITOR_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/status.h"

namespace qed {

// Knows whether cells work: a client's that ended well is proof, and where there
// was none for a while, a thread tries one of its own. Thread-safe.
class HealthMonitor {
 public:
  // `probe` runs a cell; it may take long.
  explicit HealthMonitor(std::function<Status()> probe);
  ~HealthMonitor();
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;

  void OnCellWorked();
  // OK: a cell worked lately. Does not wait for anything.
  Status Check() const;

 private:
  void Watch();

  const std::function<Status()> probe_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Clock::Time last_success_;
  Status last_failure_;
  bool stopping_ = false;
  std::thread thread_;
};

// Runs what it is given, one after the other, on a thread of its own.
class TaskThread {
 public:
  TaskThread();
  // Stop().
  ~TaskThread();
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  // False after Stop.
  bool Post(std::function<void()> task);
  // Returns when all tasks have run.
  void Stop();

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace qed

#endif  // QED_SANDBOX_HEALTH_MONITOR_H_

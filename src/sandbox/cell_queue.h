// Cells that wait for a worker thread: in order of arrival, one at a time of each
// session, within bounds of number and time.
#ifndef QED_SANDBOX_CELL_QUEUE_H_
#define QED_SANDBOX_CELL_QUEUE_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace qed {

// Thread-safe.
class CellQueue {
 public:
  struct Cell {
    std::string session_id;
    std::function<bool()> is_wanted;  // false: nobody waits for it any more
    std::function<void()> run;        // on a worker
    // Instead of run, on any thread, where it could not start in time, is not
    // wanted or the queue was closed. One line.
    std::function<void(const char* why)> refuse;
  };

  struct Options {
    int32_t workers = 1;
    int32_t max_waiting = 0;
    double max_wait = 0;  // seconds
    // Room for a session, without waiting (SessionPool::TryReserve).
    std::function<bool(const std::string& session_id)> reserve;
  };

  explicit CellQueue(Options options);
  // Close().
  ~CellQueue();

  void Push(Cell cell);
  // A session may have room now that had none.
  void Recheck();
  // Refuses what waits and what comes; running cells go on.
  void StopTaking();
  // False: some still run after so many seconds.
  bool WaitIdle(double seconds);
  // StopTaking, and returns when the last running cell ended.
  void Close();

  int64_t running() const;
  int64_t waiting() const;

 private:
  struct Waiting {
    Cell cell;
    Clock::Time arrived;
    Clock::Time latest;  // start
  };

  void Work();
  void Watch();
  // Moves a cell that can start from the list. REQUIRES mutex_.
  bool TakeNext(Cell& cell);

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;  // for workers
  std::condition_variable watch_;    // for the watcher
  std::condition_variable idle_;     // for WaitIdle
  std::list<Waiting> waiting_;
  std::set<std::string> running_;  // sessions
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace qed

#endif  // QED_SANDBOX_CELL_QUEUE_H_

// Admission: completions wait here, in the order of serve/fair_queue.h, until the
// engine has room for them; above a limit they are refused.
#ifndef QED_SERVE_REQUEST_QUEUE_H_
#define QED_SERVE_REQUEST_QUEUE_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "serve/fair_queue.h"

namespace qed {

// Thread-safe.
class RequestQueue {
 public:
  struct Ticket {
    FairQueue::Item item;         // the id is the queue's to give
    std::function<void()> start;  // called once, on the queue's thread, unless removed
  };

  // At most `max_running` have been started and not finished.
  RequestQueue(int32_t max_running, int32_t max_waiting);
  // What still waits is dropped without a start.
  ~RequestQueue();
  RequestQueue(const RequestQueue&) = delete;
  RequestQueue& operator=(const RequestQueue&) = delete;

  // Takes all of them and sets their ids, or none: false, the queue is full.
  // `admitted` is called in between, before any of them can start; it must not call
  // the queue.
  bool Push(const std::vector<Ticket*>& tickets, const std::function<void()>& admitted);
  // True: it was waiting and will not be started.
  bool Remove(const FairQueue::Item& item);
  // One that was started has ended, having taken so many tokens.
  void Finish(const std::string& user, double tokens);

  int32_t waiting() const;
  // Seconds after which one more might find room: what waits, at the pace at
  // which completions have been ending.
  int32_t RetryAfter() const;

 private:
  void Run();

  const int32_t max_running_, max_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  FairQueue queue_;
  std::unordered_map<uint64_t, std::function<void()>> starts_;
  uint64_t last_id_ = 0;
  int32_t running_ = 0;
  bool stopping_ = false;
  Clock::Time last_finish_{};
  double seconds_per_finish_ = 0;  // smoothed
  std::thread thread_;
};

}  // namespace qed

#endif  // QED_SERVE_REQUEST_QUEUE_H_

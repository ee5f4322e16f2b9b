// Requests whose bodies have arrived and wait to be read: parsed and tokenized, which
// takes a time in proportion to their size. A fixed number of threads reads them.
//
// Who sent little waits little, whatever the others sent: a request is due a time after
// its arrival that goes with its size, and the one that is due first is read first. So
// smaller ones pass a large one, but not for ever. One thread is kept free of large
// requests. Where too much waits, the client that has the most of it loses its largest.
#ifndef QED_SERVE_READING_QUEUE_H_
#define QED_SERVE_READING_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace qed {

// Bodies above this are large.
inline constexpr size_t kLargeBodyBytes = size_t{256} << 10;

struct ReadingLimits {
  size_t max_jobs = 0;   // that wait
  size_t max_bytes = 0;  // of their bodies
};

// Thread-safe.
class ReadingQueue {
 public:
  struct Job {
    std::string client;  // whose it is: an address
    size_t bytes = 0;
    std::function<void()> read;    // on one of the threads
    std::function<void()> refuse;  // in its place: too much waits; on the thread of Push
  };

  // REQUIRES: threads >= 2. The clock must outlive the queue.
  ReadingQueue(int threads, ReadingLimits limits, const Clock& clock = Clock::Real());
  // Drops what still waits, uncalled.
  ~ReadingQueue();
  ReadingQueue(const ReadingQueue&) = delete;
  ReadingQueue& operator=(const ReadingQueue&) = delete;

  // Refuses this job or others where there are too many or too large ones.
  void Push(Job job);
  size_t waiting() const;

 private:
  using Key = std::pair<Clock::Time, uint64_t>;  // when it is due, and its number
  using Jobs = std::map<Key, Job>;

  void Run();
  // The next job that a thread may take now; end: none.
  Jobs::iterator Next();
  Jobs::iterator LargestOfTheGreediest();
  Job Take(Jobs::iterator job);

  // What waits of one client.
  struct Share {
    size_t jobs = 0;
    size_t bytes = 0;
  };

  const int threads_count_;
  const ReadingLimits limits_;
  const Clock& clock_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  Jobs jobs_;
  std::unordered_map<std::string, Share> shares_;  // by client
  size_t bytes_ = 0;
  uint64_t last_number_ = 0;
  int large_running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace qed

#endif  // QED_SERVE_READING_QUEUE_H_

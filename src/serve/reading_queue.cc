#include "serve/reading_queue.h"

#include <algorithm>

#include "base/check.h"

namespace qed {
namespace {

// A request may be passed by smaller ones for so long: longer than reading it takes, so
// that what arrived just after it gains something.
constexpr double kSecondsPerByte = 1e-6;

}  // namespace

ReadingQueue::ReadingQueue(int threads, ReadingLimits limits, const Clock& clock)
    : threads_count_(threads), limits_(limits), clock_(clock) {
  QED_CHECK_GE(threads, 2);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

ReadingQueue::~ReadingQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ReadingQueue::Push(Job job) {
  std::vector<Job> refused;
  {
    const std::lock_guard lock(mutex_);
    bytes_ += job.bytes;
    Share& share = shares_[job.client];
    ++share.jobs;
    share.bytes += job.bytes;
    const auto grace = ToDuration(static_cast<double>(job.bytes) * kSecondsPerByte);
    const Key key{clock_.Now() + grace, ++last_number_};
    jobs_.emplace(key, std::move(job));
    while (jobs_.size() > limits_.max_jobs || bytes_ > limits_.max_bytes) {
      refused.push_back(Take(LargestOfTheGreediest()));
    }
  }
  wake_.notify_one();
  for (const Job& one : refused) one.refuse();
}

size_t ReadingQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

ReadingQueue::Jobs::iterator ReadingQueue::LargestOfTheGreediest() {
  const auto greediest = std::ranges::max_element(shares_, [](const auto& a, const auto& b) {
    return std::pair(a.second.bytes, a.second.jobs) < std::pair(b.second.bytes, b.second.jobs);
  });
  return std::max_element(jobs_.begin(), jobs_.end(), [&](const auto& a, const auto& b) {
    const auto rank = [&](const Job& job) {
      return std::pair(job.client == greediest->first, job.bytes);
    };
    return rank(a.second) < rank(b.second);
  });
}

ReadingQueue::Job ReadingQueue::Take(Jobs::iterator entry) {
  Job job = std::move(entry->second);
  jobs_.erase(entry);
  bytes_ -= job.bytes;
  const auto share = shares_.find(job.client);
  share->second.bytes -= job.bytes;
  if (--share->second.jobs == 0) shares_.erase(share);
  return job;
}

ReadingQueue::Jobs::iterator ReadingQueue::Next() {
  if (large_running_ < threads_count_ - 1) return jobs_.begin();
  return std::ranges::find_if(
      jobs_, [](const auto& entry) { return entry.second.bytes <= kLargeBodyBytes; });
}

void ReadingQueue::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Jobs::iterator next;
    wake_.wait(lock, [&] { return stopping_ || (next = Next()) != jobs_.end(); });
    if (stopping_) return;
    Job job = Take(next);
    const int large = job.bytes > kLargeBodyBytes ? 1 : 0;
    large_running_ += large;
    lock.unlock();
    job.read();
    job = {};  // lets go of the body
    lock.lock();
    large_running_ -= large;
    // Others may have passed over large ones meanwhile.
    if (large != 0) wake_.notify_one();
  }
}

}  // namespace qed

#include "serve/request_queue.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace qed {

RequestQueue::RequestQueue(int32_t max_running, int32_t max_waiting)
    : max_running_(max_running), max_waiting_(max_waiting), thread_([this] { Run(); }) {}

RequestQueue::~RequestQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool RequestQueue::Push(const std::vector<Ticket*>& tickets,
                        const std::function<void()>& admitted) {
  {
    const std::lock_guard lock(mutex_);
    const size_t free_slots = static_cast<size_t>(std::max(0, max_running_ - running_));
    if (queue_.size() + tickets.size() > static_cast<size_t>(max_waiting_) + free_slots) {
      return false;
    }
    for (Ticket* ticket : tickets) ticket->item.id = ++last_id_;
    admitted();
    for (Ticket* ticket : tickets) {
      queue_.Push(ticket->item);
      starts_[ticket->item.id] = std::move(ticket->start);
    }
  }
  wake_.notify_one();
  return true;
}

bool RequestQueue::Remove(const FairQueue::Item& item) {
  const std::lock_guard lock(mutex_);
  return queue_.Remove(item) && starts_.erase(item.id) > 0;
}

void RequestQueue::Finish(const std::string& user, double tokens) {
  {
    const std::lock_guard lock(mutex_);
    --running_;
    queue_.Charge(user, tokens);
    const Clock::Time now = Clock::Real().Now();
    if (last_finish_ != Clock::Time{}) {
      constexpr double kWeight = 0.1;
      seconds_per_finish_ += kWeight * (Seconds(now - last_finish_) - seconds_per_finish_);
    }
    last_finish_ = now;
  }
  wake_.notify_one();
}

int32_t RequestQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int32_t>(queue_.size());
}

int32_t RequestQueue::RetryAfter() const {
  constexpr double kLongest = 60;
  const std::lock_guard lock(mutex_);
  const double seconds = static_cast<double>(queue_.size()) * seconds_per_finish_;
  return static_cast<int32_t>(std::clamp(std::ceil(seconds), 1.0, kLongest));
}

void RequestQueue::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || (queue_.size() > 0 && running_ < max_running_); });
    if (stopping_) return;
    const std::optional<FairQueue::Item> item = queue_.Pop();
    const auto start = starts_.extract(item->id);
    ++running_;
    lock.unlock();
    start.mapped()();
    lock.lock();
  }
}

}  // namespace qed

#include "serve/deadline_timer.h"

#include <utility>

namespace qed {

DeadlineTimer::DeadlineTimer() : thread_([this] { Run(); }) {}

DeadlineTimer::~DeadlineTimer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void DeadlineTimer::Add(Clock::Time time, std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    callbacks_.emplace(time, std::move(callback));
  }
  wake_.notify_one();
}

void DeadlineTimer::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (callbacks_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const auto first = callbacks_.begin();
    if (Clock::Real().Now() < first->first) {
      const Clock::Time time = first->first;
      wake_.wait_until(lock, time);
      continue;
    }
    const std::function<void()> callback = std::move(first->second);
    callbacks_.erase(first);
    lock.unlock();
    callback();
    lock.lock();
  }
}

}  // namespace qed

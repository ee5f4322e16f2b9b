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

DeadlineTimer::Handle DeadlineTimer::Add(Clock::Time time, std::function<void()> callback) {
  Handle handle;
  {
    const std::lock_guard lock(mutex_);
    handle = {time, ++last_id_};
    callbacks_.emplace(handle, std::move(callback));
  }
  wake_.notify_one();
  return handle;
}

void DeadlineTimer::Remove(const Handle& handle) {
  const std::lock_guard lock(mutex_);
  callbacks_.erase(handle);
}

size_t DeadlineTimer::size() const {
  const std::lock_guard lock(mutex_);
  return callbacks_.size();
}

void DeadlineTimer::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (callbacks_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const auto first = callbacks_.begin();
    const Clock::Time time = first->first.first;
    if (Clock::Real().Now() < time) {
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

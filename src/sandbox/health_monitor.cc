#include "sandbox/health_monitor.h"

#include <chrono>
#include <utility>

namespace qed {
namespace {

constexpr std::chrono::seconds kProofHolds{30};
constexpr std::chrono::seconds kProbeAfter{10};

}  // namespace

HealthMonitor::HealthMonitor(std::function<Status()> probe)
    : probe_(std::move(probe)), last_success_(Clock::Real().Now()), thread_([this] { Watch(); }) {}

HealthMonitor::~HealthMonitor() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void HealthMonitor::OnCellWorked() {
  const std::lock_guard<std::mutex> lock(mutex_);
  last_success_ = Clock::Real().Now();
  last_failure_ = OkStatus();
}

Status HealthMonitor::Check() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!last_failure_.ok()) return last_failure_;
  if (Clock::Real().Now() - last_success_ <= kProofHolds) return OkStatus();
  return Unavailable("no cell has worked for a while");
}

void HealthMonitor::Watch() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    const Clock::Time next = last_success_ + kProbeAfter;
    if (last_failure_.ok() && Clock::Real().Now() < next) {
      changed_.wait_until(lock, next);
      continue;
    }
    lock.unlock();
    const Status status = probe_();
    lock.lock();
    last_failure_ = status;
    if (status.ok()) {
      last_success_ = Clock::Real().Now();
    } else if (!stopping_) {
      changed_.wait_for(lock, std::chrono::seconds(1));
    }
  }
}

TaskThread::TaskThread() : thread_([this] { Run(); }) {}
TaskThread::~TaskThread() { Stop(); }

bool TaskThread::Post(std::function<void()> task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_) return false;
  tasks_.push_back(std::move(task));
  changed_.notify_one();
  return true;
}

void TaskThread::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void TaskThread::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_ || !tasks_.empty()) {
    if (tasks_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace qed

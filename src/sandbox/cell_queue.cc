#include "sandbox/cell_queue.h"

#include <utility>

namespace qed {
namespace {

// A cell that a free worker could take is not asked whether it is wanted: a client
// that only closed its sending half gets its answer.
constexpr std::chrono::milliseconds kSureTime{200};

}  // namespace

CellQueue::CellQueue(Options options) : options_(std::move(options)) {
  for (int32_t i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { Work(); });
  threads_.emplace_back([this] { Watch(); });
}

CellQueue::~CellQueue() { Close(); }

void CellQueue::Push(Cell cell) {
  const char* refusal = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) {
      refusal = "the sandbox is shutting down";
    } else if (waiting_.size() + running_.size() >=
               static_cast<size_t>(options_.max_waiting) + static_cast<size_t>(options_.workers)) {
      refusal = "the sandbox is overloaded: too many cells wait";
    } else {
      const Clock::Time now = Clock::Real().Now();
      const auto wait = std::chrono::duration<double>(options_.max_wait);
      waiting_.push_back(
          {std::move(cell), now, now + std::chrono::duration_cast<Clock::Duration>(wait)});
      changed_.notify_one();
      if (waiting_.size() == 1) watch_.notify_one();
    }
  }
  if (refusal != nullptr) cell.refuse(refusal);
}

void CellQueue::Recheck() {
  const std::lock_guard<std::mutex> lock(mutex_);
  changed_.notify_all();
}

bool CellQueue::TakeNext(Cell& cell) {
  for (auto next = waiting_.begin(); next != waiting_.end(); ++next) {
    const std::string& id = next->cell.session_id;
    if (running_.contains(id) || !options_.reserve(id)) continue;
    cell = std::move(next->cell);
    waiting_.erase(next);
    return true;
  }
  return false;
}

void CellQueue::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    Cell cell;
    if (!TakeNext(cell)) {
      if (closed_) return;
      changed_.wait(lock);
      continue;
    }
    const std::string id = cell.session_id;
    running_.insert(id);
    lock.unlock();
    cell.run();
    cell = Cell();  // What it holds goes before the lock is taken.
    lock.lock();
    running_.erase(id);
    if (running_.empty()) idle_.notify_all();
    changed_.notify_one();  // The session's next cell may start.
  }
}

// Refuses what waits too long or for nobody.
void CellQueue::Watch() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!closed_) {
    const Clock::Time now = Clock::Real().Now();
    std::list<Waiting> late, unwanted;
    for (auto next = waiting_.begin(); next != waiting_.end();) {
      const auto one = next++;
      if (one->arrived + kSureTime <= now && !one->cell.is_wanted()) {
        unwanted.splice(unwanted.end(), waiting_, one);
      } else if (one->latest <= now) {
        late.splice(late.end(), waiting_, one);
      }
    }
    if (late.empty() && unwanted.empty()) {
      if (waiting_.empty()) {
        watch_.wait(lock);
      } else {
        watch_.wait_for(lock, std::chrono::milliseconds(50));
      }
      continue;
    }
    lock.unlock();
    for (const Waiting& one : late) {
      one.cell.refuse("the sandbox is overloaded: the cell could not start in time");
    }
    for (const Waiting& one : unwanted) one.cell.refuse("the client went away");
    late.clear();
    unwanted.clear();
    lock.lock();
  }
}

void CellQueue::StopTaking() {
  std::list<Waiting> refused;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    refused.swap(waiting_);
    changed_.notify_all();
    watch_.notify_all();
  }
  for (const Waiting& one : refused) one.cell.refuse("the sandbox is shutting down");
}

bool CellQueue::WaitIdle(double seconds) {
  std::unique_lock<std::mutex> lock(mutex_);
  return idle_.wait_for(lock, ToDuration(seconds), [this] { return running_.empty(); });
}

void CellQueue::Close() {
  StopTaking();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

int64_t CellQueue::running() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int64_t>(running_.size());
}

int64_t CellQueue::waiting() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int64_t>(waiting_.size());
}

}  // namespace qed

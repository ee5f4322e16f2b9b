#include "parallel/mpi_control.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/host_name.h"

namespace qed {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPause(5);
constexpr int64_t kNothingLeft = -1;

// Whoever waits in a step for a rank that hangs finds it first, and names it; then rank 0; then,
// where it is rank 0 that hangs, the next one (kAfterFirstRank).
constexpr double kAfterSteps = 1.0;
// How long a rank that has ended may have been about to say why.
constexpr double kLastWords = 0.3;
// What a launcher takes to end the ranks when one of them has ended.
constexpr double kLauncherSeconds = 3.0;

double BeatSeconds(double stall_seconds) { return std::clamp(stall_seconds / 5, 0.02, 1.0); }

SteadyClock::duration Duration(double seconds) {
  return std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

std::mutex& MpiMutex() {
  static std::mutex mutex;
  return mutex;
}

MpiControl::MpiControl(double stall_seconds) : stall_seconds_(stall_seconds) {
  MPI_Comm_dup(MPI_COMM_WORLD, &comm_);
  MPI_Comm_rank(comm_, &rank_);
  MPI_Comm_size(comm_, &size_);
  IntroduceRanks();
  last_look_ = next_beat_ = SteadyClock::now();
  heard_.assign(static_cast<size_t>(size_), last_look_);
  thread_ = std::thread([this] { Run(); });
}

MpiControl::~MpiControl() {
  stopped_ = true;
  thread_.join();
}

void MpiControl::IntroduceRanks() {
  Identity mine = {};
  HostName().copy(mine.host.data(), mine.host.size() - 1);
  mine.pid = ::getpid();
  struct stat info = {};
  if (::stat("/proc/self/ns/pid", &info) == 0) mine.pid_space = info.st_ino;
  identities_.resize(static_cast<size_t>(size_));
  MPI_Allgather(&mine, sizeof(mine), MPI_BYTE, identities_.data(), sizeof(mine), MPI_BYTE, comm_);
  for (int rank = 0; rank < size_; ++rank) {
    const Identity& other = identities_[static_cast<size_t>(rank)];
    if (rank == rank_ || other.host != mine.host || other.pid_space != mine.pid_space) continue;
    UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(other.pid), 0)));
    if (fd.valid()) neighbours_.emplace_back(rank, std::move(fd));
  }
}

std::string MpiControl::NameOf(int rank) const {
  return "rank " + std::to_string(rank) + " on " +
         identities_[static_cast<size_t>(rank)].host.data();
}

void MpiControl::Run() {
  while (!stopped_) {
    std::this_thread::sleep_for(kPause);
    const Time now = SteadyClock::now();
    for (Message message; Receive(message);) Handle(message, now);
    AnswerAskers();
    ForgetWhatIsSent();
    Beat(now);
    if (ends_at_) {
      if (now > *ends_at_) std::_Exit(1);
      continue;
    }
    if (ending_) continue;
    LookForDeaths(now);
    LookForStalls(now);
  }
}

bool MpiControl::Receive(Message& message) {
  const std::lock_guard lock(MpiMutex());
  int there = 0;
  MPI_Status status;
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &there, &status);
  if (there == 0) return false;
  int count = 0;
  MPI_Get_count(&status, MPI_BYTE, &count);
  message = {status.MPI_SOURCE, status.MPI_TAG, std::string(static_cast<size_t>(count), '\0')};
  MPI_Recv(message.body.data(), count, MPI_BYTE, message.from, message.tag, comm_,
           MPI_STATUS_IGNORE);
  return true;
}

void MpiControl::Handle(const Message& message, Time now) {
  heard_[static_cast<size_t>(message.from)] = now;
  switch (message.tag) {
    case kAsk: {
      const std::lock_guard lock(mutex_);
      askers_.push_back(message.from);
      return;
    }
    case kNumber: {
      const std::lock_guard lock(mutex_);
      number_.emplace(0);
      std::memcpy(&*number_, message.body.data(), sizeof(int64_t));
      number_came_.notify_all();
      return;
    }
    case kInterrupt:
      if (rank_ == 0) SendToOthers(kInterrupt);
      CallInterrupt();
      return;
    case kLine:
      EndAll(message.body);
    case kEnding:
      ending_ = true;
      ends_at_ = now + Duration(kLauncherSeconds);
      return;
    default:
      return;
  }
}

void MpiControl::HandOut(std::vector<int64_t> numbers) {
  const std::lock_guard lock(mutex_);
  numbers_.emplace(numbers.begin(), numbers.end());
}

std::optional<int64_t> MpiControl::TakeNext() {
  std::unique_lock lock(mutex_);
  if (rank_ == 0) {
    if (!numbers_ || numbers_->empty()) return std::nullopt;
    const int64_t next = numbers_->front();
    numbers_->pop_front();
    return next;
  }
  number_.reset();
  lock.unlock();
  Send(0, kAsk);
  lock.lock();
  number_came_.wait(lock, [&] { return number_.has_value(); });
  return *number_ == kNothingLeft ? std::nullopt : number_;
}

void MpiControl::AnswerAskers() {
  while (true) {
    int to = 0;
    int64_t next = kNothingLeft;
    {
      const std::lock_guard lock(mutex_);
      if (!numbers_ || askers_.empty()) return;
      to = askers_.front();
      askers_.pop_front();
      if (!numbers_->empty()) {
        next = numbers_->front();
        numbers_->pop_front();
      }
    }
    Send(to, kNumber, {reinterpret_cast<const char*>(&next), sizeof(next)});
  }
}

void MpiControl::OnInterrupt(std::function<void()> callback) {
  std::unique_lock lock(mutex_);
  on_interrupt_ = std::move(callback);
  if (interrupted_ && on_interrupt_) on_interrupt_();
}

void MpiControl::CallInterrupt() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(interrupted_, true) && on_interrupt_) on_interrupt_();
}

void MpiControl::Interrupt() {
  if (rank_ != 0) return Send(0, kInterrupt);
  SendToOthers(kInterrupt);
  CallInterrupt();
}

void MpiControl::Fail(const std::string& line) {
  if (rank_ == 0) EndAll(line);
  ending_ = true;
  Send(0, kLine, std::string_view(line).substr(0, kMostBytes));
  std::this_thread::sleep_for(Duration(kLauncherSeconds));
  std::_Exit(1);
}

void MpiControl::EndAll(const std::string& line) {
  static std::mutex once;  // never released: the first line is the only one
  once.lock();
  if (!ending_.exchange(true) && !line.empty()) {
    std::fprintf(stderr, "%s\n", line.c_str());
    std::fflush(stderr);
  }
  SayThatAllEnd();
  std::_Exit(1);
}

void MpiControl::SayThatAllEnd() {
  ending_ = true;
  SendToOthers(kEnding);
  const Time deadline = SteadyClock::now() + std::chrono::milliseconds(100);
  while (SteadyClock::now() < deadline) {
    ForgetWhatIsSent();
    const std::lock_guard lock(MpiMutex());
    if (sending_.empty()) return;
  }
}

void MpiControl::Send(int to, Tag tag, std::string_view body) {
  const std::lock_guard lock(MpiMutex());
  Sending& sending = sending_.emplace_back(Sending{MPI_REQUEST_NULL, std::string(body)});
  MPI_Isend(sending.body.data(), static_cast<int>(sending.body.size()), MPI_BYTE, to, tag, comm_,
            &sending.request);
}

void MpiControl::SendToOthers(Tag tag) {
  for (int to = 0; to < size_; ++to) {
    if (to != rank_) Send(to, tag);
  }
}

void MpiControl::ForgetWhatIsSent() {
  const std::lock_guard lock(MpiMutex());
  std::erase_if(sending_, [](Sending& sending) {
    int done = 0;
    MPI_Test(&sending.request, &done, MPI_STATUS_IGNORE);
    return done != 0;
  });
}

void MpiControl::Beat(Time now) {
  if (now < next_beat_) return;
  next_beat_ = now + Duration(BeatSeconds(stall_seconds_));
  if (rank_ == 0) {
    SendToOthers(kBeat);
  } else {
    Send(0, kBeat);
  }
}

// Rank 0 hears all others, and they hear it.
void MpiControl::LookForStalls(Time now) {
  // Where it was this process that stood still, the others get their time anew.
  if (Seconds(now - last_look_) > stall_seconds_ / 2) heard_.assign(heard_.size(), now);
  last_look_ = now;
  const double limit = stall_seconds_ + (rank_ == 0 ? kAfterSteps : kAfterFirstRank);
  const int end = rank_ == 0 ? size_ : 1;
  for (int other = rank_ == 0 ? 1 : 0; other < end; ++other) {
    if (Seconds(now - heard_[static_cast<size_t>(other)]) <= limit) continue;
    if (rank_ > 1) EndAll("");
    EndAll("qed: " + NameOf(other) + " has not answered for " +
           std::to_string(static_cast<int64_t>(stall_seconds_)) + " s (--stall-seconds)");
  }
}

void MpiControl::LookForDeaths(Time now) {
  std::vector<pollfd> fds;
  for (const auto& [rank, fd] : neighbours_) fds.push_back({fd.get(), POLLIN, 0});
  if (::poll(fds.data(), fds.size(), 0) <= 0) return;
  if (!died_at_) died_at_ = now;
  if (Seconds(now - *died_at_) < kLastWords) return;
  std::vector<int> dead, alive = {rank_};
  for (size_t i = 0; i < fds.size(); ++i) {
    (fds[i].revents != 0 ? dead : alive).push_back(neighbours_[i].first);
  }
  if (*std::ranges::min_element(alive) == rank_) {
    EndAll("qed: " + NameOf(dead.front()) + " has ended before the others, and so do they");
  }
  ends_at_ = now + Duration(kLauncherSeconds);
}

}  // namespace qed

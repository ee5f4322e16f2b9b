#include "parallel/mpi_module.h"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "parallel/mpi_control.h"

namespace qed {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kFromFirst = 1;  // tags
constexpr int kPart = 2;

// Of a broadcast that MPI carries away at once, whether or not the others wait for it already:
// longer ones would keep the first rank waiting until they do, on GPUs for most of a step.
constexpr size_t kPieceBytes = 4000;

// Looks again at once for a while, then more and more seldom: who waits for a long time is
// not to take a processor from who computes.
class Patience {
 public:
  void Rest() {
    if (looks_++ < 200) {
      std::this_thread::yield();
      return;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(pause_));
    if (pause_ < 1000) pause_ *= 2;
  }

 private:
  int looks_ = 0;
  int pause_ = 20;
};

class MpiCommunicator : public Communicator {
 public:
  // Ranks of `comm` are named as `control` names them.
  MpiCommunicator(MPI_Comm comm, MpiControl& control) : comm_(comm), control_(control) {
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
    int mine = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &mine);
    world_ranks_.resize(static_cast<size_t>(size_));
    MPI_Allgather(&mine, 1, MPI_INT, world_ranks_.data(), 1, MPI_INT, comm_);
  }

  int32_t rank() const override { return rank_; }
  int32_t size() const override { return size_; }
  // The first rank has the first word: the others may themselves have stood still.
  void LimitStalls(double seconds) override {
    stall_seconds_ = seconds;
    patience_ = rank_ == 0 ? seconds : seconds + kAfterFirstRank;
  }

  double stall_seconds() const override { return patience_.value_or(0); }

  // One rank of the group says it.
  [[noreturn]] void EndBecauseOf(int32_t rank) override {
    if (rank_ != (rank == 0 ? 1 : 0)) control_.EndAll("");
    std::array<char, 32> seconds;
    std::snprintf(seconds.data(), seconds.size(), "%g", stall_seconds_.value_or(0));
    control_.EndAll("qed: " + control_.NameOf(world_ranks_[static_cast<size_t>(rank)]) +
                    " has not answered for " + seconds.data() + " s (--stall-seconds)");
  }

  void Broadcast(std::span<std::byte> bytes) override {
    Forget();
    for (size_t at = 0; at < bytes.size(); at += kPieceBytes) {
      const std::span<std::byte> piece =
          bytes.subspan(at, std::min(kPieceBytes, bytes.size() - at));
      const int count = static_cast<int>(piece.size());
      if (rank_ != 0) {
        Receive(piece.data(), count, MPI_BYTE, 0, kFromFirst);
        continue;
      }
      for (int to = 1; to < size_; ++to) Send(piece.data(), count, MPI_BYTE, to, kFromFirst);
    }
    Await(rank_ == 0 ? patience_ : std::nullopt);
  }

  void SumOverRanks(std::span<float> values) override {
    const size_t count = values.size();
    parts_.resize(count * static_cast<size_t>(size_));
    Forget();
    for (int peer = 0; peer < size_; ++peer) {
      if (peer == rank_) continue;
      float* part = parts_.data() + count * static_cast<size_t>(peer);
      Receive(part, static_cast<int>(count), MPI_FLOAT, peer, kPart);
      Send(values.data(), static_cast<int>(count), MPI_FLOAT, peer, kPart);
    }
    Await(patience_);
    std::copy(values.begin(), values.end(), parts_.begin() + static_cast<int64_t>(count) * rank_);
    for (size_t i = 0; i < count; ++i) {
      float sum = parts_[i];
      for (size_t peer = 1; peer < static_cast<size_t>(size_); ++peer) {
        sum += parts_[peer * count + i];
      }
      values[i] = sum;
    }
  }

  void Gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    const int count = static_cast<int>(mine.size());
    Forget();
    if (rank_ != 0) {
      Send(mine.data(), count, MPI_BYTE, 0, kPart);
    } else {
      std::copy(mine.begin(), mine.end(), all.begin());
      for (int from = 1; from < size_; ++from) {
        Receive(all.data() + mine.size() * static_cast<size_t>(from), count, MPI_BYTE, from, kPart);
      }
    }
    Await(patience_);
  }

  // Until all have come here.
  void Meet() {
    Forget();
    {
      const std::lock_guard lock(MpiMutex());
      MPI_Ibarrier(comm_, &NewRequest(0));
    }
    Await(std::nullopt);
  }

 private:
  void Forget() {
    requests_.clear();
    peers_.clear();
  }

  MPI_Request& NewRequest(int peer) {
    peers_.push_back(peer);
    return requests_.emplace_back();
  }

  void Send(const void* data, int count, MPI_Datatype type, int to, int tag) {
    const std::lock_guard lock(MpiMutex());
    MPI_Isend(data, count, type, to, tag, comm_, &NewRequest(to));
  }

  void Receive(void* data, int count, MPI_Datatype type, int from, int tag) {
    const std::lock_guard lock(MpiMutex());
    MPI_Irecv(data, count, type, from, tag, comm_, &NewRequest(from));
  }

  bool IsDone() {
    const std::lock_guard lock(MpiMutex());
    int done = 0;
    MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE);
    return done != 0;
  }

  // Until all requests are done. Where one of them is not within `limit`, its peer hangs.
  void Await(std::optional<double> limit) {
    SteadyClock::time_point begin = SteadyClock::now(), last_look = begin;
    for (Patience patience; !IsDone(); patience.Rest()) {
      const SteadyClock::time_point now = SteadyClock::now();
      // Where it was this process that stood still, the others get their time anew.
      if (limit && Seconds(now - last_look) > *limit / 2) begin = now;
      last_look = now;
      if (limit && Seconds(now - begin) > *limit) EndBecauseOf(FirstOpen());
    }
  }

  int FirstOpen() {
    const std::lock_guard lock(MpiMutex());
    for (size_t i = 0; i < requests_.size(); ++i) {
      int done = 0;
      MPI_Test(&requests_[i], &done, MPI_STATUS_IGNORE);
      if (done == 0) return peers_[i];
    }
    return peers_.front();
  }

  const MPI_Comm comm_;
  MpiControl& control_;
  int rank_ = 0;
  int size_ = 0;
  std::optional<double> stall_seconds_;
  std::optional<double> patience_;  // of this rank
  std::vector<int> world_ranks_;
  std::vector<MPI_Request> requests_;
  std::vector<int> peers_;    // of the requests
  std::vector<float> parts_;  // [ranks, values]
};

// The files of shared memory that this process has mapped get no name: whatever ends it, none is
// left behind. All ranks must have opened each other's, which they do with the first message.
void ForgetNamesOfSharedMemory(MPI_Comm all, int size) {
  std::vector<char> mine(static_cast<size_t>(size)), theirs(static_cast<size_t>(size));
  MPI_Alltoall(mine.data(), 1, MPI_BYTE, theirs.data(), 1, MPI_BYTE, all);
  MPI_Barrier(all);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t path = line.find("/dev/shm/vader_segment.");
    if (path != std::string::npos) ::unlink(line.c_str() + path);
  }
}

MPI_Comm Split(int color, int order) {
  MPI_Comm part = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, color, order, &part);
  return part;
}

class MpiGroups : public RankGroups {
 public:
  explicit MpiGroups(const RankOptions& options) : control_(std::in_place, options.stall_seconds) {
    const std::lock_guard lock(MpiMutex());  // the control's thread calls already
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    group_size_ = options.group_size;
    MPI_Comm all = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &all);
    all_.emplace(all, *control_);
    group_.emplace(Split(rank_ / group_size_, rank_), *control_);
    const bool leads = rank_ % group_size_ == 0;
    MPI_Comm leaders = Split(leads ? 0 : MPI_UNDEFINED, rank_);
    if (leads) leaders_.emplace(leaders, *control_);
    ForgetNamesOfSharedMemory(all, size_);
  }
  ~MpiGroups() override {
    if (alone_) return;
    all_->Meet();
    control_.reset();
    MPI_Finalize();
  }

  int32_t rank() const override { return rank_; }
  int32_t num_groups() const override { return size_ / group_size_; }
  Communicator& group() override { return *group_; }
  Communicator* leaders() override { return leaders_ ? &*leaders_ : nullptr; }
  void HandOut(std::vector<int64_t> numbers) override { control_->HandOut(std::move(numbers)); }
  std::optional<int64_t> TakeNext() override { return control_->TakeNext(); }
  void OnInterrupt(std::function<void()> callback) override {
    control_->OnInterrupt(std::move(callback));
  }
  void Interrupt() override { control_->Interrupt(); }
  [[noreturn]] void Fail(const std::string& line) override { control_->Fail(line); }
  void LeaveAlone() override {
    alone_ = true;
    control_->SayThatAllEnd();
  }

 private:
  int rank_ = 0, size_ = 1, group_size_ = 1;
  bool alone_ = false;
  std::optional<MpiControl> control_;
  std::optional<MpiCommunicator> all_, group_, leaders_;
};

class Module : public MpiModule {
 public:
  Result<std::unique_ptr<RankGroups>> Join(const RankOptions& options) const override {
    // Open MPI reads the memory of other ranks in one copy where the kernel lets it, and in
    // containers finds out too late that it does not.
    ::setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
    int provided = MPI_THREAD_SINGLE;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
    if (provided < MPI_THREAD_SERIALIZED) {
      return Unsupported("this MPI cannot be called by more than one thread of a process");
    }
    return std::unique_ptr<RankGroups>(std::make_unique<MpiGroups>(options));
  }
};

}  // namespace
}  // namespace qed

extern "C" __attribute__((visibility("default"))) const qed::MpiModule* QedMpiModule(int version) {
  static const qed::Module module;
  return version == qed::kMpiModuleVersion ? &module : nullptr;
}

#include "parallel/mpi_module.h"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/host_name.h"

namespace qed {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kFromFirst = 1;  // tags
constexpr int kPart = 2;

// Of a broadcast that MPI carries away at once, whether or not the others wait for it already:
// longer ones would keep the first rank waiting until they do, on GPUs for most of a step.
constexpr size_t kPieceBytes = 4000;

// What a launcher takes to end the ranks when one of them has ended.
constexpr double kLauncherSeconds = 3;

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
  MpiCommunicator() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    TellHosts();
  }
  ~MpiCommunicator() override { MPI_Finalize(); }

  int32_t rank() const override { return rank_; }
  int32_t size() const override { return size_; }
  // The first rank has the first word: the others, which may themselves have stood still, wait
  // until the launcher has had time to end them.
  void LimitStalls(double seconds) override {
    stall_seconds_ = rank_ == 0 ? seconds : seconds + kLauncherSeconds;
  }
  double stall_seconds() const override { return stall_seconds_.value_or(0); }

  // One rank says it; the launcher ends the others when this one has ended.
  [[noreturn]] void EndBecauseOf(int32_t rank) override {
    if (rank_ == (rank == 0 ? 1 : 0)) {
      std::fprintf(stderr, "qed: rank %d on %s has not answered for %g s (--stall-seconds)\n", rank,
                   hosts_[static_cast<size_t>(rank)].data(), stall_seconds());
      std::fflush(stderr);
    }
    std::_Exit(1);
  }

  void Broadcast(std::span<std::byte> bytes) override {
    requests_.clear();
    peers_.clear();
    for (size_t at = 0; at < bytes.size(); at += kPieceBytes) {
      const std::span<std::byte> piece =
          bytes.subspan(at, std::min(kPieceBytes, bytes.size() - at));
      const int count = static_cast<int>(piece.size());
      if (rank_ != 0) {
        MPI_Irecv(piece.data(), count, MPI_BYTE, 0, kFromFirst, MPI_COMM_WORLD, &NewRequest(0));
        continue;
      }
      for (int to = 1; to < size_; ++to) {
        MPI_Isend(piece.data(), count, MPI_BYTE, to, kFromFirst, MPI_COMM_WORLD, &NewRequest(to));
      }
    }
    Await(requests_, peers_, rank_ == 0 ? stall_seconds_ : std::nullopt);
  }

  void SumOverRanks(std::span<float> values) override {
    const size_t count = values.size();
    parts_.resize(count * static_cast<size_t>(size_));
    requests_.clear();
    peers_.clear();
    for (int peer = 0; peer < size_; ++peer) {
      if (peer == rank_) continue;
      float* part = parts_.data() + count * static_cast<size_t>(peer);
      MPI_Irecv(part, static_cast<int>(count), MPI_FLOAT, peer, kPart, MPI_COMM_WORLD,
                &NewRequest(peer));
      MPI_Isend(values.data(), static_cast<int>(count), MPI_FLOAT, peer, kPart, MPI_COMM_WORLD,
                &NewRequest(peer));
    }
    Await(requests_, peers_, stall_seconds_);
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
    requests_.clear();
    peers_.clear();
    if (rank_ != 0) {
      MPI_Isend(mine.data(), count, MPI_BYTE, 0, kPart, MPI_COMM_WORLD, &NewRequest(0));
    } else {
      std::copy(mine.begin(), mine.end(), all.begin());
      for (int from = 1; from < size_; ++from) {
        MPI_Irecv(all.data() + mine.size() * static_cast<size_t>(from), count, MPI_BYTE, from,
                  kPart, MPI_COMM_WORLD, &NewRequest(from));
      }
    }
    Await(requests_, peers_, stall_seconds_);
  }

 private:
  using HostText = std::array<char, 64>;

  // So that a rank that hangs can be named with its host.
  void TellHosts() {
    HostText mine = {};
    HostName().copy(mine.data(), mine.size() - 1);
    hosts_.resize(static_cast<size_t>(size_));
    MPI_Allgather(mine.data(), sizeof(HostText), MPI_BYTE, hosts_.data(), sizeof(HostText),
                  MPI_BYTE, MPI_COMM_WORLD);
  }

  MPI_Request& NewRequest(int peer) {
    peers_.push_back(peer);
    return requests_.emplace_back();
  }

  // Until all requests are done. Where one of them is not within `limit`, its peer hangs.
  void Await(std::span<MPI_Request> requests, std::span<const int> peers,
             std::optional<double> limit) {
    SteadyClock::time_point begin = SteadyClock::now(), last_look = begin;
    for (Patience patience;; patience.Rest()) {
      int done = 0;
      MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
      if (done != 0) return;
      const SteadyClock::time_point now = SteadyClock::now();
      // Where it was this process that stood still, the others get their time anew.
      if (limit && Seconds(now - last_look) > *limit / 2) begin = now;
      last_look = now;
      if (limit && Seconds(now - begin) > *limit) {
        EndBecauseOf(FirstOpen(requests, peers));
      }
    }
  }

  int FirstOpen(std::span<MPI_Request> requests, std::span<const int> peers) {
    for (size_t i = 0; i < requests.size(); ++i) {
      int done = 0;
      MPI_Test(&requests[i], &done, MPI_STATUS_IGNORE);
      if (done == 0) return peers[i];
    }
    return peers.front();
  }

  int rank_ = 0;
  int size_ = 0;
  std::optional<double> stall_seconds_;
  std::vector<HostText> hosts_;
  std::vector<MPI_Request> requests_;
  std::vector<int> peers_;    // of the requests
  std::vector<float> parts_;  // [ranks, values]
};

class Module : public MpiModule {
 public:
  Result<std::unique_ptr<Communicator>> Join() const override {
    // Open MPI reads the memory of other ranks in one copy where the kernel lets it, and in
    // containers finds out too late that it does not.
    ::setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
    int provided = MPI_THREAD_SINGLE;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
    if (provided < MPI_THREAD_SERIALIZED) {
      return Unsupported("this MPI cannot be called by more than one thread of a process");
    }
    return std::unique_ptr<Communicator>(std::make_unique<MpiCommunicator>());
  }
};

}  // namespace
}  // namespace qed

extern "C" __attribute__((visibility("default"))) const qed::MpiModule* QedMpiModule(int version) {
  static const qed::Module module;
  return version == qed::kMpiModuleVersion ? &module : nullptr;
}

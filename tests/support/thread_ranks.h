// Ranks that are threads of the test, with the memory of one process between them.
#ifndef QED_TESTS_SUPPORT_THREAD_RANKS_H_
#define QED_TESTS_SUPPORT_THREAD_RANKS_H_

#include <algorithm>
#include <barrier>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "base/check.h"
#include "parallel/communicator.h"

namespace qed {

class ThreadRanks {
 public:
  explicit ThreadRanks(int32_t size)
      : parts_(static_cast<size_t>(size)), together_(size), size_(size) {}

  // Calls body(communicator) on every rank and waits for all.
  void Run(const std::function<void(Communicator&)>& body) {
    std::vector<std::thread> threads;
    for (int32_t rank = 0; rank < size_; ++rank) {
      threads.emplace_back([&, rank] {
        Member member(*this, rank);
        body(member);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

 private:
  class Member : public Communicator {
   public:
    Member(ThreadRanks& all, int32_t rank) : all_(all), rank_(rank) {}
    int32_t rank() const override { return rank_; }
    int32_t size() const override { return all_.size_; }

    void Broadcast(std::span<std::byte> bytes) override {
      Show(bytes);
      if (rank_ != 0) std::ranges::copy(Part(0, bytes.size()), bytes.begin());
      all_.together_.arrive_and_wait();
    }

    void SumOverRanks(std::span<float> values) override {
      Show(std::as_bytes(values));
      std::vector<float> sums(values.size());
      for (int32_t rank = 0; rank < size(); ++rank) {
        const auto* part = reinterpret_cast<const float*>(Part(rank, values.size_bytes()).data());
        for (size_t i = 0; i < sums.size(); ++i) sums[i] = rank == 0 ? part[i] : sums[i] + part[i];
      }
      all_.together_.arrive_and_wait();
      std::ranges::copy(sums, values.begin());
    }

    void Gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
      Show(mine);
      QED_CHECK_EQ(all.size(), rank_ == 0 ? mine.size() * size() : 0);
      for (int32_t rank = 0; rank_ == 0 && rank < size(); ++rank) {
        std::ranges::copy(Part(rank, mine.size()), all.begin() + rank * mine.size());
      }
      all_.together_.arrive_and_wait();
    }

    void LimitStalls(double) override {}
    double stall_seconds() const override { return 0; }
    [[noreturn]] void EndBecauseOf(int32_t rank) override {
      QED_CHECK(false) << "rank " << rank << " hangs";
      std::abort();
    }

   private:
    // Makes the rank's bytes known to all; they stay until all have met once more.
    void Show(std::span<const std::byte> bytes) {
      all_.parts_[static_cast<size_t>(rank_)] = bytes;
      all_.together_.arrive_and_wait();
    }
    std::span<const std::byte> Part(int32_t rank, size_t size) const {
      const std::span<const std::byte> part = all_.parts_[static_cast<size_t>(rank)];
      QED_CHECK_EQ(part.size(), size) << "ranks call with spans of different sizes";
      return part;
    }

    ThreadRanks& all_;
    const int32_t rank_;
  };

  std::vector<std::span<const std::byte>> parts_;
  std::barrier<> together_;
  const int32_t size_;
};

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_THREAD_RANKS_H_

// Prints what sums over the GPUs of several ranks take, with the norm and the quantization behind
// them, beside the norm alone and beside the bytes over the link at the rate of a large copy.
//
// usage: mpirun -n RANKS bench_gpu_ranks
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/check.h"
#include "base/host_name.h"
#include "bench/gpu_timing.h"
#include "cuda/buffer.h"
#include "cuda/device.h"
#include "cuda/stream.h"
#include "kernels/cuda/rank_sum.h"
#include "kernels/cuda/rms_norm.h"
#include "model/cuda_ranks.h"
#include "parallel/agreement.h"
#include "parallel/launched_ranks.h"

namespace qed::cuda {
namespace {

constexpr int32_t kWidth = 5120;  // of a 14B model
constexpr int32_t kRows[] = {1, 12, 32, 64, 128, 256, 2048, 8192};
constexpr int32_t kMostRows = 8192;
constexpr size_t kCopied = size_t{256} << 20;

class Bench {
 public:
  explicit Bench(Communicator& ranks) : ranks_(ranks), mapped_({&ranks, 0, 10}) {
    const size_t exchange = static_cast<size_t>(RankExchangeBytes(ranks.size(), kWidth));
    constexpr size_t kValues = size_t{kMostRows} * kWidth;
    memory_ = Must(DeviceBuffer::Allocate(exchange + kValues * 8 + kMostRows * 4 + kCopied));
    Fill(memory_.data(), 0, exchange, stream_.handle());
    Fill(memory_.data() + exchange, 0x3c, memory_.size() - exchange, stream_.handle());
    Check(stream_.Synchronize());
    Check(mapped_.MapMemory(memory_));
    links_.rank = ranks.rank();
    links_.ranks = ranks.size();
    std::ranges::copy(mapped_.memories(), links_.memory);
    links_.width = kWidth;
    links_.wait_nanoseconds = 10'000'000'000;
    links_.lost = mapped_.lost();
    std::byte* at = memory_.data() + exchange;
    args_.residual = reinterpret_cast<float*>(at);
    args_.delta.data = reinterpret_cast<BFloat16*>(at += kValues * 4);
    args_.out.format = ActivationFormat::kFp8;
    args_.out.fp8 = reinterpret_cast<Fp8*>(at += kValues * 2);
    args_.out.scales = reinterpret_cast<float*>(at += kValues * 2);
    args_.weight = reinterpret_cast<const float*>(at);
    copied_ = reinterpret_cast<std::byte*>(at + kMostRows * 4);
    args_.eps = 1e-6F;
  }

  // Bytes a second that this GPU reads of the next rank's.
  double LinkRate() {
    const int32_t next = (links_.rank + 1) % links_.ranks;
    const std::byte* theirs = links_.memory[next] + (copied_ - memory_.data());
    const double ms =
        TimeTogether([&](int32_t) { CopyOnDevice(copied_, theirs, kCopied, stream_.handle()); });
    return static_cast<double>(kCopied) / (1e-3 * ms);
  }

  void Row(int32_t rows, double link_rate) {
    const StreamHandle stream = stream_.handle();
    const double norm = TimeTogether([&](int32_t) { AddRmsNorm(rows, kWidth, args_, stream); });
    double one_shot = 0;
    if (rows <= kOneShotRows) {
      one_shot = TimeTogether(
          [&](int32_t run) { AddRmsNormOfAll(rows, kWidth, args_, links_, run % 2, stream); });
    }
    const double shares = TimeTogether(
        [&](int32_t) { AddRmsNormOfShare(rows, kWidth, rows, args_, links_, stream); });
    mapped_.EndIfOneIsLost();
    if (links_.rank > 0) return;
    const double bytes = 4.0 * rows * kWidth * (links_.ranks - 1);
    std::printf("%6d %12.2f %14.2f %12.2f %18.2f\n", rows, 1e3 * norm, 1e3 * one_shot, 1e3 * shares,
                1e6 * bytes / link_rate);
    std::fflush(stdout);
  }

 private:
  template <typename Work>
  double TimeTogether(Work&& work) {
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
      SmallestOfRanks(ranks_, 0);  // all begin together
      best = std::min(best, Time(stream_, work));
    }
    return best;
  }

  Communicator& ranks_;
  CudaRanks mapped_;
  Stream stream_ = Must(Stream::Create());
  DeviceBuffer memory_;
  RankLinks links_;
  RmsNormArgs args_;
  std::byte* copied_ = nullptr;
};

int Main() {
  const std::optional<LaunchedRank> launched = FindLauncher();
  QED_CHECK(launched.has_value()) << "usage: mpirun -n RANKS bench_gpu_ranks";
  const std::unique_ptr<RankGroups> joined = Must(JoinRanks({.group_size = launched->size}));
  Communicator& ranks = joined->group();
  const DeviceInfo device = Must(OpenDevice(IndexOnHost(ranks, HostName())));
  Bench bench(ranks);
  const double rate = bench.LinkRate();
  if (ranks.rank() == 0) {
    std::printf("%d ranks, %s, the link brings %.0f GB/s; microseconds of rows of %d\n\n",
                ranks.size(), device.name.c_str(), 1e-9 * rate, kWidth);
    std::printf("%6s %12s %14s %12s %18s\n", "rows", "norm alone", "in one shot", "in shares",
                "one shot's bytes");
  }
  for (const int32_t rows : kRows) bench.Row(rows, rate);
  return 0;
}

}  // namespace
}  // namespace qed::cuda

int main() { return qed::cuda::Main(); }

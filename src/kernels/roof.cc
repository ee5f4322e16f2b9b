#include "kernels/roof.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/clock.h"
#include "kernels/cpu/roof_kernels.h"
#include "tensor/aligned_buffer.h"

namespace qed {
namespace {

const RoofKernels& KernelsFor(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kPortable:
      return kPortableRoof;
    case Isa::kAvx2:
      return kAvx2Roof;
    case Isa::kAvx512:
    case Isa::kAvx512Bf16:
      return kAvx512Roof;
  }
#endif
  static_cast<void>(isa);
  return kPortableRoof;
}

// Seconds of the fastest of `rounds` loops over `chunks` chunks.
template <typename Fn>
double FastestRound(OpContext& ctx, int rounds, int64_t chunks, Fn fn) {
  double fastest = std::numeric_limits<double>::infinity();
  for (int round = 0; round < rounds; ++round) {
    const Clock::Time start = Clock::Real().Now();
    ctx.pool->ParallelFor(chunks, fn);
    fastest = std::min(fastest, Seconds(Clock::Real().Now() - start));
  }
  return fastest;
}

// Operations a second of all threads running `kernel`, which returns how many
// operations one call made.
double OpsPerSecond(OpContext& ctx, double (*kernel)(int64_t iterations)) {
  constexpr int kRounds = 10;
  constexpr int64_t kChunksPerThread = 40;
  constexpr int64_t kIterations = 2000;
  const int64_t chunks = kChunksPerThread * ctx.pool->size();
  const double ops = kernel(kIterations) * static_cast<double>(chunks);
  return ops / FastestRound(ctx, kRounds, chunks, [kernel](int64_t) { kernel(kIterations); });
}

}  // namespace

Result<Roof> MeasureRoof(OpContext& ctx) {
  constexpr size_t kBytes = size_t{256} << 20;
  constexpr size_t kChunkBytes = size_t{1} << 20;
  constexpr int kRounds = 8;
  QED_ASSIGN_OR_RETURN(AlignedBuffer memory, AlignedBuffer::Allocate(kBytes));
  std::byte* data = memory.data();
  // Written once, so that every page is a page of its own.
  std::memset(data, 1, kBytes);
  const RoofKernels& kernels = KernelsFor(ctx.isa);
  const double seconds =
      FastestRound(ctx, kRounds, kBytes / kChunkBytes, [&kernels, data](int64_t chunk) {
        kernels.read(data + static_cast<size_t>(chunk) * kChunkBytes, kChunkBytes);
      });
  Roof roof;
  roof.read_bytes_per_second = static_cast<double>(kBytes) / seconds;
  roof.int8_ops_per_second = OpsPerSecond(ctx, kernels.int8);
  roof.f32_ops_per_second = OpsPerSecond(ctx, kernels.f32);
  return roof;
}

}  // namespace qed

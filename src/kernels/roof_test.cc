#include "kernels/roof.h"

#include <algorithm>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/roof_kernels.h"

namespace qed {
namespace {

// Wide bounds: what any processor of the last decade and of the next does, even on
// a busy machine and under a sanitizer.
TEST(RoofTest, FiguresArePlausible) {
  ThreadPool pool(2);
  for (Isa isa : {std::min(Isa::kAvx2, DetectIsa()), DetectIsa()}) {
    OpContext ctx{&pool, isa};
    const Result<Roof> roof = MeasureRoof(ctx);
    ASSERT_TRUE(roof.ok()) << roof.status().message();
    EXPECT_GT(roof->read_bytes_per_second, 1e6) << IsaName(isa);
    EXPECT_LT(roof->read_bytes_per_second, 1e12) << IsaName(isa);
    EXPECT_GT(roof->int8_ops_per_second, 1e6) << IsaName(isa);
    EXPECT_LT(roof->int8_ops_per_second, 1e13) << IsaName(isa);
    EXPECT_GT(roof->f32_ops_per_second, 1e6) << IsaName(isa);
    EXPECT_LT(roof->f32_ops_per_second, 1e13) << IsaName(isa);
  }
}

#if defined(__x86_64__)

constexpr int kRounds = 20;

// Rounds of `fn`, which returns how many operations it made: the best rate.
template <typename Fn>
double BestRate(Fn fn) {
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Clock::Time start = Clock::Real().Now();
    const double ops = fn();
    best = std::max(best, ops / Seconds(Clock::Real().Now() - start));
  }
  return best;
}

// Additions that wait for each other take one clock each on every x86 processor.
double ClocksPerSecond() {
  return BestRate([] {
    constexpr int kIterations = 100'000;
    uint64_t sum = 0;
    for (int i = 0; i < kIterations; ++i) {
      asm volatile(
          "add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\t"
          "add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0"
          : "+r"(sum));
    }
    return 8.0 * kIterations;
  });
}

struct VectorUnit {
  const char* name;
  Isa isa;
  const RoofKernels& kernels;
  double f32_lanes;
  double int8_lanes;
};

// A core has two pipes for multiply-adds of floats and of bytes: a kernel that counts more than two
// of them a clock counts some that are not made. The margin is for a clock that rises between the
// two measurements.
TEST(RoofTest, NoMoreMultiplyAddsThanACoreHasPipesFor) {
  for (const VectorUnit& unit : {VectorUnit{"avx2", Isa::kAvx2, kAvx2Roof, 8, 32},
                                 VectorUnit{"avx512", Isa::kAvx512, kAvx512Roof, 16, 64}}) {
    if (DetectIsa() < unit.isa) continue;
    const double before = ClocksPerSecond();
    const double f32 = BestRate([&] { return unit.kernels.f32(20'000); });
    const double int8 = BestRate([&] { return unit.kernels.int8(20'000); });
    const double clocks = std::max(before, ClocksPerSecond());
    EXPECT_LT(f32 / 2 / unit.f32_lanes / clocks, 2.2) << unit.name;
    EXPECT_LT(int8 / 2 / unit.int8_lanes / clocks, 2.2) << unit.name;
    // Bytes are four times as many in a register; processors have as many pipes for either, or
    // half.
    EXPECT_GT(int8 / f32, 1.5) << unit.name;
    EXPECT_LT(int8 / f32, 9) << unit.name;
  }
}

#endif

}  // namespace
}  // namespace qed

#include <cstring>

#include "kernels/cpu/roof_kernels.h"

namespace qed {
namespace {

// As many sums as a compiler can keep in the vector registers of any processor.
constexpr int kSums = 32;

void Read(const std::byte* from, size_t bytes) {
  uint64_t sum = 0;
  for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
    uint64_t value;
    std::memcpy(&value, from + at, sizeof(value));
    sum += value;
  }
  volatile uint64_t keep = sum;
  static_cast<void>(keep);
}

template <typename Sum, typename Factor>
double MultiplyAdd(int64_t iterations) {
  volatile Factor start = 3;
  // No two equal, lest a compiler keep one for many.
  Sum sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = static_cast<Sum>(start + i);
  Factor a = start;
  const Factor b = start;
  for (int64_t i = 0; i < iterations; ++i) {
    for (Sum& sum : sums) {
      sum += static_cast<Sum>(a) * static_cast<Sum>(b);
    }
    a = static_cast<Factor>(a + b);
  }
  Sum total = 0;
  for (Sum sum : sums) {
    total += sum;
  }
  volatile Sum keep = total;
  static_cast<void>(keep);
  return static_cast<double>(iterations) * kSums * 2;
}

}  // namespace

const RoofKernels kPortableRoof = {Read, MultiplyAdd<uint32_t, uint8_t>, MultiplyAdd<float, float>};

}  // namespace qed

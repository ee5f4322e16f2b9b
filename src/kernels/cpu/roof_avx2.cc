#include <immintrin.h>

#include "kernels/cpu/roof_kernels.h"

namespace qed {
namespace {

constexpr int kSums = 12;

void Read(const std::byte* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 1024) {
    for (size_t part = 0; part < 1024; part += 32) {
      __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at + part));
      asm volatile("" : "+x"(v));  // Keeps the load.
    }
  }
}

// Without a dot product instruction: pairs are multiplied and added to 16 bits,
// and summed there.
double Int8(int64_t iterations) {
  __m256i sums[kSums] = {};
  __m256i a = _mm256_set1_epi8(3);
  __m256i b = _mm256_set1_epi8(5);
  for (int64_t i = 0; i < iterations; ++i) {
    asm volatile("" : "+x"(a), "+x"(b));  // A product of its own in every iteration.
    for (__m256i& sum : sums) {
      __m256i products = _mm256_maddubs_epi16(a, b);
      asm volatile("" : "+x"(products));
      sum = _mm256_add_epi16(sum, products);
    }
  }
  for (__m256i& sum : sums) {
    asm volatile("" : "+x"(sum));
  }
  return static_cast<double>(iterations) * kSums * 32 * 2;
}

double F32(int64_t iterations) {
  __m256 sums[kSums] = {};
  __m256 a = _mm256_set1_ps(0.5F);
  __m256 b = _mm256_set1_ps(0.25F);
  asm volatile("" : "+x"(a), "+x"(b));
  for (int64_t i = 0; i < iterations; ++i) {
    for (__m256& sum : sums) {
      sum = _mm256_fmadd_ps(a, b, sum);
    }
  }
  for (__m256& sum : sums) {
    asm volatile("" : "+x"(sum));
  }
  return static_cast<double>(iterations) * kSums * 8 * 2;
}

}  // namespace

const RoofKernels kAvx2Roof = {Read, Int8, F32};

}  // namespace qed

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
// and summed there. The multiply-adds are written as instructions: sums that a compiler
// knows to be equal are kept once, and the loop would measure the latency of one.
double Int8(int64_t iterations) {
  __m256i sums[kSums] = {};
  const __m256i a = _mm256_set1_epi8(3);
  const __m256i b = _mm256_set1_epi8(5);
  for (int64_t i = 0; i < iterations; ++i) {
    for (__m256i& sum : sums) {
      __m256i products;
      asm volatile("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0"
                   : "+x"(sum), "=&x"(products)
                   : "x"(a), "x"(b));
    }
  }
  return static_cast<double>(iterations) * kSums * 32 * 2;
}

double F32(int64_t iterations) {
  __m256 sums[kSums] = {};
  const __m256 a = _mm256_set1_ps(0.5F);
  const __m256 b = _mm256_set1_ps(0.25F);
  for (int64_t i = 0; i < iterations; ++i) {
    for (__m256& sum : sums) {
      asm volatile("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    }
  }
  return static_cast<double>(iterations) * kSums * 8 * 2;
}

}  // namespace

const RoofKernels kAvx2Roof = {Read, Int8, F32};

}  // namespace qed

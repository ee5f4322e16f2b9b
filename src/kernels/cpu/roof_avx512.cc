#include <immintrin.h>

#include "kernels/cpu/roof_kernels.h"

namespace qed {
namespace {

// Independent sums: enough to hide the latency of an instruction.
constexpr int kSums = 12;

void Read(const std::byte* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 1024) {
    for (size_t line = 0; line < 1024; line += 64) {
      __m512i v = _mm512_loadu_si512(from + at + line);
      asm volatile("" : "+v"(v));  // Keeps the load.
    }
  }
}

// The multiply-adds are written as instructions: sums that a compiler knows to be equal
// are kept once, and the loop would measure the latency of one.
double Int8(int64_t iterations) {
  __m512i sums[kSums] = {};
  const __m512i a = _mm512_set1_epi8(3);
  const __m512i b = _mm512_set1_epi8(5);
  for (int64_t i = 0; i < iterations; ++i) {
    for (__m512i& sum : sums) {
      asm volatile("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    }
  }
  return static_cast<double>(iterations) * kSums * 64 * 2;
}

double F32(int64_t iterations) {
  __m512 sums[kSums] = {};
  const __m512 a = _mm512_set1_ps(0.5F);
  const __m512 b = _mm512_set1_ps(0.25F);
  for (int64_t i = 0; i < iterations; ++i) {
    for (__m512& sum : sums) {
      asm volatile("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    }
  }
  return static_cast<double>(iterations) * kSums * 16 * 2;
}

}  // namespace

const RoofKernels kAvx512Roof = {Read, Int8, F32};

}  // namespace qed

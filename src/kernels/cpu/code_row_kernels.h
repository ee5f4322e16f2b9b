// The loops of kernels/code_rows.h for one instruction set: included once by each file that is
// compiled for one. Without branches, so that the compiler makes vectors of them.
#ifndef QED_KERNELS_CPU_CODE_ROW_KERNELS_H_
#define QED_KERNELS_CPU_CODE_ROW_KERNELS_H_

#include <cstdint>
#include <cstring>

#include "kernels/cpu/cpu_kernels.h"

namespace qed {
namespace {

inline uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float OfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// Bits of magnitudes are ordered as the magnitudes are, with NaN above all.
inline float LargestKernel(const float* values, int64_t n) {
  int32_t largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto bits = static_cast<int32_t>(BitsOf(values[i]) & 0x7FFFFFFFU);
    largest = bits > largest ? bits : largest;
  }
  return OfBits(static_cast<uint32_t>(largest));
}

// All bits where the condition holds.
inline int32_t MaskOf(bool condition) { return -static_cast<int32_t>(condition); }

inline int32_t Select(int32_t mask, int32_t a, int32_t b) { return b ^ ((a ^ b) & mask); }

inline void Fp8CodesKernel(const float* values, int64_t n, float scale, uint8_t* codes) {
  // Between 2^14 and 2^15 floats are 2^-9 apart, as E4M3 is below 2^-6: the sum rounds.
  constexpr float kRounder = 16384.0F;
  constexpr int32_t kNormal = 0x3C800000;  // 2^-6
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = BitsOf(values[i] / scale);
    const uint32_t unsigned_bits = bits & 0x7FFFFFFFU;
    const auto magnitude = static_cast<int32_t>(unsigned_bits);
    const auto small =
        static_cast<int32_t>(BitsOf(OfBits(unsigned_bits) + kRounder) - BitsOf(kRounder));
    // Drops 20 bits; a carry walks into the exponent.
    const uint32_t rounded = (unsigned_bits + 0x7FFFFU + ((unsigned_bits >> 20) & 1U)) >> 20;
    int32_t code = static_cast<int32_t>(rounded) - (120 << 3);
    code = Select(MaskOf(code > 0x7E), 0x7E, code);
    code = Select(MaskOf(magnitude < kNormal), small, code);
    code = Select(MaskOf(magnitude > 0x7F800000), 0x7F, code);  // NaN
    codes[i] = static_cast<uint8_t>(static_cast<uint32_t>(code) | ((bits >> 24) & 0x80U));
  }
}

inline void Int8CodesKernel(const float* values, int64_t n, float scale, uint8_t* codes) {
  // Floats from 2^23 to 2^24 are whole: the sum rounds to nearest, ties to even.
  constexpr float kRounder = 12582912.0F;   // 1.5 * 2^23
  constexpr int32_t kLargest = 0x42FE0000;  // 127
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = BitsOf(values[i] / scale);
    const auto magnitude = static_cast<int32_t>(bits & 0x7FFFFFFFU);
    int32_t clamped = Select(MaskOf(magnitude > kLargest), kLargest, magnitude);
    clamped &= MaskOf(magnitude <= 0x7F800000);  // NaN is 0
    const float value = OfBits(static_cast<uint32_t>(clamped) | (bits & 0x80000000U));
    codes[i] = static_cast<uint8_t>(BitsOf(value + kRounder) - BitsOf(kRounder));
  }
}

inline float Fp8Value(uint8_t code) {
  const int32_t magnitude = code & 0x7F;
  const auto small = static_cast<int32_t>(BitsOf(static_cast<float>(magnitude) * 0x1p-9F));
  const int32_t normal = (magnitude << 20) + (120 << 23);
  const int32_t bits = Select(MaskOf(magnitude < 8), small, normal);
  return OfBits((static_cast<uint32_t>(code & 0x80) << 24) | static_cast<uint32_t>(bits));
}

#if defined(__AVX512F__)
constexpr int kErrorLanes = 8;
#elif defined(__AVX__)
constexpr int kErrorLanes = 4;
#else
constexpr int kErrorLanes = 2;
#endif
using ErrorDoubles = double __attribute__((vector_size(kErrorLanes * sizeof(double))));
using ErrorFloats = float __attribute__((vector_size(kErrorLanes * sizeof(float))));

inline ErrorDoubles LoadAsDoubles(const float* from) {
  ErrorFloats loaded;
  __builtin_memcpy(&loaded, from, sizeof(loaded));
  return __builtin_convertvector(loaded, ErrorDoubles);
}

// Value i goes into sum i % 16, whatever the vectors' width.
template <typename Value>
void ErrorKernel(const float* values, const uint8_t* codes, int64_t n, float scale, Value value_of,
                 double* error, double* size) {
  constexpr int kSums = 16, kParts = kSums / kErrorLanes, kChunk = 256;
  ErrorDoubles errors[kParts] = {}, sizes[kParts] = {};
  for (int64_t first = 0; first < n; first += kChunk) {
    const int64_t count = n - first < kChunk ? n - first : kChunk;
    float back[kChunk] = {}, own[kChunk] = {};
    for (int64_t i = 0; i < count; ++i) {
      back[i] = value_of(codes[first + i]) * scale;
      own[i] = values[first + i];
    }
    for (int64_t i = 0; i < count; i += kSums) {
      for (int p = 0; p < kParts; ++p) {
        const ErrorDoubles value = LoadAsDoubles(own + i + p * kErrorLanes);
        const ErrorDoubles difference = LoadAsDoubles(back + i + p * kErrorLanes) - value;
        errors[p] += difference * difference;
        sizes[p] += value * value;
      }
    }
  }
  *error = *size = 0;
  for (int lane = 0; lane < kSums; ++lane) {
    *error += errors[lane / kErrorLanes][lane % kErrorLanes];
    *size += sizes[lane / kErrorLanes][lane % kErrorLanes];
  }
}

inline void Fp8ErrorKernel(const float* values, const uint8_t* codes, int64_t n, float scale,
                           double* error, double* size) {
  ErrorKernel(values, codes, n, scale, Fp8Value, error, size);
}

inline void Int8ErrorKernel(const float* values, const uint8_t* codes, int64_t n, float scale,
                            double* error, double* size) {
  const auto value_of = [](uint8_t code) {
    return static_cast<float>(static_cast<int32_t>(static_cast<int8_t>(code)));
  };
  ErrorKernel(values, codes, n, scale, value_of, error, size);
}

constexpr CodeRowKernels kCodeRowKernels = {LargestKernel, Fp8CodesKernel, Int8CodesKernel,
                                            Fp8ErrorKernel, Int8ErrorKernel};

}  // namespace
}  // namespace qed

#endif  // QED_KERNELS_CPU_CODE_ROW_KERNELS_H_

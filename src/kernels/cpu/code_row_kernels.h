// The loops of kernels/code_rows.h for one instruction set: included once by each file that is
// compiled for one. Without branches, so that the compiler makes vectors of them.
#ifndef QED_KERNELS_CPU_CODE_ROW_KERNELS_H_
#define QED_KERNELS_CPU_CODE_ROW_KERNELS_H_

#include <cstdint>
#include <cstring>

#include "kernels/cpu/code_row_table.h"

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
    int32_t normal = static_cast<int32_t>(rounded) - (120 << 3);
    normal = normal > 0x7E ? 0x7E : normal;
    int32_t code = magnitude < kNormal ? small : normal;
    code = magnitude > 0x7F800000 ? 0x7F : code;
    codes[i] = static_cast<uint8_t>(static_cast<uint32_t>(code) | ((bits >> 24) & 0x80U));
  }
}

inline void Int8CodesKernel(const float* values, int64_t n, float scale, uint8_t* codes) {
  // Floats from 2^23 to 2^24 are whole: the sum rounds to nearest, ties to even.
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23
  for (int64_t i = 0; i < n; ++i) {
    float value = values[i] / scale;
    value = value > 127.0F ? 127.0F : value;
    value = value > -127.0F ? value : (value <= -127.0F ? -127.0F : 0.0F);  // NaN is 0
    codes[i] = static_cast<uint8_t>(BitsOf(value + kRounder) - BitsOf(kRounder));
  }
}

inline float Fp8Value(uint8_t code) {
  const uint32_t magnitude = code & 0x7FU;
  const uint32_t small = BitsOf(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-9F);
  const uint32_t normal = (magnitude << 20) + (120U << 23);
  return OfBits((static_cast<uint32_t>(code & 0x80U) << 24) | (magnitude < 8 ? small : normal));
}

// Sums in lanes of which there are as many everywhere.
template <typename Value>
void ErrorKernel(const float* values, const uint8_t* codes, int64_t n, float scale, Value value_of,
                 double* error, double* size) {
  constexpr int kLanes = 16;
  double errors[kLanes] = {}, sizes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      const double difference = static_cast<double>(value_of(codes[i + lane]) * scale) - value;
      errors[lane] += difference * difference;
      sizes[lane] += value * value;
    }
  }
  for (; i < n; ++i) {
    const double value = values[i];
    const double difference = static_cast<double>(value_of(codes[i]) * scale) - value;
    errors[0] += difference * difference;
    sizes[0] += value * value;
  }
  *error = *size = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    *error += errors[lane];
    *size += sizes[lane];
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

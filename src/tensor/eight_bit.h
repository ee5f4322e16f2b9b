// Numbers as 8-bit codes that share one f32 scale: FP8 E4M3 and int8. The same
// functions on the CPU and a GPU.
//
// E4M3 (Micikevicius et al., "FP8 formats for deep learning", 2022; the variant
// without infinities): sign, 4 bits of exponent with bias 7, 3 of fraction.
// 0x7E is 448, the largest; 0x7F and 0xFF are NaN; below 2^-6 the codes are
// multiples of 2^-9.
#ifndef QED_TENSOR_EIGHT_BIT_H_
#define QED_TENSOR_EIGHT_BIT_H_

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/host_device.h"

namespace qed {

inline constexpr float kFp8Largest = 448.0F;
inline constexpr float kInt8Largest = 127.0F;
// Values whose largest magnitude is below this count as zeros: the inverse of
// their scale would overflow.
inline constexpr float kSmallestMagnitude = 1e-30F;

QED_HOST_DEVICE inline uint32_t FloatBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

QED_HOST_DEVICE inline float FloatOfBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

QED_HOST_DEVICE inline float Fp8ToFloat(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80U) << 24;
  const uint32_t magnitude = code & 0x7FU;
  if (magnitude == 0x7FU) return FloatOfBits(sign | 0x7FC00000U);
  if (magnitude < 8) {
    return FloatOfBits(sign | FloatBits(static_cast<float>(magnitude) * 0.001953125F));
  }
  return FloatOfBits(sign | ((magnitude << 20) + (120U << 23)));
}

// Rounds to nearest, ties to even; what is too large becomes +-448, NaN stays.
QED_HOST_DEVICE inline uint8_t FloatToFp8(float value) {
  const uint32_t bits = FloatBits(value);
  const auto sign = static_cast<uint8_t>((bits >> 24) & 0x80U);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return sign | 0x7FU;
  uint32_t code;
  if (magnitude < 0x3C800000U) {  // below 2^-6: the FPU rounds to a multiple of 2^-9
    code = static_cast<uint32_t>(rintf(FloatOfBits(magnitude) * 512.0F));
  } else {
    // Drops 20 bits; a carry walks into the exponent.
    const uint32_t rounded = magnitude + 0x7FFFFU + ((magnitude >> 20) & 1U);
    code = (rounded >> 20) - (120U << 3);
    if (code > 0x7EU) code = 0x7EU;
  }
  return static_cast<uint8_t>(sign | code);
}

// Rounds to nearest, ties to even, within +-127; NaN becomes 0.
QED_HOST_DEVICE inline int8_t FloatToInt8(float value) {
  if (!(value > -kInt8Largest)) return value <= -kInt8Largest ? -127 : 0;
  if (value > kInt8Largest) return 127;
  return static_cast<int8_t>(rintf(value));
}

// What brings values into a code's range and back: code ~ value * inverse,
// value ~ code * scale.
struct EightBitScale {
  float scale;
  float inverse;
};

// The scale that puts `largest_magnitude` on the code's largest value. Zeros get
// a scale of 0; an infinity or NaN gets one that is neither, so that it shows.
QED_HOST_DEVICE inline EightBitScale ScaleFor(float largest_magnitude, float largest_code) {
  if (largest_magnitude < kSmallestMagnitude) return {0.0F, 0.0F};
  return {largest_magnitude / largest_code, largest_code / largest_magnitude};
}

// The larger magnitude of the two; NaN where one is NaN.
QED_HOST_DEVICE inline float LargerMagnitude(float a, float b) {
  const uint32_t a_bits = FloatBits(a) & 0x7FFFFFFFU;
  const uint32_t b_bits = FloatBits(b) & 0x7FFFFFFFU;
  return FloatOfBits(a_bits > b_bits ? a_bits : b_bits);
}

}  // namespace qed

#endif  // QED_TENSOR_EIGHT_BIT_H_

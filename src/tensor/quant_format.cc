#include "tensor/quant_format.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "tensor/eight_bit.h"

namespace qed {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats are little-endian");

constexpr int kBlock = 32;        // values of a Q8_0, Q4_0 or Q4_1 block
constexpr int kSuperBlock = 256;  // values of a Q4_K or Q6_K block

// The layouts of the header comment, read by memcpy: files align nothing.
struct BlockQ8_0 {
  uint16_t d;
  int8_t q[kBlock];
};
struct BlockQ4_0 {
  uint16_t d;
  uint8_t q[kBlock / 2];
};
struct BlockQ4_1 {
  uint16_t d;
  uint16_t m;
  uint8_t q[kBlock / 2];
};
struct BlockQ4_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t q[kSuperBlock / 2];
};
struct BlockQ6_K {
  uint8_t ql[kSuperBlock / 2];
  uint8_t qh[kSuperBlock / 4];
  int8_t scales[kSuperBlock / 16];
  uint16_t d;
};
static_assert(sizeof(BlockQ8_0) == 34 && sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20);
static_assert(sizeof(BlockQ4_K) == 144 && sizeof(BlockQ6_K) == 210);

void Dequantize(const BlockQ8_0& block, float* dst) {
  const float d = HalfToFloat(block.d);
  for (int i = 0; i < kBlock; ++i) dst[i] = d * static_cast<float>(block.q[i]);
}

void Dequantize(const BlockQ4_0& block, float* dst) {
  const float d = HalfToFloat(block.d);
  for (int i = 0; i < kBlock / 2; ++i) {
    dst[i] = d * static_cast<float>((block.q[i] & 15) - 8);
    dst[i + kBlock / 2] = d * static_cast<float>((block.q[i] >> 4) - 8);
  }
}

void Dequantize(const BlockQ4_1& block, float* dst) {
  const float d = HalfToFloat(block.d);
  const float m = HalfToFloat(block.m);
  for (int i = 0; i < kBlock / 2; ++i) {
    dst[i] = d * static_cast<float>(block.q[i] & 15) + m;
    dst[i + kBlock / 2] = d * static_cast<float>(block.q[i] >> 4) + m;
  }
}

// Group g of 8. Groups 0-3 keep 6-bit scale and min in bytes g and g+4; groups
// 4-7 keep their low 4 bits in byte g+4 and the high 2 in the top of those.
void UnpackScaleMin(const uint8_t (&packed)[12], int g, int& scale, int& min) {
  if (g < 4) {
    scale = packed[g] & 63;
    min = packed[g + 4] & 63;
  } else {
    scale = (packed[g + 4] & 15) | ((packed[g - 4] >> 6) << 4);
    min = (packed[g + 4] >> 4) | ((packed[g] >> 6) << 4);
  }
}

void Dequantize(const BlockQ4_K& block, float* dst) {
  const float d = HalfToFloat(block.d);
  const float dmin = HalfToFloat(block.dmin);
  for (int g = 0; g < 8; ++g) {
    int scale = 0;
    int min = 0;
    UnpackScaleMin(block.scales, g, scale, min);
    const float group_scale = d * static_cast<float>(scale);
    const float group_min = dmin * static_cast<float>(min);
    // Two groups share 32 bytes: the even one the low nibbles, the odd one the high.
    const uint8_t* q = block.q + g / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      const int nibble = g % 2 == 0 ? q[i] & 15 : q[i] >> 4;
      dst[g * 32 + i] = group_scale * static_cast<float>(nibble) - group_min;
    }
  }
}

void Dequantize(const BlockQ6_K& block, float* dst) {
  const float d = HalfToFloat(block.d);
  for (int i = 0; i < kSuperBlock; ++i) {
    // Each half of 128 values has 64 bytes of ql and 32 of qh; its four quarters
    // take the low then the high nibbles of ql, and bits 0-1, 2-3, 4-5, 6-7 of qh.
    const int half = i / 128;
    const int quarter = i % 128 / 32;
    const int j = i % 32;
    const uint8_t low_byte = block.ql[half * 64 + quarter % 2 * 32 + j];
    const int low = quarter < 2 ? low_byte & 15 : low_byte >> 4;
    const int high = (block.qh[half * 32 + j] >> (2 * quarter)) & 3;
    const float scale = d * static_cast<float>(block.scales[i / 16]);
    dst[i] = scale * static_cast<float>((low | (high << 4)) - 32);
  }
}

template <typename Block>
void DequantizeBlocks(std::span<const std::byte> src, std::span<float> dst, size_t values) {
  for (size_t b = 0; b * values < dst.size(); ++b) {
    Block block;
    std::memcpy(&block, src.data() + b * sizeof(Block), sizeof(Block));
    Dequantize(block, dst.data() + b * values);
  }
}

// 1 / d; 0 for a block of zeros.
float Inverse(float d) { return d == 0.0f ? 0.0f : 1.0f / d; }

int RoundToNearest(float x, int low, int high) {
  if (!(x > static_cast<float>(low))) return low;  // and NaN
  if (x > static_cast<float>(high)) return high;
  return static_cast<int>(std::nearbyint(x));
}

void Quantize(const float* src, BlockQ8_0& block) {
  float max_abs = 0.0f;
  for (int i = 0; i < kBlock; ++i) max_abs = std::max(max_abs, std::abs(src[i]));
  const float d = max_abs / 127.0f;
  const float inverse = Inverse(d);
  block.d = FloatToHalf(d);
  for (int i = 0; i < kBlock; ++i) {
    block.q[i] = static_cast<int8_t>(RoundToNearest(src[i] * inverse, -127, 127));
  }
}

void Quantize(const float* src, BlockQ4_0& block) {
  // The value of largest magnitude, with its sign, becomes exactly -8.
  float extreme = 0.0f;
  for (int i = 0; i < kBlock; ++i) {
    if (std::abs(src[i]) > std::abs(extreme)) extreme = src[i];
  }
  const float d = extreme / -8.0f;
  const float inverse = Inverse(d);
  block.d = FloatToHalf(d);
  for (int i = 0; i < kBlock / 2; ++i) {
    const int low = RoundToNearest(src[i] * inverse, -8, 7) + 8;
    const int high = RoundToNearest(src[i + kBlock / 2] * inverse, -8, 7) + 8;
    block.q[i] = static_cast<uint8_t>(low | (high << 4));
  }
}

void Quantize(const float* src, BlockQ4_1& block) {
  const auto [min, max] = std::minmax_element(src, src + kBlock);
  const float d = (*max - *min) / 15.0f;
  const float inverse = Inverse(d);
  block.d = FloatToHalf(d);
  block.m = FloatToHalf(*min);
  for (int i = 0; i < kBlock / 2; ++i) {
    const int low = RoundToNearest((src[i] - *min) * inverse, 0, 15);
    const int high = RoundToNearest((src[i + kBlock / 2] - *min) * inverse, 0, 15);
    block.q[i] = static_cast<uint8_t>(low | (high << 4));
  }
}

template <typename Block>
void QuantizeBlocks(std::span<const float> src, std::span<std::byte> dst) {
  for (size_t b = 0; b * kBlock < src.size(); ++b) {
    Block block;
    Quantize(src.data() + b * kBlock, block);
    std::memcpy(dst.data() + b * sizeof(Block), &block, sizeof(Block));
  }
}

void CheckSizes(DType dtype, size_t values, size_t bytes) {
  const size_t block_values = static_cast<size_t>(BlockValues(dtype));
  QED_CHECK_EQ(values % block_values, 0u) << DTypeName(dtype);
  QED_CHECK_EQ(values / block_values * static_cast<size_t>(BlockBytes(dtype)), bytes)
      << DTypeName(dtype);
}

}  // namespace

float HalfToFloat(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 31u;
  const uint32_t fraction = bits & 0x3FFu;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const uint32_t wide_exponent = exponent == 31 ? 255u : exponent + 112u;
  return std::bit_cast<float>(sign | (wide_exponent << 23) | (fraction << 13));
}

uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<uint16_t>(sign | 0x7E00u);   // NaN
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7C00u);  // >= 2^16
  if (magnitude < 0x38800000u) {  // below 2^-14: a multiple of 2^-24, rounded by the FPU
    const float scaled = std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24f);
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(scaled));
  }
  // Drops 13 bits, ties to even; a carry walks into the exponent, up to infinity.
  const uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
}

float BFloat16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t FloatToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

bool IsWeightDType(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
    case DType::kQ8_0:
    case DType::kQ4_0:
    case DType::kQ4_1:
    case DType::kQ4_K:
    case DType::kQ6_K:
      return true;
    default:
      return false;
  }
}

void DequantizeRow(DType dtype, std::span<const std::byte> src, std::span<float> dst) {
  CheckSizes(dtype, dst.size(), src.size());
  const auto half_at = [&](size_t i) {
    uint16_t bits;
    std::memcpy(&bits, src.data() + 2 * i, 2);
    return bits;
  };
  switch (dtype) {
    case DType::kF32:
      if (!dst.empty()) std::memcpy(dst.data(), src.data(), src.size());
      return;
    case DType::kF16:
      for (size_t i = 0; i < dst.size(); ++i) dst[i] = HalfToFloat(half_at(i));
      return;
    case DType::kBF16:
      for (size_t i = 0; i < dst.size(); ++i) dst[i] = BFloat16ToFloat(half_at(i));
      return;
    case DType::kF8E4M3:
      for (size_t i = 0; i < dst.size(); ++i) dst[i] = Fp8ToFloat(static_cast<uint8_t>(src[i]));
      return;
    case DType::kQ8_0:
      return DequantizeBlocks<BlockQ8_0>(src, dst, kBlock);
    case DType::kQ4_0:
      return DequantizeBlocks<BlockQ4_0>(src, dst, kBlock);
    case DType::kQ4_1:
      return DequantizeBlocks<BlockQ4_1>(src, dst, kBlock);
    case DType::kQ4_K:
      return DequantizeBlocks<BlockQ4_K>(src, dst, kSuperBlock);
    case DType::kQ6_K:
      return DequantizeBlocks<BlockQ6_K>(src, dst, kSuperBlock);
    default:
      QED_CHECK(false) << DTypeName(dtype) << " is not a weight format";
  }
}

void QuantizeRow(DType dtype, std::span<const float> src, std::span<std::byte> dst) {
  CheckSizes(dtype, src.size(), dst.size());
  const auto put_half = [&](size_t i, uint16_t bits) { std::memcpy(dst.data() + 2 * i, &bits, 2); };
  switch (dtype) {
    case DType::kF32:
      if (!dst.empty()) std::memcpy(dst.data(), src.data(), dst.size());
      return;
    case DType::kF16:
      for (size_t i = 0; i < src.size(); ++i) put_half(i, FloatToHalf(src[i]));
      return;
    case DType::kBF16:
      for (size_t i = 0; i < src.size(); ++i) put_half(i, FloatToBFloat16(src[i]));
      return;
    case DType::kF8E4M3:
      for (size_t i = 0; i < src.size(); ++i) dst[i] = static_cast<std::byte>(FloatToFp8(src[i]));
      return;
    case DType::kQ8_0:
      return QuantizeBlocks<BlockQ8_0>(src, dst);
    case DType::kQ4_0:
      return QuantizeBlocks<BlockQ4_0>(src, dst);
    case DType::kQ4_1:
      return QuantizeBlocks<BlockQ4_1>(src, dst);
    default:
      QED_CHECK(false) << "cannot quantize to " << DTypeName(dtype);
  }
}

}  // namespace qed

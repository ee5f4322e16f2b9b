// Block formats of GGUF weights: layout, and the obviously right way back to
// floats (the format page: ggml's ggml-quants and the GGUF specification).
//
// All are little-endian and packed. A row of a matrix is a whole number of
// blocks; values of a row are contiguous.
//
//   Q8_0   32 values  { f16 d; i8 q[32]; }                      w = d*q
//   Q4_0   32 values  { f16 d; u8 q[16]; }                      w = d*(q-8)
//   Q4_1   32 values  { f16 d; f16 m; u8 q[16]; }               w = d*q + m
//   Q4_K  256 values  { f16 d; f16 dmin; u8 scales[12]; u8 q[128]; }
//                     8 groups of 32 with 6-bit scale and min   w = d*sc*q - dmin*mn
//   Q6_K  256 values  { u8 ql[128]; u8 qh[64]; i8 scales[16]; f16 d; }
//                     16 groups of 16                           w = d*sc*(q-32)
//
// In Q4_0 and Q4_1 the low nibble of q[i] is value i, the high nibble value i+16.
#ifndef QED_TENSOR_QUANT_FORMAT_H_
#define QED_TENSOR_QUANT_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace qed {

float HalfToFloat(uint16_t bits);
uint16_t FloatToHalf(float value);  // round to nearest even; overflow to infinity
float BFloat16ToFloat(uint16_t bits);
uint16_t FloatToBFloat16(float value);  // round to nearest even

// Whether a file's tensor of `dtype` is a weight by itself. kF8E4M3 is not: its
// values are codes that want a scale.
bool IsWeightDType(DType dtype);

// dst[i] = value i of the row. `src` may be unaligned.
// REQUIRES: IsWeightDType(dtype) or kF8E4M3; dst.size() a multiple of BlockValues(dtype);
// src.size() its bytes.
void DequantizeRow(DType dtype, std::span<const std::byte> src, std::span<float> dst);

// Quantizes by rounding to nearest, block by block: kF32, kF16, kBF16, kF8E4M3,
// kQ8_0, kQ4_0 (max-abs scale) and kQ4_1 (min-max).
void QuantizeRow(DType dtype, std::span<const float> src, std::span<std::byte> dst);

}  // namespace qed

#endif  // QED_TENSOR_QUANT_FORMAT_H_

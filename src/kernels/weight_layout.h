// How packed weights and int8 activations lie in memory.
//
// A packed weight is a row of panels, each 16 rows (outputs) of the matrix by
// all K columns, so that one 512-bit vector holds 16 outputs and no kernel
// needs a horizontal sum. Rows beyond N are zero. Panels are 64-byte aligned:
//
//   F32   f32  [K][16]
//   BF16  bf16 [ceil(K/2)][16][2]        two columns side by side; an odd K ends in zeros
//   Q8_0  u8   [K/32][8][16][4]          the weight + 128; [b][j][r][i] is column 32b + 4j + i
//         f16  [K/32][16]                scale
//   Q4_0  u8   [K/32][4][16][4]          low nibble: column 32b + 4j + i, high: 16 further on
//         f16  [K/32][16]                scale; the weight is scale * (nibble - 8)
//   Q4_1  u8   [K/32][4][16][4]          as Q4_0
//         f16  [K/32][2][16]             scale, minimum: scale * nibble + minimum
//   FP8    f32 [G][16]                 scale of each row and group of columns (G is 1
//                                      where a row has one scale), then
//          u8  [K][16]                 E4M3 codes; the weight is scale * code
//   INT8   as FP8, with signed codes
//
// Four columns of 16 rows are one operand of vpdpbusd (unsigned by signed
// bytes); hence the +128, which `start` below takes back exactly.
#ifndef QED_KERNELS_WEIGHT_LAYOUT_H_
#define QED_KERNELS_WEIGHT_LAYOUT_H_

#include <cstddef>
#include <cstdint>

namespace qed {

inline constexpr int kPanelRows = 16;
// Columns that share a scale, in weights and in activations.
inline constexpr int kGroupColumns = 32;

// Int8 activations of four tokens for one group of columns.
//
// The integer dot products of a group become floats without a conversion: the bits
// of 1.5 * 2^23 plus an integer below 2^22 in magnitude, read as a float, are
// 1.5 * 2^23 + that integer. A fused multiply-add with `scale` and `unbias` then
// gives scale * integer as exactly as a product of floats would.
struct ActivationBlock {
  static constexpr int kTokens = 4;
  static constexpr float kBias = 12582912.0F;       // 1.5 * 2^23
  static constexpr int32_t kBiasBits = 0x4B400000;  // its bits
  int8_t q[kTokens][kGroupColumns];
  float scale[kTokens];    // activation ~ q * scale; 22 significant bits
  float unbias[kTokens];   // -kBias * scale, exactly
  float sum[kTokens];      // scale * (sum of q)
  int32_t start[kTokens];  // kBiasBits - 128 * (sum of q)
};
static_assert(sizeof(ActivationBlock) == 192);

// Bytes of one group of 32 columns of one panel.
inline constexpr int64_t kQ8Values = 512;
inline constexpr int64_t kQ4Values = 256;
inline constexpr int64_t kScales = 32;
inline constexpr int64_t kScalesAndMinimums = 64;

// Bytes of the scales of one group of columns of an FP8 or INT8 panel, and the groups:
// `scale_columns` columns share a scale, or all of them where it is 0.
inline constexpr int64_t kEightBitScales = 64;
inline constexpr int64_t EightBitGroups(int32_t k, int32_t scale_columns) {
  return scale_columns == 0 ? 1 : (int64_t{k} + scale_columns - 1) / scale_columns;
}

inline constexpr int64_t RoundUpTo64(int64_t bytes) { return (bytes + 63) & ~int64_t{63}; }

}  // namespace qed

#endif  // QED_KERNELS_WEIGHT_LAYOUT_H_

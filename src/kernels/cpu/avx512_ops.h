// Vector operations of AVX-512 that its product kernels share.
#ifndef QED_KERNELS_CPU_AVX512_OPS_H_
#define QED_KERNELS_CPU_AVX512_OPS_H_

#include <immintrin.h>

#include "kernels/cpu/tile_util.h"

namespace qed {
namespace {

struct Avx512Ops {
  using Float = __m512;
  static constexpr int kLanes = 16;
  // The float tiles: 24 registers of 32 hold sums, 4 weights.
  static constexpr int kFloatTokens = 6;
  static constexpr int kFloatVectors = kFloatTilePanels;

  static QED_INLINE Float Zero() { return _mm512_setzero_ps(); }
  static QED_INLINE Float Broadcast(float v) { return _mm512_set1_ps(v); }
  static QED_INLINE Float Add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static QED_INLINE Float MulAdd(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }

  static QED_INLINE __mmask16 PartMask(int lanes) {
    return static_cast<__mmask16>((1U << lanes) - 1);
  }
  static QED_INLINE Float LoadPart(const float* from, int lanes) {
    return _mm512_maskz_loadu_ps(PartMask(lanes), from);
  }
  static QED_INLINE void StorePart(float* to, int lanes, Float v) {
    _mm512_mask_storeu_ps(to, PartMask(lanes), v);
  }

  // 16 rows of column kColumn of a step of F32 or BF16 weights.
  template <typename Format, int kColumn>
  static QED_INLINE Float LoadColumn(const std::byte* from) {
    const __m512i bits = _mm512_loadu_si512(from);
    if constexpr (Format::kColumns == 1) {
      return _mm512_castsi512_ps(bits);
    } else if constexpr (kColumn == 0) {
      return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
    } else {
      const __m512i high = _mm512_set1_epi32(static_cast<int>(0xFFFF0000));
      return _mm512_castsi512_ps(_mm512_and_si512(bits, high));
    }
  }
};

}  // namespace
}  // namespace qed

#endif  // QED_KERNELS_CPU_AVX512_OPS_H_

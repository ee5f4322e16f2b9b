// Vector operations of AVX2 that its product kernels share.
#ifndef QED_KERNELS_CPU_AVX2_OPS_H_
#define QED_KERNELS_CPU_AVX2_OPS_H_

#include <immintrin.h>

#include "kernels/cpu/tile_util.h"

namespace qed {
namespace {

struct Avx2Ops {
  using Float = __m256;
  static constexpr int kLanes = 8;
  // The float tiles: 12 registers of 16 hold sums, 2 weights.
  static constexpr int kFloatTokens = 6;
  static constexpr int kFloatVectors = 2;

  static QED_INLINE Float Zero() { return _mm256_setzero_ps(); }
  static QED_INLINE Float Broadcast(float v) { return _mm256_set1_ps(v); }
  static QED_INLINE Float Add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static QED_INLINE Float MulAdd(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }

  static QED_INLINE __m256i PartMask(int lanes) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static QED_INLINE Float LoadPart(const float* from, int lanes) {
    return _mm256_maskload_ps(from, PartMask(lanes));
  }
  static QED_INLINE void StorePart(float* to, int lanes, Float v) {
    _mm256_maskstore_ps(to, PartMask(lanes), v);
  }

  // 8 rows of column kColumn of a step of F32 or BF16 weights.
  template <typename Format, int kColumn>
  static QED_INLINE Float LoadColumn(const std::byte* from) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    if constexpr (Format::kColumns == 1) {
      return _mm256_castsi256_ps(bits);
    } else if constexpr (kColumn == 0) {
      return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
    } else {
      const __m256i high = _mm256_set1_epi32(static_cast<int>(0xFFFF0000));
      return _mm256_castsi256_ps(_mm256_and_si256(bits, high));
    }
  }
};

}  // namespace
}  // namespace qed

#endif  // QED_KERNELS_CPU_AVX2_OPS_H_

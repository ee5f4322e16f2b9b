// Sixteen floats at a time, AVX-512. Every vec_*.h offers the same operations on
// the same sixteen lanes, so that a kernel template is written once and sums
// come out in the same order on every instruction set.
//
// Include only in files compiled for AVX-512.
#ifndef QED_KERNELS_CPU_VEC_AVX512_H_
#define QED_KERNELS_CPU_VEC_AVX512_H_

#include <immintrin.h>

#include <cstdint>

namespace qed {

struct VecAvx512 {
  using F = __m512;

  // Register tiles of the attention kernel: rows of queries by 16-token blocks
  // for scores, rows by 16-wide columns for the weighted values.
  static constexpr int kScoreRows = 8;
  static constexpr int ScoreBlocks(int rows) { return rows > 4 ? 2 : rows > 2 ? 4 : 8; }
  static constexpr int kValueRows = 6;
  static constexpr int kValueColumns = 4;

  static F Zero() { return _mm512_setzero_ps(); }
  static F Set1(float x) { return _mm512_set1_ps(x); }
  static F Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, F x) { _mm512_storeu_ps(p, x); }
  // The first n < 16 floats; zeros behind them.
  static F LoadFirst(const float* p, int n) { return _mm512_maskz_loadu_ps(Mask(n), p); }
  static void StoreFirst(float* p, F x, int n) { _mm512_mask_storeu_ps(p, Mask(n), x); }
  static F LoadHalf(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static void StoreHalf(uint16_t* p, F x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }

  static F Add(F a, F b) { return _mm512_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm512_div_ps(a, b); }
  static F Fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  // The second operand where one is NaN.
  static F Max(F a, F b) { return _mm512_max_ps(a, b); }
  static F Min(F a, F b) { return _mm512_min_ps(a, b); }
  static F Round(F x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  // 2^x for whole x in [-126, 127].
  static F Pow2(F x) {
    const __m512i n = _mm512_add_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(n, 23));
  }
  // a in the first n lanes, b in the others; n in [0, 16].
  static F SelectFirst(int n, F a, F b) { return _mm512_mask_blend_ps(Mask(n), b, a); }

  static float ReduceAdd(F x) {
    const __m256 y = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 z = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    const __m128 w = _mm_add_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_add_ss(w, _mm_movehdup_ps(w)));
  }
  static float ReduceMax(F x) { return _mm512_reduce_max_ps(x); }

 private:
  static __mmask16 Mask(int n) { return static_cast<__mmask16>((1u << n) - 1); }
};

}  // namespace qed

#endif  // QED_KERNELS_CPU_VEC_AVX512_H_

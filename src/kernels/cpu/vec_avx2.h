// Sixteen floats at a time, AVX2 with FMA and F16C (see vec_avx512.h).
//
// Include only in files compiled for AVX2.
#ifndef QED_KERNELS_CPU_VEC_AVX2_H_
#define QED_KERNELS_CPU_VEC_AVX2_H_

#include <immintrin.h>

#include <cstdint>

namespace qed {

struct VecAvx2 {
  struct F {
    __m256 lo, hi;
  };

  static constexpr int kScoreRows = 4;
  static constexpr int ScoreBlocks(int rows) { return rows > 2 ? 1 : rows > 1 ? 2 : 4; }
  static constexpr int kValueRows = 3;
  static constexpr int kValueColumns = 2;

  static F Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static F Set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static void Store(float* p, F x) {
    _mm256_storeu_ps(p, x.lo);
    _mm256_storeu_ps(p + 8, x.hi);
  }
  static F LoadFirst(const float* p, int n) {
    return {_mm256_maskload_ps(p, Mask(n)), _mm256_maskload_ps(p + 8, Mask(n - 8))};
  }
  static void StoreFirst(float* p, F x, int n) {
    _mm256_maskstore_ps(p, Mask(n), x.lo);
    _mm256_maskstore_ps(p + 8, Mask(n - 8), x.hi);
  }
  static F LoadHalf(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  static void StoreHalf(uint16_t* p, F x) {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x.lo, kNearest));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(x.hi, kNearest));
  }

  static F Add(F a, F b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
  static F Sub(F a, F b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
  static F Mul(F a, F b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
  static F Div(F a, F b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
  static F Fma(F a, F b, F c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
  }
  static F Max(F a, F b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
  static F Min(F a, F b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
  static F Round(F x) {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(x.lo, kNearest), _mm256_round_ps(x.hi, kNearest)};
  }
  static F Pow2(F x) { return {Pow2(x.lo), Pow2(x.hi)}; }
  static F SelectFirst(int n, F a, F b) {
    return {_mm256_blendv_ps(b.lo, a.lo, _mm256_castsi256_ps(Mask(n))),
            _mm256_blendv_ps(b.hi, a.hi, _mm256_castsi256_ps(Mask(n - 8)))};
  }

  static float ReduceAdd(F x) {
    const __m256 y = _mm256_add_ps(x.lo, x.hi);
    const __m128 z = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    const __m128 w = _mm_add_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_add_ss(w, _mm_movehdup_ps(w)));
  }
  static float ReduceMax(F x) {
    const __m256 y = _mm256_max_ps(x.lo, x.hi);
    const __m128 z = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    const __m128 w = _mm_max_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_max_ss(w, _mm_movehdup_ps(w)));
  }

 private:
  // All bits in the lanes below n; n may be negative or above 8.
  static __m256i Mask(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static __m256 Pow2(__m256 x) {
    const __m256i n = _mm256_add_epi32(_mm256_cvtps_epi32(x), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(n, 23));
  }
};

}  // namespace qed

#endif  // QED_KERNELS_CPU_VEC_AVX2_H_

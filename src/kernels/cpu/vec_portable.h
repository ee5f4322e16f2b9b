// Sixteen floats at a time, plain C++ (see vec_avx512.h). Multiply and add
// round separately: a fused one would be a library call here.
#ifndef QED_KERNELS_CPU_VEC_PORTABLE_H_
#define QED_KERNELS_CPU_VEC_PORTABLE_H_

#include <bit>
#include <cmath>
#include <cstdint>

#include "tensor/quant_format.h"

namespace qed {

struct VecPortable {
  struct F {
    float v[16];
  };

  static constexpr int kScoreRows = 4;
  static constexpr int ScoreBlocks(int) { return 1; }
  static constexpr int kValueRows = 4;
  static constexpr int kValueColumns = 1;

  template <typename Fn>
  static F Each(Fn&& fn) {
    F y;
    for (int i = 0; i < 16; ++i) y.v[i] = fn(i);
    return y;
  }

  static F Zero() { return Set1(0.0f); }
  static F Set1(float x) {
    return Each([=](int) { return x; });
  }
  static F Load(const float* p) {
    return Each([=](int i) { return p[i]; });
  }
  static void Store(float* p, const F& x) {
    for (int i = 0; i < 16; ++i) p[i] = x.v[i];
  }
  static F LoadFirst(const float* p, int n) {
    return Each([=](int i) { return i < n ? p[i] : 0.0f; });
  }
  static void StoreFirst(float* p, const F& x, int n) {
    for (int i = 0; i < n; ++i) p[i] = x.v[i];
  }
  static F LoadHalf(const uint16_t* p) {
    return Each([=](int i) { return FromHalf(p[i]); });
  }
  static void StoreHalf(uint16_t* p, const F& x) {
    for (int i = 0; i < 16; ++i) p[i] = FloatToHalf(x.v[i]);
  }

  static F Add(const F& a, const F& b) {
    return Each([&](int i) { return a.v[i] + b.v[i]; });
  }
  static F Sub(const F& a, const F& b) {
    return Each([&](int i) { return a.v[i] - b.v[i]; });
  }
  static F Mul(const F& a, const F& b) {
    return Each([&](int i) { return a.v[i] * b.v[i]; });
  }
  static F Div(const F& a, const F& b) {
    return Each([&](int i) { return a.v[i] / b.v[i]; });
  }
  static F Fma(const F& a, const F& b, const F& c) {
    return Each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
  }
  static F Max(const F& a, const F& b) {
    return Each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  static F Min(const F& a, const F& b) {
    return Each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  static F Round(const F& x) {
    return Each([&](int i) { return std::nearbyint(x.v[i]); });
  }
  static F Pow2(const F& x) {
    return Each([&](int i) {
      const uint32_t biased = static_cast<uint32_t>(static_cast<int32_t>(x.v[i]) + 127);
      return std::bit_cast<float>(biased << 23);
    });
  }
  static F SelectFirst(int n, const F& a, const F& b) {
    return Each([&](int i) { return i < n ? a.v[i] : b.v[i]; });
  }

  static float ReduceAdd(F x) {
    for (int step = 8; step > 0; step /= 2) {
      for (int i = 0; i < step; ++i) x.v[i] += x.v[i + step];
    }
    return x.v[0];
  }
  static float ReduceMax(F x) {
    for (int step = 8; step > 0; step /= 2) {
      for (int i = 0; i < step; ++i) x.v[i] = x.v[i] > x.v[i + step] ? x.v[i] : x.v[i + step];
    }
    return x.v[0];
  }

 private:
  // HalfToFloat, inline and without branches: the power of two moves the exponent
  // from f16's bias to f32's and makes subnormals come out right.
  static float FromHalf(uint16_t h) {
    const float scaled = std::bit_cast<float>(static_cast<uint32_t>(h & 0x7fff) << 13) * 0x1p112f;
    const uint32_t special = (h & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
    const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) | special | sign);
  }
};

}  // namespace qed

#endif  // QED_KERNELS_CPU_VEC_PORTABLE_H_

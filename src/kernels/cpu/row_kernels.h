// Kernels over one row, for any of the sixteen-lane vectors.
#ifndef QED_KERNELS_CPU_ROW_KERNELS_H_
#define QED_KERNELS_CPU_ROW_KERNELS_H_

#include <cmath>
#include <cstdint>

#include "kernels/cpu/vec_math.h"
#include "kernels/paged_kv.h"

namespace qed {

template <class V>
void RmsNormRowKernel(const float* x, const float* weight, int32_t n, float eps, float* y) {
  using F = typename V::F;
  // Four sums, so that additions do not wait for each other.
  F sums[4] = {V::Zero(), V::Zero(), V::Zero(), V::Zero()};
  int32_t i = 0;
  for (; i + 64 <= n; i += 64) {
    for (int j = 0; j < 4; ++j) {
      const F v = V::Load(x + i + 16 * j);
      sums[j] = V::Fma(v, v, sums[j]);
    }
  }
  for (; i < n; i += 16) {
    const F v = n - i >= 16 ? V::Load(x + i) : V::LoadFirst(x + i, n - i);
    sums[0] = V::Fma(v, v, sums[0]);
  }
  const float sum = V::ReduceAdd(V::Add(V::Add(sums[0], sums[1]), V::Add(sums[2], sums[3])));
  const F factor = V::Set1(1.0f / std::sqrt(sum / static_cast<float>(n) + eps));
  for (i = 0; i + 16 <= n; i += 16) {
    V::Store(y + i, V::Mul(V::Mul(V::Load(x + i), factor), V::Load(weight + i)));
  }
  if (i < n) {
    const F v = V::Mul(V::LoadFirst(x + i, n - i), factor);
    V::StoreFirst(y + i, V::Mul(v, V::LoadFirst(weight + i, n - i)), n - i);
  }
}

template <class V>
void SiluMulRowKernel(const float* gate, const float* up, int32_t n, float* y) {
  using F = typename V::F;
  const F one = V::Set1(1.0f);
  const auto silu_mul = [one](F g, F u) {
    const F e = VecExp<V>(V::Sub(V::Zero(), g));
    return V::Mul(V::Div(g, V::Add(one, e)), u);
  };
  int32_t i = 0;
  for (; i + 16 <= n; i += 16) V::Store(y + i, silu_mul(V::Load(gate + i), V::Load(up + i)));
  if (i < n) {
    const int rest = n - i;
    V::StoreFirst(y + i, silu_mul(V::LoadFirst(gate + i, rest), V::LoadFirst(up + i, rest)), rest);
  }
}

template <class V>
void RopeHeadsKernel(const float* cosine, const float* sine, int32_t heads, int32_t head_dim,
                     float* x) {
  using F = typename V::F;
  const int32_t half = head_dim / 2;
  for (int32_t h = 0; h < heads; ++h, x += head_dim) {
    int32_t i = 0;
    for (; i + 16 <= half; i += 16) {
      const F a = V::Load(x + i), b = V::Load(x + half + i);
      const F c = V::Load(cosine + i), s = V::Load(sine + i);
      V::Store(x + i, V::Sub(V::Mul(a, c), V::Mul(b, s)));
      V::Store(x + half + i, V::Add(V::Mul(b, c), V::Mul(a, s)));
    }
    if (i < half) {
      const int rest = half - i;
      const F a = V::LoadFirst(x + i, rest), b = V::LoadFirst(x + half + i, rest);
      const F c = V::LoadFirst(cosine + i, rest), s = V::LoadFirst(sine + i, rest);
      V::StoreFirst(x + i, V::Sub(V::Mul(a, c), V::Mul(b, s)), rest);
      V::StoreFirst(x + half + i, V::Add(V::Mul(b, c), V::Mul(a, s)), rest);
    }
  }
}

template <class V>
typename V::F ClampToHalf(typename V::F x) {
  return V::Min(V::Max(x, V::Set1(-65504.0f)), V::Set1(65504.0f));
}

// f16 cache: keys go one by one into their columns, values as they are.
template <class V>
void WriteKvRowF16(const PagedKv& kv, int32_t page, int32_t slot, const float* key,
                   const float* value) {
  const int32_t dim = kv.head_dim;
  const int64_t head = int64_t{dim} * kv.page_size;
  auto* keys = reinterpret_cast<uint16_t*>(kv.keys + page * kv.page_stride) + slot;
  auto* values = reinterpret_cast<uint16_t*>(kv.values + page * kv.page_stride) + slot * dim;
  for (int32_t h = 0; h < kv.num_kv_heads; ++h, keys += head, values += head) {
    for (int32_t d = 0; d < dim; d += 16, key += 16, value += 16) {
      V::StoreHalf(values + d, ClampToHalf<V>(V::Load(value)));
      alignas(32) uint16_t column[16];
      V::StoreHalf(column, ClampToHalf<V>(V::Load(key)));
      for (int i = 0; i < 16; ++i) keys[int64_t{d + i} * kv.page_size] = column[i];
    }
  }
}

template <class V>
void WriteKvRowF32(const PagedKv& kv, int32_t page, int32_t slot, const float* key,
                   const float* value) {
  const int32_t dim = kv.head_dim;
  const int64_t head = int64_t{dim} * kv.page_size;
  auto* keys = reinterpret_cast<float*>(kv.keys + page * kv.page_stride) + slot;
  auto* values = reinterpret_cast<float*>(kv.values + page * kv.page_stride) + slot * dim;
  for (int32_t h = 0; h < kv.num_kv_heads; ++h, keys += head, values += head) {
    for (int32_t d = 0; d < dim; d += 16, key += 16, value += 16) {
      V::Store(values + d, V::Load(value));
      for (int i = 0; i < 16; ++i) keys[int64_t{d + i} * kv.page_size] = key[i];
    }
  }
}

template <class V>
void WriteKvRowKernel(const PagedKv& kv, int32_t page, int32_t slot, const float* key,
                      const float* value) {
  if (kv.dtype == DType::kF16) {
    WriteKvRowF16<V>(kv, page, slot, key, value);
  } else {
    WriteKvRowF32<V>(kv, page, slot, key, value);
  }
}

}  // namespace qed

#endif  // QED_KERNELS_CPU_ROW_KERNELS_H_

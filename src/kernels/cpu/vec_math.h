// Functions over any of the sixteen-lane vectors.
#ifndef QED_KERNELS_CPU_VEC_MATH_H_
#define QED_KERNELS_CPU_VEC_MATH_H_

namespace qed {

// e^x to about two units in the last place; x is clamped to [lowest, 88] with
// lowest >= -87, so the result is never zero, infinite or (for a NaN) undefined.
template <class V>
inline typename V::F VecExp(typename V::F x, float lowest = -87.0f) {
  using F = typename V::F;
  x = V::Min(V::Max(x, V::Set1(lowest)), V::Set1(88.0f));
  // x = n ln 2 + r with |r| <= ln(2)/2; ln 2 in two parts, the first short
  // enough that n times it is exact.
  const F n = V::Round(V::Mul(x, V::Set1(1.44269504f)));
  F r = V::Fma(n, V::Set1(-0.693359375f), x);
  r = V::Fma(n, V::Set1(2.12194440e-4f), r);
  // Taylor polynomial: its remainder r^8/8! stays below 1e-8 on this interval.
  F p = V::Set1(1.0f / 5040);
  p = V::Fma(p, r, V::Set1(1.0f / 720));
  p = V::Fma(p, r, V::Set1(1.0f / 120));
  p = V::Fma(p, r, V::Set1(1.0f / 24));
  p = V::Fma(p, r, V::Set1(1.0f / 6));
  p = V::Fma(p, r, V::Set1(0.5f));
  p = V::Fma(p, r, V::Set1(1.0f));
  p = V::Fma(p, r, V::Set1(1.0f));
  return V::Mul(p, V::Pow2(n));
}

}  // namespace qed

#endif  // QED_KERNELS_CPU_VEC_MATH_H_

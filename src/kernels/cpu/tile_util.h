// What the product kernels of all instruction sets share. Each file that
// includes this gets its own copy (cpu/linear_kernels.h says why).
#ifndef QED_KERNELS_CPU_TILE_UTIL_H_
#define QED_KERNELS_CPU_TILE_UTIL_H_

#include "kernels/cpu/linear_kernels.h"

#define QED_INLINE inline __attribute__((always_inline))
// For lambdas that Unroll calls.
#define QED_INLINE_LAMBDA __attribute__((always_inline))

namespace qed {
namespace {

template <int kValue>
struct Index {
  constexpr operator int() const { return kValue; }
};

// body(Index<0>), body(Index<1>), ..., unrolled, so that arrays indexed by them
// live in registers.
template <int kEnd, int kBegin = 0, typename Body>
QED_INLINE void Unroll(const Body& body) {
  if constexpr (kBegin < kEnd) {
    body(Index<kBegin>{});
    Unroll<kEnd, kBegin + 1>(body);
  }
}

constexpr int32_t Min(int32_t a, int32_t b) { return a < b ? a : b; }

// The largest magnitude of a group, from its bits, as a scale.
QED_INLINE void ScaleOfGroup(int32_t maximum_bits, float* scale, float* inverse) {
  float maximum;
  __builtin_memcpy(&maximum, &maximum_bits, sizeof(maximum));
  if (maximum < kSmallestGroupMaximum) {
    *scale = *inverse = 0.0F;
    return;
  }
  const float uncut = maximum / 127.0F;
  uint32_t bits;
  __builtin_memcpy(&bits, &uncut, sizeof(bits));
  bits &= ~kScaleCutBits;
  __builtin_memcpy(scale, &bits, sizeof(bits));
  *inverse = 127.0F / maximum;
}

// What ActivationBlock keeps of a token beside its bytes. `sum` is that of q; what a
// NaN makes of it may wrap around.
QED_INLINE void StoreGroupScale(float scale, uint32_t sum, int slot, ActivationBlock& block) {
  block.scale[slot] = scale;
  block.unbias[slot] = -ActivationBlock::kBias * scale;
  block.sum[slot] = scale * static_cast<float>(static_cast<int32_t>(sum));
  block.start[slot] =
      static_cast<int32_t>(static_cast<uint32_t>(ActivationBlock::kBiasBits) - 128 * sum);
}

// The int8 formats.
struct Q8_0 {
  static constexpr int64_t kValues = kQ8Values;
  static constexpr int64_t kScaleBytes = kScales;
  static constexpr bool kHasMinimum = false;
};
struct Q4_0 {
  static constexpr int64_t kValues = kQ4Values;
  static constexpr int64_t kScaleBytes = kScales;
  static constexpr bool kHasMinimum = false;
};
struct Q4_1 {
  static constexpr int64_t kValues = kQ4Values;
  static constexpr int64_t kScaleBytes = kScalesAndMinimums;
  static constexpr bool kHasMinimum = true;
};

// The float formats: columns that lie side by side in one 64-byte step.
struct F32 {
  static constexpr int kColumns = 1;
};
struct BF16 {
  static constexpr int kColumns = 2;
};

// Adds bias and residual to one token's sums of the kLanes rows from `row` on,
// and stores those that exist.
template <typename Ops>
QED_INLINE void StoreSums(const PanelJob& job, int32_t row, int32_t token,
                          typename Ops::Float sums) {
  const int lanes = Min(job.rows - row, Ops::kLanes);
  float* y = job.y + token * job.y_stride + row;
  if (job.bias != nullptr) {
    sums = Ops::Add(sums, Ops::LoadPart(job.bias + row, lanes));
  }
  if (job.accumulate) {
    sums = Ops::Add(Ops::LoadPart(y, lanes), sums);
  }
  Ops::StorePart(y, lanes, sums);
}

}  // namespace
}  // namespace qed

#endif  // QED_KERNELS_CPU_TILE_UTIL_H_

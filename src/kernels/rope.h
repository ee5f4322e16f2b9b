// Rotary position embedding in the NEOX order: dimension i turns with i + D/2.
#ifndef QED_KERNELS_ROPE_H_
#define QED_KERNELS_ROPE_H_

#include <cstdint>
#include <span>

#include "kernels/op_context.h"

namespace qed {

// The angles of one position: cosine[i] = factor * cos(position * frequencies[i]), [D/2].
// In double, since position * frequency is large where the angle is not.
void RopeAngles(int32_t position, std::span<const double> frequencies, float factor, float* cosine,
                float* sine);

// Turns `heads` heads of head_dim floats each, in place.
// REQUIRES: head_dim even.
void RopeHeads(Isa isa, const float* cosine, const float* sine, int32_t heads, int32_t head_dim,
               float* x);

}  // namespace qed

#endif  // QED_KERNELS_ROPE_H_

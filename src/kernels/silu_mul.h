// The gate of the feed-forward layer, one row.
#ifndef QED_KERNELS_SILU_MUL_H_
#define QED_KERNELS_SILU_MUL_H_

#include <cstdint>

#include "kernels/op_context.h"

namespace qed {

// y[i] = gate[i] / (1 + exp(-gate[i])) * up[i] for i in [0, n). y may be gate or up.
// The parallel loop over rows belongs to the caller.
void SiluMulRow(Isa isa, const float* gate, const float* up, int32_t n, float* y);

}  // namespace qed

#endif  // QED_KERNELS_SILU_MUL_H_

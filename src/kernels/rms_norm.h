// Root-mean-square normalization of one row.
#ifndef QED_KERNELS_RMS_NORM_H_
#define QED_KERNELS_RMS_NORM_H_

#include <cstdint>

#include "kernels/op_context.h"

namespace qed {

// y[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i] for i in [0, n). y may be x.
// The parallel loop over rows belongs to the caller.
void RmsNormRow(Isa isa, const float* x, const float* weight, int32_t n, float eps, float* y);

}  // namespace qed

#endif  // QED_KERNELS_RMS_NORM_H_

#include "kernels/rms_norm.h"

#include "kernels/cpu/cpu_kernels.h"

namespace qed {

void RmsNormRow(Isa isa, const float* x, const float* weight, int32_t n, float eps, float* y) {
  CpuKernelsFor(isa).rms_norm_row(x, weight, n, eps, y);
}

}  // namespace qed

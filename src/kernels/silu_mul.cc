#include "kernels/silu_mul.h"

#include "kernels/cpu/cpu_kernels.h"

namespace qed {

void SiluMulRow(Isa isa, const float* gate, const float* up, int32_t n, float* y) {
  CpuKernelsFor(isa).silu_mul_row(gate, up, n, y);
}

}  // namespace qed

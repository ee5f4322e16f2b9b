#include "kernels/cpu/cpu_kernel_table.h"
#include "kernels/cpu/vec_avx512.h"

namespace qed {

const CpuKernels& Avx512CpuKernels() {
  static constexpr CpuKernels kKernels = MakeCpuKernels<VecAvx512>();
  return kKernels;
}

}  // namespace qed

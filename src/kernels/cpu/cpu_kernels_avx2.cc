#include "kernels/cpu/cpu_kernel_table.h"
#include "kernels/cpu/vec_avx2.h"

namespace qed {

const CpuKernels& Avx2CpuKernels() {
  static constexpr CpuKernels kKernels = MakeCpuKernels<VecAvx2>();
  return kKernels;
}

}  // namespace qed

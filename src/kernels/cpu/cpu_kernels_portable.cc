#include "kernels/cpu/cpu_kernel_table.h"
#include "kernels/cpu/vec_portable.h"

namespace qed {

const CpuKernels& PortableCpuKernels() {
  static constexpr CpuKernels kKernels = MakeCpuKernels<VecPortable>();
  return kKernels;
}

}  // namespace qed

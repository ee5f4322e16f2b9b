#include "kernels/cpu/cpu_kernels.h"

namespace qed {

const CpuKernels& CpuKernelsFor(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kAvx512Bf16:
    case Isa::kAvx512:
      return Avx512CpuKernels();
    case Isa::kAvx2:
      return Avx2CpuKernels();
    case Isa::kPortable:
      break;
  }
#endif
  return PortableCpuKernels();
}

}  // namespace qed

// For kernels of a chain in which a later one has work that waits for nobody, such as bringing
// weights.
#ifndef QED_CUDA_EARLY_START_CUH_
#define QED_CUDA_EARLY_START_CUH_

#include <cuda_runtime.h>

namespace qed::cuda {

// The kernel after this one may be set up from now on, and not only once the kernel before
// this one has ended. First thing in a kernel; it must still call WaitForKernelBefore()
// (cuda/launch.cuh), so that whoever waits for this kernel has waited for those before it.
__device__ __forceinline__ void LetNextKernelStart() {
#if __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}

}  // namespace qed::cuda

#endif  // QED_CUDA_EARLY_START_CUH_

// The one way in which kernels of ours are launched.
//
// Each kernel may be set up while the one before it still runs (programmatic
// dependent launch, compute capability 9.0), which hides most of the gap between
// two small kernels. Its price: a kernel must call WaitForKernelBefore() before
// it touches global memory that others write.
#ifndef QED_CUDA_LAUNCH_CUH_
#define QED_CUDA_LAUNCH_CUH_

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

#include "cuda/error.cuh"
#include "cuda/stream.h"

namespace qed::cuda {

// Whether launches overlap at all; kernels are right either way.
inline constexpr bool kOverlapLaunches = true;

// In every kernel, first of all or after reads of what the kernel before this one does
// not write: all memory written by kernels before this one in the stream can be
// read after it, and the next may be set up. Every thread calls it.
__device__ __forceinline__ void WaitForKernelBefore() {
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}

// Whether the calling thread's GPU can overlap launches. Asked once.
bool DeviceOverlapsLaunches();

// Of the calling thread's GPU. Asked once.
bool DeviceHasClusters();
bool DeviceHasWarpgroupProducts();  // wgmma: compute capability 9.0 alone
unsigned DeviceMultiprocessors();
int DeviceSharedBytesPerBlock();  // most that a kernel may be allowed

// kernel<<<grid, block, shared_bytes, stream>>>(args...)
template <typename... Params, typename... Args>
void Launch(void (*kernel)(Params...), dim3 grid, dim3 block, size_t shared_bytes,
            StreamHandle stream, Args&&... args) {
  cudaLaunchAttribute overlap = {};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = &overlap;
  config.numAttrs = kOverlapLaunches && DeviceOverlapsLaunches() ? 1 : 0;
  QED_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, std::forward<Args>(args)...));
}

}  // namespace qed::cuda

#endif  // QED_CUDA_LAUNCH_CUH_

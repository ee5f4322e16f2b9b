#include <cuda_runtime_api.h>

#include <string>

#include "cuda/buffer.h"
#include "cuda/device.h"
#include "cuda/error.cuh"

namespace qed::cuda::internal {

Result<void*> AllocateMemory(MemoryKind kind, size_t bytes) {
  void* data = nullptr;
  if (kind == MemoryKind::kPinned) {
    QED_RETURN_IF_ERROR(ToStatus(cudaMallocHost(&data, bytes),
                                 std::to_string(bytes) + " bytes of pinned host memory"));
    return data;
  }
  if (const cudaError_t error = cudaMalloc(&data, bytes); error != cudaSuccess) {
    size_t free_bytes = 0, total_bytes = 0;
    cudaMemGetInfo(&free_bytes, &total_bytes);
    return ToStatus(error, std::to_string(bytes) + " bytes of GPU memory, where " +
                               std::to_string(free_bytes) + " are free");
  }
  return data;
}

// Errors of work before it were reported, or will be, where one waits for it.
void FreeMemory(MemoryKind kind, void* data) {
  if (kind == MemoryKind::kPinned) {
    cudaFreeHost(data);
  } else {
    cudaFree(data);
  }
}

}  // namespace qed::cuda::internal

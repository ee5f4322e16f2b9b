#include <cuda_runtime_api.h>

#include <cstring>

#include "cuda/error.cuh"
#include "cuda/peer_memory.h"

namespace qed::cuda {

static_assert(sizeof(cudaIpcMemHandle_t) == sizeof(MemoryName));

Result<MemoryName> NameMemory(const DeviceBuffer& memory) {
  cudaIpcMemHandle_t handle;
  QED_RETURN_IF_ERROR(
      ToStatus(cudaIpcGetMemHandle(&handle, memory.data()), "sharing GPU memory with other ranks"));
  MemoryName name;
  std::memcpy(name.data(), &handle, sizeof(handle));
  return name;
}

Result<PeerMemory> PeerMemory::Open(const MemoryName& name) {
  cudaIpcMemHandle_t handle;
  std::memcpy(&handle, name.data(), sizeof(handle));
  void* data = nullptr;
  const cudaError_t error = cudaIpcOpenMemHandle(&data, handle, cudaIpcMemLazyEnablePeerAccess);
  if (error != cudaSuccess) cudaGetLastError();
  QED_RETURN_IF_ERROR(ToStatus(error, "mapping another rank's GPU memory"));
  return PeerMemory(data);
}

PeerMemory::~PeerMemory() {
  if (data_ != nullptr) cudaIpcCloseMemHandle(data_);
}

}  // namespace qed::cuda

// Memory of other processes' GPUs, mapped so that kernels of this one read and write it.
//
// Plain device memory alone can be shared so: none that NVLink multicasts to.
#ifndef QED_CUDA_PEER_MEMORY_H_
#define QED_CUDA_PEER_MEMORY_H_

#include <array>
#include <cstddef>
#include <utility>

#include "base/status.h"
#include "cuda/buffer.h"

namespace qed::cuda {

// Says to other processes of this host which memory it is. Bytes to be sent as they are.
using MemoryName = std::array<std::byte, 64>;

// kUnavailable where the driver cannot share memory.
Result<MemoryName> NameMemory(const DeviceBuffer& memory);

class PeerMemory {
 public:
  PeerMemory() = default;
  // Maps another process's memory into the calling thread's GPU's. kUnavailable where the GPUs
  // do not reach each other.
  static Result<PeerMemory> Open(const MemoryName& name);
  ~PeerMemory();
  PeerMemory(PeerMemory&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  PeerMemory& operator=(PeerMemory&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }

  std::byte* data() const { return data_; }

 private:
  explicit PeerMemory(void* data) : data_(static_cast<std::byte*>(data)) {}

  std::byte* data_ = nullptr;
};

}  // namespace qed::cuda

#endif  // QED_CUDA_PEER_MEMORY_H_

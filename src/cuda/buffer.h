// Owning memory on the GPU, and pinned host memory that the GPU can copy from.
// All of it is allocated while an engine starts; none while it serves.
#ifndef QED_CUDA_BUFFER_H_
#define QED_CUDA_BUFFER_H_

#include <cstddef>
#include <utility>

#include "base/status.h"

namespace qed::cuda {

enum class MemoryKind {
  kDevice,  // of the GPU that was the thread's when it was allocated
  kPinned,  // page-locked, of the host: copies to and from it are asynchronous
};

namespace internal {

// kResourceExhausted, with the size wanted, and of device memory the size free, where
// it cannot be had. REQUIRES: bytes > 0.
Result<void*> AllocateMemory(MemoryKind kind, size_t bytes);
void FreeMemory(MemoryKind kind, void* data);

}  // namespace internal

// At least 256-byte aligned, not zeroed. Must not be freed while work that uses it is
// under way.
template <MemoryKind kind>
class Buffer {
 public:
  Buffer() = default;
  // kResourceExhausted, with the sizes, where it cannot be had.
  static Result<Buffer> Allocate(size_t bytes) {
    if (bytes == 0) return Buffer();
    QED_ASSIGN_OR_RETURN(void* data, internal::AllocateMemory(kind, bytes));
    return Buffer(data, bytes);
  }
  ~Buffer() {
    if (data_ != nullptr) internal::FreeMemory(kind, data_);
  }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  template <typename T>
  T* As() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  Buffer(void* data, size_t bytes) : data_(static_cast<std::byte*>(data)), size_(bytes) {}

  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

using DeviceBuffer = Buffer<MemoryKind::kDevice>;
using PinnedBuffer = Buffer<MemoryKind::kPinned>;

}  // namespace qed::cuda

#endif  // QED_CUDA_BUFFER_H_

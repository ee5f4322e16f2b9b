// Owning memory on the GPU, and pinned host memory that the GPU can copy from.
// All of it is allocated while an engine starts; none while it serves.
#ifndef QED_CUDA_BUFFER_H_
#define QED_CUDA_BUFFER_H_

#include <cstddef>
#include <utility>

#include "base/status.h"

namespace qed::cuda {

// Device memory of the GPU that was the thread's when it was allocated. 256-byte
// aligned, not zeroed. Must not be freed while work that uses it is under way.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  // kResourceExhausted, with the sizes wanted and free, where it cannot be had.
  static Result<DeviceBuffer> Allocate(size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
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
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Page-locked host memory: copies to and from it are asynchronous.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  // kResourceExhausted, with the size, where it cannot be had.
  static Result<PinnedBuffer> Allocate(size_t bytes);
  ~PinnedBuffer();
  PinnedBuffer(PinnedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
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
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace qed::cuda

#endif  // QED_CUDA_BUFFER_H_

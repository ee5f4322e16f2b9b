// Owning, zeroed, 64-byte aligned host memory: weights, caches, workspaces.
#ifndef QED_TENSOR_ALIGNED_BUFFER_H_
#define QED_TENSOR_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/status.h"

namespace qed {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // kResourceExhausted, with the size in the message, where the memory cannot be had.
  static Result<AlignedBuffer> Allocate(size_t bytes);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  template <typename T>
  T* As() {
    return reinterpret_cast<T*>(data_);
  }
  template <typename T>
  const T* As() const {
    return reinterpret_cast<const T*>(data_);
  }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace qed

#endif  // QED_TENSOR_ALIGNED_BUFFER_H_

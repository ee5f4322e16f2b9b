#include "tensor/aligned_buffer.h"

#include <sys/mman.h>

#include <string>

namespace qed {

// Anonymous mappings are page-aligned, zeroed on first touch, and large ones
// can be backed by huge pages, which the streaming of weights profits from.
Result<AlignedBuffer> AlignedBuffer::Allocate(size_t bytes) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return ResourceExhausted("cannot get " + std::to_string(bytes) + " bytes of memory");
  }
  ::madvise(data, bytes, MADV_HUGEPAGE);
  buffer.data_ = static_cast<std::byte*>(data);
  buffer.size_ = bytes;
  return buffer;
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace qed

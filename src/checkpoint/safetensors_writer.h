// Writes safetensors files (checkpoint/safetensors.h reads them).
#ifndef QED_CHECKPOINT_SAFETENSORS_WRITER_H_
#define QED_CHECKPOINT_SAFETENSORS_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "tensor/dtype.h"

namespace qed {

// A tensor to come: what the header says of it.
struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::kF32;  // not a block format
  std::vector<int64_t> shape;
};

// Length and header of a file whose data are these tensors', one after the other.
// The data begin at a multiple of 8 bytes. REQUIRES: names are unique.
std::string SafetensorsHeader(std::span<const SafetensorsEntry> entries);

// One file, written front to back in pieces of any size; memory holds only what is
// handed over. The file gets its name in Finish.
class SafetensorsWriter {
 public:
  static Result<std::unique_ptr<SafetensorsWriter>> Create(
      const std::string& path, std::span<const SafetensorsEntry> entries);

  // The next bytes of the data, in the order of the entries.
  Status Write(std::span<const std::byte> bytes);
  // REQUIRES: exactly the bytes of all entries were written.
  Status Finish();

 private:
  SafetensorsWriter(std::unique_ptr<AtomicFile> file, uint64_t bytes)
      : file_(std::move(file)), left_(bytes) {}

  std::unique_ptr<AtomicFile> file_;
  uint64_t left_;
};

}  // namespace qed

#endif  // QED_CHECKPOINT_SAFETENSORS_WRITER_H_

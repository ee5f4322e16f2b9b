// Writes a rank's file of an engine: bytes in their order, with a checksum for each piece.
#ifndef QED_BUILDER_RANK_WRITER_H_
#define QED_BUILDER_RANK_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"

namespace qed {

class RankWriter {
 public:
  static Result<RankWriter> Create(const std::string& path);

  Status Write(std::span<const std::byte> bytes);
  // Writes what is left and syncs. The checksums of all pieces.
  Result<std::vector<uint64_t>> Finish();

 private:
  explicit RankWriter(std::unique_ptr<AtomicFile> file) : file_(std::move(file)) {}
  Status Flush();

  std::unique_ptr<AtomicFile> file_;
  std::vector<std::byte> piece_;  // what is not written yet
  std::vector<uint64_t> checksums_;
};

}  // namespace qed

#endif  // QED_BUILDER_RANK_WRITER_H_

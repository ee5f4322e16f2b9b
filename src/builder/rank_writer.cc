#include "builder/rank_writer.h"

#include <algorithm>
#include <string_view>

#include "base/checksum.h"
#include "checkpoint/engine_folder.h"

namespace qed {

Result<RankWriter> RankWriter::Create(const std::string& path) {
  QED_ASSIGN_OR_RETURN(std::unique_ptr<AtomicFile> file, AtomicFile::Create(path));
  return RankWriter(std::move(file));
}

Status RankWriter::Write(std::span<const std::byte> bytes) {
  constexpr auto kPiece = static_cast<size_t>(kEnginePieceBytes);
  piece_.reserve(kPiece);
  while (!bytes.empty()) {
    const size_t count = std::min(bytes.size(), kPiece - piece_.size());
    piece_.insert(piece_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (piece_.size() == kPiece) QED_RETURN_IF_ERROR(Flush());
  }
  return OkStatus();
}

Status RankWriter::Flush() {
  checksums_.push_back(Checksum(piece_));
  const Status status =
      file_->Write(std::string_view(reinterpret_cast<const char*>(piece_.data()), piece_.size()));
  piece_.clear();
  return status;
}

Result<std::vector<uint64_t>> RankWriter::Finish() {
  if (!piece_.empty()) QED_RETURN_IF_ERROR(Flush());
  QED_RETURN_IF_ERROR(file_->Commit());
  return std::move(checksums_);
}

}  // namespace qed

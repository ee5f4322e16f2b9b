#include "fetch/part_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/file.h"
#include "base/system_error.h"

namespace qed {
namespace {

constexpr size_t kMaxListBytes = size_t{256} << 20;

std::string ListHead(int64_t size) { return "qed-part 1 " + std::to_string(size) + "\n"; }

}  // namespace

PartFile::PartFile(std::string path, int64_t size)
    : path_(std::move(path)),
      size_(size),
      chunks_(static_cast<size_t>((size + kChunkBytes - 1) / kChunkBytes), Chunk::kMissing) {}

Result<std::unique_ptr<PartFile>> PartFile::Open(const std::string& path, int64_t size) {
  std::unique_ptr<PartFile> part(new PartFile(path, size));
  struct stat info = {};
  if (::stat(path.c_str(), &info) == 0 && info.st_size == size) part->ReadList();
  part->resumed_ = part->done_ > 0;
  Status opened = part->resumed_ ? part->OpenFiles() : part->Restart();
  if (!opened.ok()) {
    if (!part->resumed_) part->Remove();
    return opened;
  }
  return part;
}

// A last line without its end, and whatever is no chunk's number, is left out.
void PartFile::ReadList() {
  const Result<std::string> text = ReadFile(ListPath(), kMaxListBytes);
  const std::string head = ListHead(size_);
  if (!text.ok() || !text->starts_with(head)) return;
  size_t begin = head.size();
  for (size_t end; (end = text->find('\n', begin)) != text->npos; begin = end + 1) {
    char* stop = nullptr;
    const auto chunk = std::strtoull(text->c_str() + begin, &stop, 10);
    if (stop != text->c_str() + end || chunk >= chunks_.size()) continue;
    if (std::exchange(chunks_[chunk], Chunk::kDone) == Chunk::kDone) continue;
    ++done_;
    done_bytes_ += ChunkSize(chunk);
  }
}

Status PartFile::OpenFiles() {
  file_.Reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (!file_.valid()) return SystemError("write", path_, errno);
  list_.Reset(::open(ListPath().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!list_.valid()) return SystemError("write", ListPath(), errno);
  return OkStatus();
}

Status PartFile::Restart() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::fill(chunks_.begin(), chunks_.end(), Chunk::kMissing);
  done_ = 0;
  done_bytes_ = 0;
  resumed_ = false;
  QED_RETURN_IF_ERROR(OpenFiles());
  const std::string head = ListHead(size_);
  if (::ftruncate(list_.get(), 0) != 0 ||
      ::write(list_.get(), head.data(), head.size()) != static_cast<ssize_t>(head.size())) {
    return SystemError("write", ListPath(), errno);
  }
  if (::ftruncate(file_.get(), size_) != 0) return SystemError("write", path_, errno);
  return OkStatus();
}

std::optional<PartFile::Range> PartFile::Take(int64_t max_bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto first = std::find(chunks_.begin(), chunks_.end(), Chunk::kMissing);
  if (first == chunks_.end()) return std::nullopt;
  Range range;
  range.begin = (first - chunks_.begin()) * kChunkBytes;
  range.end = range.begin;
  for (auto chunk = first; chunk != chunks_.end() && *chunk == Chunk::kMissing; ++chunk) {
    if (range.end > range.begin && range.end - range.begin >= max_bytes) break;
    *chunk = Chunk::kTaken;
    range.end = std::min(range.end + kChunkBytes, size_);
  }
  return range;
}

int64_t PartFile::ChunkSize(size_t chunk) const {
  return std::min(kChunkBytes, size_ - static_cast<int64_t>(chunk) * kChunkBytes);
}

Status PartFile::Write(int64_t offset, std::string_view bytes) {
  const int64_t begin = offset;
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_.get(), bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", path_, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  // A range begins with a chunk and is written from its front on: a chunk whose end was
  // passed is whole.
  std::string lines;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto chunk = static_cast<size_t>(begin / kChunkBytes); chunk < chunks_.size(); ++chunk) {
    if (static_cast<int64_t>(chunk) * kChunkBytes + ChunkSize(chunk) > offset) break;
    if (std::exchange(chunks_[chunk], Chunk::kDone) == Chunk::kDone) continue;
    ++done_;
    done_bytes_ += ChunkSize(chunk);
    lines += std::to_string(chunk) + "\n";
  }
  if (lines.empty()) return OkStatus();
  if (::write(list_.get(), lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) {
    return SystemError("write", ListPath(), errno);
  }
  return OkStatus();
}

void PartFile::GiveBack(Range range) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto chunk = static_cast<size_t>(range.begin / kChunkBytes);
       chunk < chunks_.size() && static_cast<int64_t>(chunk) * kChunkBytes < range.end; ++chunk) {
    if (chunks_[chunk] == Chunk::kTaken) chunks_[chunk] = Chunk::kMissing;
  }
}

bool PartFile::complete() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return done_ == chunks_.size();
}

int64_t PartFile::done_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return done_bytes_;
}

void PartFile::Remove() {
  ::unlink(path_.c_str());
  ::unlink(ListPath().c_str());
}

void PartFile::Seal() { ::unlink(ListPath().c_str()); }

}  // namespace qed

// Files: whole reads with a size limit, read-only mappings, and writes that are
// on disk when they return.
#ifndef QED_BASE_FILE_H_
#define QED_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"

namespace qed {

// The whole file. kNotFound, kIoError, or kResourceExhausted above `max_bytes`;
// messages name the path.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes = size_t{1} << 30);

// Writes beside the target, syncs, then renames over it: a reader sees the old
// or the new content, never a part.
Status WriteFileAtomic(const std::string& path, std::string_view content);

// A file written piece by piece that gets its name when it is whole: until Commit
// it lies beside the target, and it goes where Commit is never reached.
class AtomicFile {
 public:
  static Result<std::unique_ptr<AtomicFile>> Create(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Status Write(std::string_view bytes);
  // Syncs and renames. Nothing may be written after it.
  Status Commit();

 private:
  AtomicFile(std::string path, std::string temporary, UniqueFd fd);
  std::string path_;
  std::string temporary_;  // empty once it has been renamed
  UniqueFd fd_;
};

// A read-only mapping of a regular file. Unmapped by the destructor.
class MappedFile {
 public:
  static Result<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // Lets go of the memory of pages that lie wholly in `part`, where that is a part of this
  // mapping; they are read again when touched.
  void Forget(std::span<const std::byte> part) const;
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, const std::byte* data, size_t size);
  std::string path_;
  const std::byte* data_;
  size_t size_;
};

// A file that only grows, line by line. Not thread-safe.
class AppendFile {
 public:
  // Opens or creates. A torn last line (no newline: the process died while
  // writing it) is cut off first, so that the next line starts clean.
  static Result<std::unique_ptr<AppendFile>> Open(const std::string& path);
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // Appends `line` and a newline in one write and syncs it to disk before it
  // returns. On an error the file holds the line whole, torn or not at all.
  Status AppendLine(std::string_view line);

 private:
  AppendFile(std::string path, UniqueFd fd);
  std::string path_;
  UniqueFd fd_;
};

}  // namespace qed

#endif  // QED_BASE_FILE_H_

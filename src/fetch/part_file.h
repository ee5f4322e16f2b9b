// A file that comes in parts, in any order, and survives the end of the process.
#ifndef QED_FETCH_PART_FILE_H_
#define QED_FETCH_PART_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"

namespace qed {

// "<path>" has the bytes, at its full size from the start; "<path>.done" lists the chunks
// that are whole. After a crash of the machine that list may know of bytes that never
// reached the disk: whoever uses the file checks its digest. Thread-safe; one process at a
// time (the caller locks).
class PartFile {
 public:
  static constexpr int64_t kChunkBytes = int64_t{1} << 20;

  struct Range {
    int64_t begin = 0;
    int64_t end = 0;
  };

  // Goes on with what is there if it is for a file of that size.
  static Result<std::unique_ptr<PartFile>> Open(const std::string& path, int64_t size);

  // The first bytes that nobody has taken and that are missing, at most `max_bytes` of
  // them; none if there are none.
  std::optional<Range> Take(int64_t max_bytes);
  // Bytes of a range that was taken, from its front on.
  Status Write(int64_t offset, std::string_view bytes);
  // What is left of a range that was taken, from `range.begin` on; bytes of a chunk that is
  // not whole are lost.
  void GiveBack(Range range);

  bool complete() const;
  // Whether an earlier process has left some of it.
  bool resumed() const { return resumed_; }
  int64_t done_bytes() const;
  const std::string& path() const { return path_; }

  // Everything is missing again. REQUIRES: nothing is taken.
  Status Restart();
  // Takes both files away.
  void Remove();
  // Takes the list away, so that the bytes alone are left under path().
  void Seal();

 private:
  enum class Chunk : uint8_t { kMissing, kTaken, kDone };

  PartFile(std::string path, int64_t size);
  std::string ListPath() const { return path_ + ".done"; }
  Status OpenFiles();
  void ReadList();
  int64_t ChunkSize(size_t chunk) const;

  const std::string path_;
  const int64_t size_;
  bool resumed_ = false;
  UniqueFd file_;
  UniqueFd list_;
  mutable std::mutex mutex_;
  std::vector<Chunk> chunks_;  // under mutex_
  size_t done_ = 0;            // under mutex_
  int64_t done_bytes_ = 0;     // under mutex_
};

}  // namespace qed

#endif  // QED_FETCH_PART_FILE_H_

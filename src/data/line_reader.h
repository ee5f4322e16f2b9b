// Lines of a file or a pipe, a buffer at a time. Private to src/data.
#ifndef QED_DATA_LINE_READER_H_
#define QED_DATA_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"

namespace qed {

class LineReader {
 public:
  static Result<LineReader> Open(const std::string& path);

  // The first bytes, as far as there are so many. Before the first Next.
  Result<std::string_view> Peek(size_t count);

  // The next line without its newline (a carriage return before it stays), or none at
  // the end. Valid until the next call. Lines of more than `max_bytes` are an error.
  Result<std::optional<std::string_view>> Next(size_t max_bytes);

  const std::string& path() const { return path_; }
  int64_t number() const { return number_; }  // of the last line, from 1

 private:
  LineReader(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Status ReadMore();

  std::string path_;
  UniqueFd fd_;
  std::string buffer_;
  size_t begin_ = 0;  // of what was not handed out
  bool at_end_ = false;
  int64_t number_ = 0;
};

}  // namespace qed

#endif  // QED_DATA_LINE_READER_H_

#include "data/line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/system_error.h"

namespace qed {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;

}  // namespace

Result<LineReader> LineReader::Open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return SystemError("open", path, errno);
  return LineReader(path, std::move(fd));
}

Status LineReader::ReadMore() {
  buffer_.erase(0, std::exchange(begin_, 0));
  const size_t size = buffer_.size();
  buffer_.resize(size + kReadBytes);
  ssize_t got = 0;
  do {
    got = ::read(fd_.get(), buffer_.data() + size, kReadBytes);
  } while (got < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(size + static_cast<size_t>(got > 0 ? got : 0));
  if (got < 0) return SystemError("read", path_, error);
  at_end_ = got == 0;
  return OkStatus();
}

Result<std::string_view> LineReader::Peek(size_t count) {
  while (buffer_.size() < count && !at_end_) QED_RETURN_IF_ERROR(ReadMore());
  return std::string_view(buffer_).substr(0, count);
}

Result<std::optional<std::string_view>> LineReader::Next(size_t max_bytes) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (number_ == 0) {
    QED_ASSIGN_OR_RETURN(const std::string_view first, Peek(kByteOrderMark.size()));
    if (first == kByteOrderMark) begin_ = kByteOrderMark.size();
  }
  size_t searched = begin_;
  while (true) {
    const size_t end = buffer_.find('\n', searched);
    const size_t size = (end == buffer_.npos ? buffer_.size() : end) - begin_;
    if (size > max_bytes) {
      return InvalidArgument(path_ + " line " + std::to_string(number_ + 1) +
                             " is longer than the " + std::to_string(max_bytes) +
                             " bytes that are read of it");
    }
    if (end != buffer_.npos || (at_end_ && size > 0)) {
      const std::string_view line = std::string_view(buffer_).substr(begin_, size);
      begin_ += size + (end != buffer_.npos ? 1 : 0);
      ++number_;
      return std::optional(line);
    }
    if (at_end_) return std::optional<std::string_view>();
    QED_RETURN_IF_ERROR(ReadMore());
    searched = size;
  }
}

}  // namespace qed

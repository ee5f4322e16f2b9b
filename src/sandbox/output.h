// One output stream of a cell: cut while it is produced.
#ifndef QED_SANDBOX_OUTPUT_H_
#define QED_SANDBOX_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace qed {

class OutputStream {
 public:
  // Keeps what `max_characters` characters can need and no more.
  explicit OutputStream(int32_t max_characters);

  // Reads what the pipe `fd` holds, without blocking, at most 256 KiB a call.
  // False: its end, or nothing there.
  bool Read(int fd);
  // Far more than anyone will see was read: leave the writer blocked instead.
  bool flooded() const { return total_ > kMaxTotal; }

  // The text as it is shown: valid UTF-8 (bytes that are not become U+FFFD),
  // white space at the end replaced by one newline, cut to max_characters code
  // points plus "<output cut>".
  std::string Finish() const;

 private:
  static constexpr size_t kMaxTotal = size_t{64} << 20;

  size_t max_characters_;
  size_t max_kept_;
  size_t total_ = 0;
  std::string kept_;
};

}  // namespace qed

#endif  // QED_SANDBOX_OUTPUT_H_

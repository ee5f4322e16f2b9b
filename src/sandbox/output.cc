#include "sandbox/output.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace qed {
namespace {

constexpr char kCutMarker[] = "<output cut>";
constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD
constexpr size_t kMaxUtf8 = 4;

// Bytes of the well-formed UTF-8 sequence that `text` starts with; 0 if it
// starts with none (Unicode 15, table 3-7).
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  size_t length = 0;
  unsigned low = 0x80, high = 0xBF;  // of the second byte
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

}  // namespace

OutputStream::OutputStream(int32_t max_characters)
    : max_characters_(static_cast<size_t>(std::max(max_characters, 0))),
      max_kept_((max_characters_ + 1) * kMaxUtf8) {}

bool OutputStream::Read(int fd) {
  char buffer[1 << 16];
  for (int round = 0; round < 4; ++round) {
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got <= 0) return round > 0;
    const size_t size = static_cast<size_t>(got);
    total_ += size;
    kept_.append(buffer, std::min(size, max_kept_ - kept_.size()));
  }
  return true;
}

std::string OutputStream::Finish() const {
  std::string_view rest = kept_;
  const bool whole = total_ == kept_.size();
  if (whole) {
    const size_t last = rest.find_last_not_of(" \t\n\r\v\f");
    if (last == std::string_view::npos) return "";
    rest = rest.substr(0, last + 1);
  }
  std::string text;
  size_t characters = 0;
  for (; !rest.empty() && characters < max_characters_; ++characters) {
    const size_t length = SequenceLength(rest);
    text.append(length > 0 ? rest.substr(0, length) : kReplacement);
    rest.remove_prefix(std::max<size_t>(length, 1));
  }
  if (whole && rest.empty()) {
    // The newline counts as a character too.
    if (characters < max_characters_) return text + "\n";
  }
  return text + kCutMarker;
}

}  // namespace qed

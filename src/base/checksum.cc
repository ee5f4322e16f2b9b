#include "base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>
#include <cstdio>

namespace qed {

uint64_t Checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string ChecksumText(uint64_t checksum) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(checksum));
  return text;
}

Result<uint64_t> ParseChecksum(const std::string& text) {
  uint64_t checksum = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, checksum, 16);
  if (text.size() != 16 || error != std::errc() || stop != end) {
    return Corrupt("a checksum is 16 hexadecimal digits");
  }
  return checksum;
}

}  // namespace qed

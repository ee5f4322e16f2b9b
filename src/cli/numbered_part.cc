#include "cli/numbered_part.h"

#include <charconv>

namespace qed {

std::optional<NumberedPart> ReadNumberedPart(std::string_view text) {
  NumberedPart read;
  const char* const end = text.data() + text.size();
  const auto part = std::from_chars(text.data(), end, read.part);
  if (part.ec != std::errc() || part.ptr == end || *part.ptr != '/') return std::nullopt;
  const auto count = std::from_chars(part.ptr + 1, end, read.count);
  if (count.ec != std::errc() || count.ptr != end) return std::nullopt;
  return read;
}

}  // namespace qed

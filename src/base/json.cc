#include "base/json.h"

#include <algorithm>

#include "nlohmann/json.hpp"

namespace qed {
namespace {

constexpr size_t kMaxErrorLength = 200;

// Deepest nesting of brackets outside strings. Runs before the parser, which
// would build (and later have to print and free) whatever depth it is given.
int MaxDepth(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

// The library's message without its "[json.exception...]" tag, and fit for one
// line whatever bytes of the input it quotes.
std::string Describe(const nlohmann::json::exception& error) {
  std::string_view what = error.what();
  if (const size_t end = what.find("] "); what.starts_with('[') && end != what.npos) {
    what.remove_prefix(end + 2);
  }
  std::string line(what.substr(0, kMaxErrorLength));
  for (char& c : line) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return what.size() > kMaxErrorLength ? line + "..." : line;
}

}  // namespace

Result<nlohmann::json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return ResourceExhausted("JSON text of " + std::to_string(text.size()) + " bytes; at most " +
                             std::to_string(limits.max_bytes) + " are read");
  }
  if (MaxDepth(text) > limits.max_depth) {
    return ResourceExhausted("JSON nested deeper than " + std::to_string(limits.max_depth) +
                             " levels");
  }
  try {
    return nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    return Corrupt("not JSON at byte " + std::to_string(error.byte) + ": " + Describe(error));
  } catch (const nlohmann::json::exception& error) {
    return Corrupt("not JSON: " + Describe(error));
  }
}

std::string DumpJson(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace qed

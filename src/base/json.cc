#include "base/json.h"

#include <algorithm>

#include "nlohmann/json.hpp"

namespace qed {
namespace {

constexpr size_t kMaxErrorLength = 200;

struct JsonShape {
  int depth = 0;             // deepest nesting of brackets outside strings
  int64_t most_members = 0;  // of one object
};

// Runs before the parser, which would build (and later have to print and free)
// whatever it is given.
JsonShape Measure(std::string_view text, int max_depth) {
  JsonShape shape;
  struct Bracket {
    bool object;
    int64_t members;
  };
  std::vector<Bracket> open;
  bool in_string = false;
  for (size_t i = 0; i < text.size() && shape.depth <= max_depth; ++i) {
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
      open.push_back({c == '{', 1});
      shape.depth = std::max(shape.depth, static_cast<int>(open.size()));
    } else if ((c == ']' || c == '}') && !open.empty()) {
      open.pop_back();
    } else if (c == ',' && !open.empty()) {
      ++open.back().members;
      if (open.back().object) {
        shape.most_members = std::max(shape.most_members, open.back().members);
      }
    }
  }
  return shape;
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

template <typename Json>
Result<Json> ParseAs(std::string_view text, const JsonLimits& limits, int64_t max_members) {
  if (text.size() > limits.max_bytes) {
    return ResourceExhausted("JSON text of " + std::to_string(text.size()) + " bytes; at most " +
                             std::to_string(limits.max_bytes) + " are read");
  }
  const JsonShape shape = Measure(text, limits.max_depth);
  if (shape.depth > limits.max_depth) {
    return ResourceExhausted("JSON nested deeper than " + std::to_string(limits.max_depth) +
                             " levels");
  }
  if (shape.most_members > max_members) {
    return ResourceExhausted("a JSON object of more than " + std::to_string(max_members) +
                             " members");
  }
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    return Corrupt("not JSON at byte " + std::to_string(error.byte) + ": " + Describe(error));
  } catch (const nlohmann::json::exception& error) {
    return Corrupt("not JSON: " + Describe(error));
  }
}

template <typename Json>
std::string Dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<nlohmann::json> ParseJson(std::string_view text, const JsonLimits& limits) {
  return ParseAs<nlohmann::json>(text, limits, INT64_MAX);
}

Result<nlohmann::ordered_json> ParseOrderedJson(std::string_view text, const JsonLimits& limits) {
  return ParseAs<nlohmann::ordered_json>(text, limits, kMaxOrderedMembers);
}

std::string DumpJson(const nlohmann::json& value) { return Dump(value); }
std::string DumpJson(const nlohmann::ordered_json& value) { return Dump(value); }

}  // namespace qed

// Bounded JSON: hostile text in, a value or a one-line error out.
#ifndef QED_BASE_JSON_H_
#define QED_BASE_JSON_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "nlohmann/json_fwd.hpp"

namespace qed {

struct JsonLimits {
  size_t max_bytes = size_t{256} << 20;  // A large tokenizer.json has about 12 MB.
  int max_depth = 64;                    // Deep nesting would overflow the parser's stack.
};

// Parses exactly one JSON value. Errors say the byte offset and what was
// expected; never throws, never recurses deeper than `max_depth`.
Result<nlohmann::json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// The same, with the members of objects in the order of the text. Objects of more
// than kMaxOrderedMembers are an error: finding a member takes that many steps.
inline constexpr int64_t kMaxOrderedMembers = 512;
Result<nlohmann::ordered_json> ParseOrderedJson(std::string_view text,
                                                const JsonLimits& limits = {});

// One line of JSON. Invalid UTF-8 in strings comes out as U+FFFD.
std::string DumpJson(const nlohmann::json& value);
std::string DumpJson(const nlohmann::ordered_json& value);

}  // namespace qed

#endif  // QED_BASE_JSON_H_

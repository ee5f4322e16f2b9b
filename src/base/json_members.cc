#include "base/json_members.h"

#include "base/json.h"
#include "base/trim.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

// These walk over text that was parsed before.

// Behind the string that begins at `at`.
size_t SkipJsonString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

// At the comma or brace behind the member's value that begins at `at`.
size_t SkipJsonValue(std::string_view text, size_t at) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = SkipJsonString(text, at);
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}')) break;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++at;
  }
  return at;
}

}  // namespace

Result<std::map<std::string, std::string>> ParseJsonMembers(std::string_view text) {
  QED_ASSIGN_OR_RETURN(const nlohmann::json value, ParseJson(text));
  if (!value.is_object()) return InvalidArgument("is not a JSON object");
  std::map<std::string, std::string> members;
  size_t at = text.find('{') + 1;
  while ((at = text.find('"', at)) != std::string_view::npos) {
    const size_t name_end = SkipJsonString(text, at);
    QED_ASSIGN_OR_RETURN(const nlohmann::json name, ParseJson(text.substr(at, name_end - at)));
    const size_t begin = text.find(':', name_end) + 1;
    const size_t end = SkipJsonValue(text, begin);
    members[name.get<std::string>()] = std::string(TrimBlanks(text.substr(begin, end - begin)));
    at = end;
  }
  return members;
}

}  // namespace qed

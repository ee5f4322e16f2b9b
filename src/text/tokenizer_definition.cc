#include "text/tokenizer_definition.h"

#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {

std::string QuotedForMessage(std::string_view text) {
  constexpr size_t kMaxShown = 80;
  const std::string shown = DumpJson(nlohmann::json(std::string(text.substr(0, kMaxShown))));
  return text.size() > kMaxShown ? shown + "..." : shown;
}

}  // namespace qed

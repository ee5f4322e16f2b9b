#include "solve/stop_rule.h"

#include <charconv>
#include <string_view>

namespace qed {

Result<StopRule> StopRule::Parse(const std::string& text) {
  StopRule rule;
  if (text == "never") return rule;
  constexpr std::string_view kAgree = "agree:";
  if (text.starts_with(kAgree)) {
    const char* begin = text.data() + kAgree.size();
    const char* end = text.data() + text.size();
    const auto [parsed_to, error] = std::from_chars(begin, end, rule.agree);
    if (error == std::errc() && parsed_to == end && rule.agree >= 1) return rule;
  }
  return InvalidArgument("--stop-when is \"" + text + "\"; it must be never or agree:K, K from 1");
}

bool StopRule::Settled(const Tally& tally) const {
  return agree > 0 && !tally.votes.empty() && tally.votes.front().count >= agree;
}

}  // namespace qed

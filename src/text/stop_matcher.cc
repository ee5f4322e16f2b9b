#include "text/stop_matcher.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace qed {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

bool StopMatcher::Push(std::string_view text, std::string& out) {
  if (!matched_.empty()) return true;
  held_.append(text);
  size_t first_end = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t begin = held_.find(stop);
    if (begin == std::string::npos) continue;
    const size_t end = begin + stop.size();
    const bool better = end < first_end || (end == first_end && stop.size() > matched_.size());
    if (!better) continue;
    first_end = end;
    matched_ = stop;
  }
  if (!matched_.empty()) {
    out.append(held_, 0, first_end - matched_.size());
    held_.clear();
    return true;
  }
  const size_t kept = PossibleStart();
  out.append(held_, 0, held_.size() - kept);
  held_.erase(0, held_.size() - kept);
  return false;
}

size_t StopMatcher::PossibleStart() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    size_t length = std::min(stop.size() - 1, held_.size());
    while (length > longest &&
           !std::string_view(held_).ends_with(std::string_view(stop).substr(0, length))) {
      --length;
    }
    longest = std::max(longest, length);
  }
  return longest;
}

void StopMatcher::Finish(std::string& out) {
  out.append(held_);
  held_.clear();
}

}  // namespace qed

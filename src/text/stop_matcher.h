// Finds stop strings in text that arrives piece by piece. Text that could be
// the beginning of a stop string is held back until that is settled.
#ifndef QED_TEXT_STOP_MATCHER_H_
#define QED_TEXT_STOP_MATCHER_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace qed {

// One per sequence; not thread-safe.
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops);

  // Appends to `out` the text that cannot be part of a stop string any more.
  // True when one was found: `out` then ends before it, matched() names it, and
  // the matcher takes no more. Where several match, the one that ends first
  // wins, the longest of those that end together.
  bool Push(std::string_view text, std::string& out);
  // The end: appends what was held back.
  void Finish(std::string& out);

  const std::string& matched() const { return matched_; }

 private:
  // Bytes at the end of held_ that could begin a stop string.
  size_t PossibleStart() const;

  std::vector<std::string> stops_;
  std::string held_;
  std::string matched_;
};

}  // namespace qed

#endif  // QED_TEXT_STOP_MATCHER_H_

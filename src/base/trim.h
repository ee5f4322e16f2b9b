// Text without the blanks around it.
#ifndef QED_BASE_TRIM_H_
#define QED_BASE_TRIM_H_

#include <string_view>

namespace qed {

// What JSON and HTTP call white space: blank, tab, carriage return, newline.
inline constexpr std::string_view kBlanks = " \t\r\n";

// `text` without kBlanks at both ends; a view of nothing where there is nothing else.
// Unicode's white space: TrimSpace (text/unicode.h).
inline std::string_view TrimBlanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

}  // namespace qed

#endif  // QED_BASE_TRIM_H_

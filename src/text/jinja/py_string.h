// Python's operations on strings: they count characters, not bytes.
#ifndef QED_TEXT_JINJA_PY_STRING_H_
#define QED_TEXT_JINJA_PY_STRING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace qed::jinja {

int64_t CountChars(std::string_view text);
std::vector<std::string_view> SplitChars(std::string_view text);

// Errors: letters outside of ASCII, for which there is no table here.
Result<std::string> Upper(std::string_view text);
Result<std::string> Lower(std::string_view text);
Result<std::string> Capitalize(std::string_view text);  // first letter up, others down
Result<std::string> Title(std::string_view text);       // of every run of letters

// Which ends to strip: of the characters in `chars`, or white space if it is null.
enum class Ends { kLeft, kRight, kBoth };
std::string_view Strip(std::string_view text, const std::string* chars, Ends ends);

// At most `limit` splits, all if it is negative; with a null separator at runs of
// white space, without empty pieces.
std::vector<std::string_view> Split(std::string_view text, const std::string* separator,
                                    int64_t limit);
std::vector<std::string_view> RSplit(std::string_view text, const std::string* separator,
                                     int64_t limit);
std::vector<std::string_view> SplitLines(std::string_view text);
// At most `limit` replacements, all if it is negative.
std::string Replace(std::string_view text, std::string_view from, std::string_view to,
                    int64_t limit);

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_PY_STRING_H_

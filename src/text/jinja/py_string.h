// Python's operations on strings: they count characters, not bytes. All take time
// in proportion to the lengths of their operands, whatever these hold, and make
// what they make through builders (budget.h).
#ifndef QED_TEXT_JINJA_PY_STRING_H_
#define QED_TEXT_JINJA_PY_STRING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "text/jinja/budget.h"
#include "text/unicode.h"

namespace qed::jinja {

int64_t CountChars(std::string_view text);
// Calls `each` with every character's bytes.
template <typename Each>
void ForEachChar(std::string_view text, Each each) {
  for (size_t pos = 0; pos < text.size();) {
    const uint32_t length = DecodeUtf8(text, pos).length;
    each(text.substr(pos, length));
    pos += length;
  }
}

// Where the piece first or last begins; npos: nowhere.
size_t FindPiece(std::string_view text, std::string_view piece);
size_t FindLastPiece(std::string_view text, std::string_view piece);
// How often the piece is there, without overlaps. REQUIRES: it is not empty.
int64_t CountPieces(std::string_view text, std::string_view piece);

// Errors: letters outside of ASCII, for which there is no table here.
Status Upper(std::string_view text, TextBuilder& out);
Status Lower(std::string_view text, TextBuilder& out);
Status Capitalize(std::string_view text, TextBuilder& out);  // first letter up, others down
Status Title(std::string_view text, TextBuilder& out);       // of every run of letters
// Jinja's title(): words begin behind white space and opening brackets only.
Status TitleWords(std::string_view text, TextBuilder& out);

// Which ends to strip: of the characters in `chars`, or white space if it is null.
enum class Ends { kLeft, kRight, kBoth };
std::string_view Strip(std::string_view text, const std::string* chars, Ends ends);

// At most `limit` splits, all if it is negative; with a null separator at runs of
// white space, without empty pieces. REQUIRES: the separator is not empty.
void Split(std::string_view text, const std::string* separator, int64_t limit, ListBuilder& out);
void RSplit(std::string_view text, const std::string* separator, int64_t limit, ListBuilder& out);
void SplitLines(std::string_view text, ListBuilder& out);
// Each line behind the margin, but for the first and for empty ones unless asked
// for. A line end at the end of the text stays.
void IndentLines(std::string_view text, std::string_view margin, bool first, bool blank,
                 TextBuilder& out);
// At most `limit` replacements, all if it is negative.
void Replace(std::string_view text, std::string_view from, std::string_view to, int64_t limit,
             TextBuilder& out);

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_PY_STRING_H_

// UTF-8 and character classes, as Hugging Face `tokenizers` sees them.
#ifndef QED_TEXT_UNICODE_H_
#define QED_TEXT_UNICODE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace qed {

// What an invalid byte b decodes to: a code above all of Unicode, in no class,
// which AppendUtf8 turns back into the byte.
constexpr uint32_t kInvalidByte = 0x110000;

struct DecodedChar {
  uint32_t code;    // a Unicode scalar value, or kInvalidByte + byte
  uint32_t length;  // bytes: 1..4
};

// The character at `pos`. REQUIRES: pos < text.size().
DecodedChar DecodeUtf8(std::string_view text, size_t pos);

// Start of the character that ends before `pos`. REQUIRES: 0 < pos <= size.
size_t PreviousChar(std::string_view text, size_t pos);

// Bytes at the end of `text` that could be the beginning of one longer, valid
// character: 0..3.
size_t IncompleteUtf8Suffix(std::string_view text);

void AppendUtf8(uint32_t code, std::string& out);

// `text` without the white space at both ends, as Python's str.strip() sees it:
// \s and the four separators U+001C to U+001F.
std::string_view TrimSpace(std::string_view text);

// Appends `text` with every maximal invalid piece replaced by U+FFFD.
void AppendValidUtf8(std::string_view text, std::string& out);

bool IsLetter(uint32_t code);   // \p{L}
bool IsNumber(uint32_t code);   // \p{N}
bool IsNumeric(uint32_t code);  // what the pre-tokenizer Digits takes: \p{N} of a later Unicode
bool IsSpace(uint32_t code);    // \s
bool IsWord(uint32_t code);     // \w

}  // namespace qed

#endif  // QED_TEXT_UNICODE_H_

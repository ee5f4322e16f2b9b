#include "text/pretokenize.h"

#include <cstddef>
#include <cstdint>

#include "text/unicode.h"

namespace qed {
namespace {

bool IsLineEnd(uint32_t code) { return code == '\r' || code == '\n'; }

// [^\s\p{L}\p{N}]
bool IsOther(uint32_t code) { return !IsSpace(code) && !IsLetter(code) && !IsNumber(code); }

// Where the run of characters that satisfy `in_class` ends, of at most `limit`
// characters.
template <typename Class>
size_t SkipWhile(std::string_view text, size_t pos, Class in_class, size_t limit = SIZE_MAX) {
  while (pos < text.size() && limit-- > 0) {
    const DecodedChar c = DecodeUtf8(text, pos);
    if (!in_class(c.code)) break;
    pos += c.length;
  }
  return pos;
}

// \s+(?!\S)|\s+ at white space: the whole run at the end of the text, else the
// run without its last character, which goes with the word that follows.
size_t EndOfSpaces(std::string_view text, size_t pos) {
  const size_t end = SkipWhile(text, pos, IsSpace);
  if (end == text.size()) return end;
  const size_t last = PreviousChar(text, end);
  return last > pos ? last : end;
}

// 's|'t|'re|'ve|'m|'ll|'d at an apostrophe, or `pos` if there is none of them;
// with `any_case` (?i:...), to which U+017F, the long s, is an s.
size_t EndOfContraction(std::string_view text, size_t pos, bool any_case) {
  const auto letter = [&](size_t at) -> char {
    if (at >= text.size()) return 0;
    const char c = text[at];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  };
  const char first = letter(pos + 1);
  const char second = letter(pos + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return pos + 2;
  if ((first == 'r' || first == 'v') && second == 'e') return pos + 3;
  if (first == 'l' && second == 'l') return pos + 3;
  if (any_case && text.substr(pos + 1, 2) == "\u017F") return pos + 3;
  return pos;
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t EndOfGpt2Word(std::string_view text, size_t pos) {
  if (text[pos] == '\'') {
    const size_t end = EndOfContraction(text, pos, /*any_case=*/false);
    if (end > pos) return end;
  }
  const size_t start = text[pos] == ' ' ? pos + 1 : pos;
  if (start == text.size()) return start;
  const uint32_t code = DecodeUtf8(text, start).code;
  if (IsLetter(code)) return SkipWhile(text, start, IsLetter);
  if (IsNumber(code)) return SkipWhile(text, start, IsNumber);
  if (!IsSpace(code)) return SkipWhile(text, start, IsOther);
  return EndOfSpaces(text, pos);
}

// The end of [^\r\n\p{L}\p{N}]?\p{L}+, or `pos`.
size_t EndOfLetters(std::string_view text, size_t pos, const DecodedChar& c) {
  if (IsLetter(c.code)) return SkipWhile(text, pos, IsLetter);
  if (IsLineEnd(c.code) || IsNumber(c.code)) return pos;
  const size_t start = pos + c.length;
  const size_t end = SkipWhile(text, start, IsLetter);
  return end > start ? end : pos;
}

// The end of \s*[\r\n]+, or `pos`: the white space up to its last line end.
size_t EndOfLines(std::string_view text, size_t pos) {
  size_t line_end = pos;
  while (pos < text.size()) {
    const DecodedChar c = DecodeUtf8(text, pos);
    if (!IsSpace(c.code)) break;
    pos += c.length;
    if (IsLineEnd(c.code)) line_end = pos;
  }
  return line_end;
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
//  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
// with `max_digits` in place of the 3.
size_t EndOfLlama3Word(std::string_view text, size_t pos, size_t max_digits) {
  if (text[pos] == '\'') {
    const size_t end = EndOfContraction(text, pos, /*any_case=*/true);
    if (end > pos) return end;
  }
  const DecodedChar c = DecodeUtf8(text, pos);
  if (const size_t end = EndOfLetters(text, pos, c); end > pos) return end;
  if (IsNumber(c.code)) return SkipWhile(text, pos, IsNumber, max_digits);
  const size_t start = c.code == ' ' ? pos + 1 : pos;
  if (const size_t end = SkipWhile(text, start, IsOther); end > start) {
    return SkipWhile(text, end, IsLineEnd);
  }
  if (const size_t end = EndOfLines(text, pos); end > pos) return end;
  return EndOfSpaces(text, pos);
}

size_t EndOfWord(PreTokenizer::Pattern pattern, std::string_view text, size_t pos) {
  switch (pattern) {
    case PreTokenizer::Pattern::kNone:
      return text.size();
    case PreTokenizer::Pattern::kGpt2:
      return EndOfGpt2Word(text, pos);
    case PreTokenizer::Pattern::kLlama3:
      return EndOfLlama3Word(text, pos, 3);
    case PreTokenizer::Pattern::kQwen2:
      return EndOfLlama3Word(text, pos, 1);
  }
  return text.size();
}

void CutByPattern(PreTokenizer::Pattern pattern, std::string_view text,
                  std::vector<std::string_view>& words) {
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = EndOfWord(pattern, text, pos);
    words.push_back(text.substr(pos, end - pos));
    pos = end;
  }
}

}  // namespace

void PreTokenize(const PreTokenizer& pre_tokenizer, std::string_view text,
                 std::vector<std::string_view>& words) {
  if (pre_tokenizer.digits == PreTokenizer::Digits::kNone) {
    CutByPattern(pre_tokenizer.pattern, text, words);
    return;
  }
  const size_t run = pre_tokenizer.digits == PreTokenizer::Digits::kSingle ? 1 : SIZE_MAX;
  for (size_t pos = 0; pos < text.size();) {
    size_t end = SkipWhile(text, pos, IsNumeric, run);
    if (end == pos) end = SkipWhile(text, pos, [](uint32_t c) { return !IsNumeric(c); });
    CutByPattern(pre_tokenizer.pattern, text.substr(pos, end - pos), words);
    pos = end;
  }
}

}  // namespace qed

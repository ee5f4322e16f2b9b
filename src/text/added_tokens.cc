#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "text/unicode.h"

namespace qed {
namespace {

uint8_t ByteAt(std::string_view text, size_t pos) { return static_cast<uint8_t>(text[pos]); }

bool BetweenWords(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && IsWord(DecodeUtf8(text, PreviousChar(text, begin)).code)) return false;
  return end == text.size() || !IsWord(DecodeUtf8(text, end).code);
}

// Where the white space before `begin` starts, not before `floor`.
size_t StripLeft(std::string_view text, size_t begin, size_t floor) {
  while (begin > floor) {
    const size_t previous = PreviousChar(text, begin);
    if (!IsSpace(DecodeUtf8(text, previous).code)) break;
    begin = previous;
  }
  return begin;
}

size_t StripRight(std::string_view text, size_t end) {
  while (end < text.size()) {
    const DecodedChar c = DecodeUtf8(text, end);
    if (!IsSpace(c.code)) break;
    end += c.length;
  }
  return end;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.text.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.text < b.text; });
  if (tokens_.empty()) return;
  first_byte_.assign(257, 0);
  for (const AddedToken& token : tokens_) ++first_byte_[ByteAt(token.text, 0) + 1];
  for (size_t byte = 0; byte < 256; ++byte) first_byte_[byte + 1] += first_byte_[byte];
}

const AddedToken* AddedTokenMatcher::LongestAt(std::string_view text, size_t pos) const {
  const AddedToken* longest = nullptr;
  auto low = tokens_.begin() + static_cast<ptrdiff_t>(first_byte_[ByteAt(text, pos)]);
  auto high = tokens_.begin() + static_cast<ptrdiff_t>(first_byte_[ByteAt(text, pos) + 1]);
  // Tokens in [low, high) share their first `length` bytes with the text; those
  // that have no more come first.
  for (size_t length = 1; low != high; ++length) {
    for (; low != high && low->text.size() == length; ++low) longest = &*low;
    if (pos + length == text.size()) break;
    const uint8_t byte = ByteAt(text, pos + length);
    low = std::lower_bound(low, high, byte, [length](const AddedToken& token, uint8_t b) {
      return ByteAt(token.text, length) < b;
    });
    high = std::upper_bound(low, high, byte, [length](uint8_t b, const AddedToken& token) {
      return b < ByteAt(token.text, length);
    });
  }
  return longest;
}

void AddedTokenMatcher::Split(std::string_view text, bool match_special,
                              std::vector<AddedTokenSpan>& spans) const {
  size_t done = 0;
  for (size_t pos = 0; pos < text.size() && !tokens_.empty();) {
    const AddedToken* token = LongestAt(text, pos);
    if (token == nullptr) {
      ++pos;
      continue;
    }
    size_t begin = pos;
    size_t end = pos += token->text.size();
    if (token->special && !match_special) continue;
    if (token->single_word && !BetweenWords(text, begin, end)) continue;
    if (token->lstrip) begin = begin > done ? StripLeft(text, begin, done) : done;
    if (token->rstrip) end = StripRight(text, std::max(end, done));
    end = std::max(end, begin);
    if (done < begin) spans.push_back({text.substr(done, begin - done), -1});
    spans.push_back({text.substr(begin, end - begin), token->id});
    done = end;
  }
  if (done < text.size()) spans.push_back({text.substr(done), -1});
}

}  // namespace qed

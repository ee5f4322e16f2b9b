// Added tokens: texts that are found in the input before anything else happens
// to it (or right after normalization) and are one token each.
#ifndef QED_TEXT_ADDED_TOKENS_H_
#define QED_TEXT_ADDED_TOKENS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qed {

// The flags have the meaning they have in tokenizer.json.
struct AddedToken {
  int32_t id = -1;
  std::string text;
  bool special = false;      // a control token: can be left out in decoding
  bool single_word = false;  // not beside a word character
  bool lstrip = false;       // takes the white space on its left
  bool rstrip = false;       // takes the white space on its right
  bool normalized = false;   // looked for in normalized text
};

// A stretch of the input: one added token, or text between them.
struct AddedTokenSpan {
  std::string_view text;
  int32_t id = -1;  // -1: text between added tokens
};

// Finds a fixed set of added tokens: from left to right, at each place the
// longest. Immutable.
class AddedTokenMatcher {
 public:
  AddedTokenMatcher() = default;
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  // Appends the spans of `text`, in order. Without `match_special`, special
  // tokens stay part of the text.
  void Split(std::string_view text, bool match_special, std::vector<AddedTokenSpan>& spans) const;

 private:
  // The longest token that `text` has at `pos`; nullptr: none.
  const AddedToken* LongestAt(std::string_view text, size_t pos) const;

  std::vector<AddedToken> tokens_;  // by text, in the order of bytes
  std::vector<size_t> first_byte_;  // [257]: where tokens with a first byte begin in tokens_
};

}  // namespace qed

#endif  // QED_TEXT_ADDED_TOKENS_H_

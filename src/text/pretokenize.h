// Pre-tokenizers: cut text into the words that BPE merges within. Written out
// by hand, one function per published regular expression, so that the Unicode
// version is ours to choose and no input makes them backtrack: every byte is
// looked at a bounded number of times.
#ifndef QED_TEXT_PRETOKENIZE_H_
#define QED_TEXT_PRETOKENIZE_H_

#include <string_view>
#include <vector>

namespace qed {

// How text is cut, in this order. What the fields say is what the sequence of
// pre-tokenizers in a tokenizer.json says.
struct PreTokenizer {
  enum class Digits { kNone, kRuns, kSingle };
  enum class Pattern {
    kNone,    // everything is one word
    kGpt2,    // ByteLevel's own pattern
    kLlama3,  // numbers of up to three digits
    kQwen2,   // numbers of one digit
  };
  Digits digits = Digits::kNone;  // cut off runs of digits, or each digit, first
  Pattern pattern = Pattern::kNone;
};

// Appends the words of `text`, in order and without gaps. The views point into
// `text`. Invalid bytes count as characters that are neither letter, number nor
// white space.
void PreTokenize(const PreTokenizer& pre_tokenizer, std::string_view text,
                 std::vector<std::string_view>& words);

}  // namespace qed

#endif  // QED_TEXT_PRETOKENIZE_H_

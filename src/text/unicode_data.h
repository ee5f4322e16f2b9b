// Tables of tools/gen_unicode.py. All sorted by their first column.
#ifndef QED_TEXT_UNICODE_DATA_H_
#define QED_TEXT_UNICODE_DATA_H_

#include <cstdint>
#include <span>

namespace qed {

struct CodeRange {
  uint32_t first, last;  // inclusive
};
struct CombiningRange {
  uint32_t first, last;
  uint32_t combining_class;  // 1..254
};
struct Decomposition {
  uint32_t code, first, second;  // second 0: maps to one code point
};
struct Composition {
  uint32_t first, second, code;  // sorted by first, then second
};

extern const std::span<const CodeRange> kLetterRanges;   // \p{L}
extern const std::span<const CodeRange> kNumberRanges;   // \p{N} of the regular expressions
extern const std::span<const CodeRange> kNumericRanges;  // what the Digits pre-tokenizer splits
extern const std::span<const CodeRange> kSpaceRanges;    // \s
extern const std::span<const CodeRange> kWordRanges;     // \w of single-word added tokens
extern const std::span<const CombiningRange> kCombiningRanges;
extern const std::span<const Decomposition> kDecompositions;  // canonical, without Hangul
extern const std::span<const Composition> kCompositions;      // primary, without Hangul

}  // namespace qed

#endif  // QED_TEXT_UNICODE_DATA_H_

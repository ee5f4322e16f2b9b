// Answers: taken out of a solution's text, and brought to one form so that
// equal answers vote together and can be compared with the expected one.
#ifndef QED_SOLVE_ANSWER_H_
#define QED_SOLVE_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qed {

// A longer one is not an answer but a model that has lost its way.
inline constexpr size_t kMaxAnswerBytes = 1000;

// The content of the last `\boxed{...}` whose braces balance (`\boxed 5` counts
// too), trimmed. None where there is no such box, or it is empty or longer than
// kMaxAnswerBytes.
std::optional<std::string> ExtractBoxedAnswer(std::string_view text);

// The form under which answers are counted and compared. Math delimiters,
// spacing and sizing commands, units in \text, a degree or percent sign after a
// number and a leading "x =" go; numbers in simple forms (integers with
// thousands separators or leading zeros, decimals, fractions, mixed numbers)
// become an integer or a reduced fraction, exactly. Anything else stays text
// without spaces.
std::string NormalizeAnswer(std::string_view answer);

// The remainder, from 0 to modulo - 1, of a normalised answer that is a whole
// number of any length: how contests with answers 0..999 read them (modulo 1000).
// None for anything else. REQUIRES: 1 <= modulo <= kMaxAnswerModulo.
inline constexpr int64_t kMaxAnswerModulo = 1'000'000'000;
std::optional<std::string> AnswerModulo(std::string_view normalized, int64_t modulo);

}  // namespace qed

#endif  // QED_SOLVE_ANSWER_H_

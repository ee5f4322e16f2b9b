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

// The content of the last `\boxed{...}` whose braces balance and that is not empty
// (`\boxed 5` counts too), trimmed. None where there is no such box of at most
// kMaxAnswerBytes.
std::optional<std::string> ExtractBoxedAnswer(std::string_view text);

// The form under which answers are counted and compared: answers of one form mean the
// same. What is plainly a number (an integer with thousands separators or leading zeros, a
// decimal, a fraction, a mixed number; with a sign of money, degrees or percent) becomes
// an integer, a reduced fraction or a decimal, exactly. Of anything else the text stays,
// without delimiters, sizing and white space that says nothing; whether it equals
// another form is a question for solve/answer_comparer.h.
std::string NormalizeAnswer(std::string_view answer);

// The remainder, from 0 to modulo - 1, of a normalised answer that is a whole
// number of any length, said of a letter ("n=5") or with a common unit or not: how contests with
// answers 0..999 read them (modulo 1000). None for anything else. REQUIRES: 1 <= modulo <=
// kMaxAnswerModulo.
inline constexpr int64_t kMaxAnswerModulo = 1'000'000'000;
std::optional<std::string> AnswerModulo(std::string_view normalized, int64_t modulo);

}  // namespace qed

#endif  // QED_SOLVE_ANSWER_H_

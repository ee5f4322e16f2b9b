// Exact reading of plainly written numbers.
#ifndef QED_SOLVE_NUMBER_H_
#define QED_SOLVE_NUMBER_H_

#include <optional>
#include <string>
#include <string_view>

namespace qed {

// The canonical text of a number written as an integer ("007", "1,234"), a
// decimal (".50"), a fraction ("6/8", "1.5/2") or a mixed number ("1 1/2"), with
// an optional sign: "7", "1234", "1/2", "3/4", "3/2"; "3.14159" where the
// denominator would be above 1000 and the decimal ends. None for anything else,
// division by zero included. Integers may be of any length; a number too long
// for exact 64-bit parts keeps its decimal form without needless zeros.
std::optional<std::string> CanonicalNumber(std::string_view text);

}  // namespace qed

#endif  // QED_SOLVE_NUMBER_H_

// Names near to one that does not exist.
#ifndef QED_CLI_NEAREST_H_
#define QED_CLI_NEAREST_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace qed {

// Letters to insert, delete, replace or swap with a neighbour to make `b` of `a`.
size_t EditDistance(std::string_view a, std::string_view b);

// At most three of `known` that `name` may stand for, the likeliest first: few edits
// away, or with `name` as a part.
std::vector<std::string> NearestNames(std::string_view name, const std::vector<std::string>& known);

}  // namespace qed

#endif  // QED_CLI_NEAREST_H_

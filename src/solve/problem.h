// Problems: one JSON object per line of a file.
#ifndef QED_SOLVE_PROBLEM_H_
#define QED_SOLVE_PROBLEM_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace qed {

inline constexpr size_t kMaxProblemsFileBytes = size_t{256} << 20;
inline constexpr size_t kMaxProblemBytes = size_t{1} << 18;
inline constexpr size_t kMaxProblemIdBytes = 256;

struct Problem {
  std::string id;  // "id" of the line, else the line's number
  std::string text;
  std::optional<std::string> expected_answer;
  // Every other string or number of the line by its key: what a prompt may ask for.
  std::map<std::string, std::string> fields;
  std::string json;  // the line itself: results repeat its keys
};

// Errors name the file and the line. Blank lines are skipped; ids must differ;
// a file without problems is an error.
Result<std::vector<Problem>> ReadProblems(const std::string& path);
// The same of text already read; `name` stands for the file in errors.
Result<std::vector<Problem>> ParseProblems(std::string_view text, const std::string& name);

}  // namespace qed

#endif  // QED_SOLVE_PROBLEM_H_

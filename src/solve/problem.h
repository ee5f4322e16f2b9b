// Problems: the rows of a file (data/table_reader.h).
#ifndef QED_SOLVE_PROBLEM_H_
#define QED_SOLVE_PROBLEM_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/data_config.h"
#include "data/table_reader.h"

namespace qed {

inline constexpr size_t kMaxProblemsFileBytes = size_t{256} << 20;
inline constexpr size_t kMaxProblemBytes = size_t{1} << 18;
inline constexpr size_t kMaxProblemIdBytes = 256;

struct Problem {
  std::string id;    // "id" of the row, else its number
  std::string text;  // also as fields["problem"], whatever its column is called
  std::optional<std::string> expected_answer;
  // Every other string or number of the row by its key: what a prompt may ask for.
  std::map<std::string, std::string> fields;
  std::string json;  // the row as one line of JSON: results repeat its keys
};

// The problem of a row. Where `names` leaves a column open, the first that is there of
// problem, question, prompt, input, and of expected_answer, answer, final_answer is taken;
// an answer that ends with "#### 42", as GSM8K has them, is what stands behind the mark.
// Errors name the column, or list those that there are.
Result<Problem> MakeProblem(const TableRow& row, const ProblemFields& names);

// The solution in a row: the column `name`, or if that is empty the first that is there of
// generation, generated_solution, solution, and an answer of GSM8K's kind. Errors as above.
Result<std::string> FindSolution(const TableRow& row, const std::string& name);

// The first `max_problems` of a file (0: all). Errors name the file and the line or row;
// ids must differ; a file without problems is an error.
Result<std::vector<Problem>> ReadProblems(const std::string& path, const ProblemFields& names = {},
                                          int64_t max_problems = 0);

}  // namespace qed

#endif  // QED_SOLVE_PROBLEM_H_

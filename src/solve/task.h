// Problems made ready for the generator.
#ifndef QED_SOLVE_TASK_H_
#define QED_SOLVE_TASK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "solve/generator.h"
#include "solve/problem.h"
#include "text/prompt.h"

namespace qed {

struct SolveTask {
  std::string prompt;  // the whole text up to where the model begins
  int32_t prompt_tokens = 0;
};

struct TaskOptions {
  PromptTemplate prompt;
  ChatWrapper wrapper;
  std::optional<std::string> system;  // instead of the prompt's own
  int32_t max_code_calls = 0;         // fills {total_code_executions}
};

// The text up to where the model begins. `fields` are those of the prompt, beside
// {examples} (empty) and {total_code_executions}. An error names a field that is
// missing.
Result<std::string> MakePrompt(std::map<std::string, std::string> fields,
                               const TaskOptions& options);

// One task per problem, in their order. The fields of a prompt are the keys of
// the problem's line, {examples} (empty) and {total_code_executions}. Errors
// name the problem: a field that it lacks, a prompt as long as the context.
Result<std::vector<SolveTask>> PrepareTasks(const std::vector<Problem>& problems,
                                            const TaskOptions& options, const Generator& generator);

}  // namespace qed

#endif  // QED_SOLVE_TASK_H_

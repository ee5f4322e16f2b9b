#include "solve/task.h"

#include <utility>

namespace qed {
namespace {

Result<SolveTask> PrepareTask(const Problem& problem, const TaskOptions& options,
                              const Generator& generator) {
  SolveTask task;
  QED_ASSIGN_OR_RETURN(task.prompt, MakePrompt(problem.fields, options));
  task.prompt_tokens = generator.CountTokens(task.prompt);
  if (task.prompt_tokens >= generator.max_seq_len()) {
    return InvalidArgument("its prompt has " + std::to_string(task.prompt_tokens) +
                           " tokens, but the context holds " +
                           std::to_string(generator.max_seq_len()) +
                           ": shorten it, or raise --max-seq-len if the model allows");
  }
  return task;
}

}  // namespace

Result<std::string> MakePrompt(std::map<std::string, std::string> fields,
                               const TaskOptions& options) {
  fields.emplace("examples", "");
  fields.emplace("total_code_executions", std::to_string(options.max_code_calls));
  QED_ASSIGN_OR_RETURN(const std::string user, options.prompt.Fill(fields));
  return options.wrapper.Wrap(options.system ? options.system : options.prompt.system, user);
}

Result<std::vector<SolveTask>> PrepareTasks(const std::vector<Problem>& problems,
                                            const TaskOptions& options,
                                            const Generator& generator) {
  std::vector<SolveTask> tasks;
  for (const Problem& problem : problems) {
    Result<SolveTask> task = PrepareTask(problem, options, generator);
    if (!task.ok()) return task.status().WithPrefix("problem \"" + problem.id + "\"");
    tasks.push_back(*std::move(task));
  }
  return tasks;
}

}  // namespace qed

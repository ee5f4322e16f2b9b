// What the flags of `qed solve` say: checked, and turned into what the solver takes.
#ifndef QED_CLI_SOLVE_PLAN_H_
#define QED_CLI_SOLVE_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/model_session.h"
#include "cli/text_source.h"
#include "config/data_config.h"
#include "config/remote_config.h"
#include "config/sampling_params.h"
#include "config/sandbox_config.h"
#include "config/solve_config.h"
#include "solve/generator.h"
#include "solve/outcome.h"
#include "solve/problem.h"
#include "solve/run_settings.h"
#include "solve/solver.h"
#include "solve/stop_rule.h"
#include "solve/time_bank.h"
#include "text/prompt.h"

namespace qed {

struct SolveFlags {
  std::string problems;
  ProblemFields fields;
  ModelFlags model;
  RemoteConfig remote;
  SolveConfig solve;
  SamplingParams sampling = DefaultSolveSampling();
  SandboxConfig sandbox;
  std::string shard;  // "i/n": the i-th of n parts of the problems, from 1; empty: all
  std::optional<std::string> system;
  // In these "\n" stands for a newline. The tags replace the prompt file's.
  std::optional<std::string> code_begin, code_end, output_begin, output_end;
  std::vector<std::string> stop;
};

// Problem number n, from 0, is solved where n mod `count` is `index`.
struct Shard {
  int32_t index = 0;
  int32_t count = 1;
};

// What the flags say, checked, before anything slow happens.
struct SolvePlan {
  std::vector<Problem> problems;  // of all shards
  Shard shard;
  PromptTemplate prompt;
  StopRule stop;
  TimeLimits time;
  VoteWeighting vote = VoteWeighting::kNone;
  std::optional<PromptTemplate> select_prompt;  // none: the vote decides
  int32_t max_code_calls = 0;                   // 0 without a sandbox
};

// Reads the problems and prompts. Errors name the flag or the file.
Result<SolvePlan> MakePlan(const SolveFlags& flags);

// Everything that a sample depends on.
Result<RunSettings> CollectSettings(const SolveFlags& flags, const SolvePlan& plan,
                                    const ChatWrapper& wrapper, const TextSource& source);

SolverOptions MakeSolverOptions(const SolveFlags& flags, const SolvePlan& plan,
                                const ChatWrapper& wrapper, const Generator& generator);

}  // namespace qed

#endif  // QED_CLI_SOLVE_PLAN_H_

// What a run of `qed solve` works with: opened once, however many solvers and folders follow.
#ifndef QED_CLI_SOLVE_WORK_H_
#define QED_CLI_SOLVE_WORK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/solve_plan.h"
#include "cli/text_source.h"
#include "sandbox/client.h"
#include "solve/problem_queue.h"
#include "solve/progress.h"
#include "solve/run_settings.h"
#include "solve/sample_store.h"
#include "solve/sandbox_comparer.h"
#include "solve/solver.h"
#include "solve/task.h"

namespace qed {

class SolveWork {
 public:
  // `flags` must outlive it. Starts no sandbox.
  static Result<std::unique_ptr<SolveWork>> Open(const SolveFlags& flags);

  // Does nothing where there is one already.
  Status StartSandbox();

  const SolveFlags& flags() const { return flags_; }
  const SolvePlan& plan() const { return plan_; }
  const RunSettings& settings() const { return settings_; }
  TextSource& source() { return *source_; }

  // Cuts a sample's text down to what a selection would show.
  void Shorten(Sample& sample) const;

 private:
  friend class SolverRun;
  SolveWork(const SolveFlags& flags, SolvePlan plan, std::unique_ptr<TextSource> source,
            ChatWrapper wrapper);

  const SolveFlags& flags_;
  const SolvePlan plan_;
  const std::unique_ptr<TextSource> source_;
  const ChatWrapper wrapper_;
  RunSettings settings_;
  std::vector<SolveTask> tasks_;  // of plan_.problems
  bool has_started_sandbox_ = false;
  std::unique_ptr<SandboxClient> sandbox_;  // null: neither programs nor comparisons
};

// A solver and what it alone uses.
class SolverRun {
 public:
  // Of the problems with these numbers, `chosen`, which are `problems`. Both, `work` and `store`
  // must outlive it. REQUIRES: the sandbox is started.
  SolverRun(SolveWork& work, const std::vector<size_t>& chosen,
            const std::vector<Problem>& problems, SampleStore& store, ProblemQueue* queue = nullptr,
            int32_t problems_in_flight = 0);

  Solver& solver() { return solver_; }

 private:
  const std::unique_ptr<SandboxComparer> comparer_;
  ProgressPrinter printer_;
  Solver solver_;
};

}  // namespace qed

#endif  // QED_CLI_SOLVE_WORK_H_

// Solves problems: keeps samples of several problems in flight, oldest problem
// first, runs their programs, stores each sample when it ends, and stops
// problems that are settled or out of time.
#ifndef QED_SOLVE_SOLVER_H_
#define QED_SOLVE_SOLVER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/sampling_params.h"
#include "sandbox/client.h"
#include "solve/blocking_queue.h"
#include "solve/code_runner.h"
#include "solve/generator.h"
#include "solve/outcome.h"
#include "solve/problem.h"
#include "solve/sample_store.h"
#include "solve/solve_observer.h"
#include "solve/stop_rule.h"
#include "solve/task.h"
#include "solve/tool_loop.h"

namespace qed {

struct SolverOptions {
  int32_t num_samples = 1;    // of each problem
  SamplingParams sampling;    // seed: of sample 0, sample i has seed + i; stop strings: see `loop`
  ToolLoopConfig loop;        // max_code_calls must be 0 without a sandbox
  double code_timeout = 2.0;  // seconds
  int32_t code_output_chars = 200;
  int32_t code_threads = 2;  // programs that run at a time
  StopRule stop;
  double time_per_problem = 0;  // seconds from its first sample's start; 0: no limit
};

// What a solver works with; all must outlive it.
struct SolverParts {
  Generator& generator;
  SandboxClient* sandbox;  // null: no code
  SampleStore& store;
  SolveObserver& observer;
  const Clock& clock;
};

// One run. All methods are called by one thread.
class Solver {
 public:
  // tasks[i] is that of problems[i]; `problems` must outlive the solver.
  Solver(const SolverOptions& options, const std::vector<Problem>& problems,
         std::vector<SolveTask> tasks, const SolverParts& parts);
  ~Solver();

  // A sample that an earlier part of this run finished. Before Run.
  // REQUIRES: it belongs to one of the problems and was not given before.
  void Restore(const Sample& sample);

  // Returns when every sample is done. Each sample is a function of its
  // problem, its seed and the options, whatever runs beside it; which samples a
  // stop rule or a time limit cuts short does depend on the order in which they
  // end. kCancelled when `interrupted` was set: samples in flight were then
  // given to the store as partial. Any other error: the generator, the sandbox
  // or the store failed; what was stored stays good.
  Status Run(const std::atomic<bool>& interrupted);

  const std::vector<ProblemOutcomes>& outcomes() const { return outcomes_; }
  // The run's age: this process and the earlier parts of a resumed run.
  double seconds() const;

 private:
  enum class SampleState { kPending, kLive, kDone };
  struct LiveSample;
  struct ProblemState {
    std::vector<SampleState> samples;
    int32_t done = 0;
    bool stopped = false;
    std::optional<Clock::Time> started;
  };
  struct Event {
    uint64_t id = 0;  // of the live sample
    std::variant<Segment, Result<ExecuteResult>> what;
  };

  Status Loop(const std::atomic<bool>& interrupted);
  Status SettleRestored();
  Status StartSamples();
  Status StartSample(size_t problem, int32_t index);
  Status Handle(Event event);
  Status Apply(uint64_t id, LiveSample& live, ToolLoopAction action);
  Status OnSegment(uint64_t id, LiveSample& live, Segment segment);
  Status OnCodeResult(uint64_t id, LiveSample& live, Result<ExecuteResult> result);
  Status FinishSample(uint64_t id);
  Status Store(size_t problem, const Sample& sample);
  Status AfterSample(size_t problem);
  Status StopProblem(size_t problem, SampleFinish reason);
  Status CheckDeadlines();
  void CancelLive(LiveSample& live, SampleFinish reason);
  void Drain();
  void ReportProgress();
  void CountOutcome(size_t problem, const Sample& sample);
  Sample MakeSample(size_t problem, int32_t index) const;

  const SolverOptions options_;
  const std::vector<Problem>& problems_;
  const std::vector<SolveTask> tasks_;
  const SolverParts parts_;

  std::map<std::string, size_t> problem_index_;
  std::vector<ProblemState> states_;
  std::vector<ProblemOutcomes> outcomes_;
  size_t next_problem_ = 0;  // samples before this point were started or done
  int32_t next_sample_ = 0;
  size_t first_open_ = 0;  // problems before it are done

  BlockingQueue<Event> events_;
  std::map<uint64_t, std::unique_ptr<LiveSample>> live_;
  uint64_t next_id_ = 0;
  std::unique_ptr<CodeRunner> runner_;
  bool draining_ = false;

  Clock::Time began_;
  double earlier_seconds_ = 0;
  SolveProgress progress_;
};

}  // namespace qed

#endif  // QED_SOLVE_SOLVER_H_

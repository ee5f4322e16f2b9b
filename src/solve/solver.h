// Solves problems: keeps samples of several problems in flight, oldest problem
// first, runs their programs, stores each sample when it ends, and stops
// problems that are settled or out of time.
//
// The solver works in ticks: it takes everything that has happened since the
// last one, counts it, and only then asks the stop rule and the time bank and
// starts new samples. So what arrives in one tick may arrive in any order.
//
// A sample counts once the class of its answer is known (solve/answer_classes.h).
// Where that takes a comparison the solver goes on meanwhile; answers are placed
// one after the other, of what is there the one with the lowest index first. When
// a problem's time is up, answers not placed yet stand for themselves.
//
// With selections (solve/genselect.h) a problem whose samples are done stays open for
// them, before any new sample starts, until they are done or its time is up.
//
// A sample whose program is running gives its slot at the generator away; when
// the output is there it goes on from its own pages, before younger samples.
#ifndef QED_SOLVE_SOLVER_H_
#define QED_SOLVE_SOLVER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/sampling_params.h"
#include "sandbox/client.h"
#include "solve/answer_classes.h"
#include "solve/answer_comparer.h"
#include "solve/blocking_queue.h"
#include "solve/code_runner.h"
#include "solve/generator.h"
#include "solve/genselect.h"
#include "solve/live_sample.h"
#include "solve/outcome.h"
#include "solve/problem.h"
#include "solve/problem_queue.h"
#include "solve/sample_store.h"
#include "solve/simulated_clock.h"
#include "solve/solve_observer.h"
#include "solve/stop_rule.h"
#include "solve/task.h"
#include "solve/time_bank.h"
#include "solve/tool_loop.h"

namespace qed {

// Samples that turn unsure are given up early (solve/confidence.h).
struct PruningOptions {
  double keep = 0;      // share of the first samples that would have been kept; 0: no pruning
  int32_t warmup = 16;  // samples of a problem that finish before a bound is learnt from them
};

struct SolverOptions {
  int32_t num_samples = 1;    // of each problem
  SamplingParams sampling;    // seed: of sample 0, sample i has seed + i; stop strings: see `loop`
  ToolLoopConfig loop;        // max_code_calls must be 0 without a sandbox
  double code_timeout = 2.0;  // seconds
  int32_t code_output_chars = 200;
  int32_t code_threads = 2;        // programs that run at a time
  int32_t max_sessions = 0;        // the sandbox can keep; 0: any number
  int32_t problems_in_flight = 0;  // begun and not done; 0: as many as there is room for
  int64_t answer_modulo = 0;       // 0: answers as they are; see ReadAnswer
  VoteWeighting vote_weighting = VoteWeighting::kNone;
  PruningOptions pruning;
  SelectOptions select;
  StopRule stop;
  TimeLimits time;
};

// What a solver works with; all must outlive it.
struct SolverParts {
  Generator& generator;
  SandboxClient* sandbox;  // null: no code
  SampleStore& store;
  SolveObserver& observer;
  const Clock& clock;
  // Set where time is simulated (then it is `clock` too): instead of waiting, the
  // solver moves it. No sandbox then.
  SimulatedClock* simulation = nullptr;
  // Null: answers are equal where their forms are. Stopped by Run's end.
  AnswerComparer* comparer = nullptr;
  // Says which problems are this solver's, and their order; null: all, in their order.
  ProblemQueue* queue = nullptr;
};

// One run. All methods are called by one thread.
class Solver {
 public:
  // tasks[i] is that of problems[i]; `problems` must outlive the solver.
  // REQUIRES: CheckTimeLimits(options.time, problems.size()).ok().
  Solver(const SolverOptions& options, const std::vector<Problem>& problems,
         std::vector<SolveTask> tasks, const SolverParts& parts);
  ~Solver();

  // A sample that an earlier part of this run finished. Before Run.
  // REQUIRES: it belongs to one of the problems and was not given before.
  void Restore(const Sample& sample);

  // The same for a selection; after the problem's samples.
  void RestoreSelection(const Selection& selection);

  // Returns when every sample of its problems is done. Each sample is a function of its
  // problem, its seed and the options, whatever runs beside it; which samples a
  // stop rule, a time limit or pruning cuts short does depend on the order in
  // which they end. kCancelled when `interrupted` was set: samples in flight were
  // then given to the store as partial. Any other error: the generator, the
  // sandbox or the store failed; what was stored stays good.
  Status Run(const std::atomic<bool>& interrupted);

  const std::vector<ProblemOutcomes>& outcomes() const { return outcomes_; }
  // Of each problem; empty without selections.
  const std::vector<SelectionOutcome>& selections() const { return selection_outcomes_; }
  // The run's age: this process and the earlier parts of a resumed run.
  double seconds() const;

 private:
  enum class SampleState { kPending, kLive, kDone };
  struct Asked {
    uint64_t id = 0;
    int32_t sample = 0;
    std::vector<AnswerClasses::Question> questions;
  };
  struct SelectionRound {
    std::optional<SelectionPrompt> prompt;  // none: there is nothing to select from
    std::vector<bool> begun;                // by index
    int32_t live = 0;
    bool over = false;  // no more are started
  };
  struct ProblemState {
    std::vector<SampleState> samples;
    int32_t done = 0;
    bool changed = false;    // since the stop rule was asked
    std::string stopped_by;  // as in Sample; empty: not stopped
    std::optional<double> pruning_bound;
    double restored_seconds = 0;  // charged by earlier parts of the run
    AnswerClasses classes;
    std::map<int32_t, Sample> unplaced;        // finished, by index
    std::optional<Asked> asked;                // about one of them
    std::map<int32_t, std::string> summaries;  // of the samples with an answer, for selections
    std::vector<Selection> selections;         // done
    std::optional<SelectionRound> round;       // once all samples are done
  };
  struct LowConfidence {};
  struct Compared {
    size_t problem = 0;
    AnswerComparer::Verdicts verdicts;
  };
  struct Event {
    uint64_t id = 0;  // of the live sample; of the question for Compared
    std::variant<Segment, Result<ExecuteResult>, LowConfidence, Compared> what;
  };

  static constexpr const char* kStoppedByTime = "time";

  // solver.cc: problems.
  Status Loop(const std::atomic<bool>& interrupted);
  void OpenBooks();
  Status SettleRestored();
  Status SettleRestored(size_t problem);
  void Wait();
  void ChargeTime();
  Status SettleOpenProblems();
  Status SettleProblem(size_t problem);
  Status FinishProblem(size_t problem);
  Status StopProblem(size_t problem, SampleFinish reason, const std::string& stopped_by);
  Standing StandingOf(size_t problem) const;
  void LearnPruningBound(size_t problem);
  Status StartSamples();
  Status TakeProblem();
  bool HasRoomForSample() const;
  bool HasRoomForProblem() const;
  void Drain();
  void ReportProgress();

  // solver_samples.cc: what happens to one sample.
  Sample MakeSample(size_t problem, int32_t index) const;
  Status StartSample(size_t problem, int32_t index);
  void WatchConfidence(uint64_t id, LiveSample& live);
  Status HandleEvents();
  Status Handle(Event event);
  Status Apply(uint64_t id, LiveSample& live, ToolLoopAction action);
  void Execute(uint64_t id, LiveSample& live, std::string code);
  Status OnSegment(uint64_t id, LiveSample& live, Segment segment);
  Status OnCodeResult(uint64_t id, LiveSample& live, Result<ExecuteResult> result);
  Status FinishSample(uint64_t id);
  Status Store(size_t problem, const Sample& sample);
  void CancelLive(LiveSample& live, SampleFinish reason);
  void CountOutcome(size_t problem, const Sample& sample);

  // solver_answers.cc: which answers are equal.
  Status PlaceSample(size_t problem, Sample sample);
  Status PlaceAnswers();
  Status PlaceAnswers(size_t problem);
  bool MayCompare(size_t problem) const;
  void Ask(size_t problem, const Sample& sample, std::vector<AnswerClasses::Question> questions);
  void OnCompared(uint64_t id, Compared compared);
  Status StorePlaced(size_t problem, int32_t index);

  // solver_select.cc: selections.
  bool NeedsSelection(size_t problem) const;
  Status Select(size_t problem);
  Status BeginRound(size_t problem);
  Status StartSelections();
  Status StartSelection(size_t problem, int32_t index);
  Status OnSelection(uint64_t id, Segment segment);
  void Decide(size_t problem, const Tally& votes);

  const SolverOptions options_;
  const std::vector<Problem>& problems_;
  const std::vector<SolveTask> tasks_;
  const SolverParts parts_;

  std::map<std::string, size_t> problem_index_;
  std::vector<ProblemState> states_;
  std::vector<ProblemOutcomes> outcomes_;
  // Samples before this point were started or done. With a queue its last problem, or none
  // (problems_.size()) before the first and after the last.
  size_t next_problem_ = 0;
  int32_t next_sample_ = 0;
  bool queue_is_empty_ = false;
  std::set<size_t> open_;  // problems begun by this process and not done

  BlockingQueue<Event> events_;
  std::map<uint64_t, std::unique_ptr<LiveSample>> live_;
  std::map<uint64_t, LiveSelection> selecting_;
  std::vector<SelectionOutcome> selection_outcomes_;
  int32_t generating_ = 0;  // those of both that hold a slot
  uint64_t next_id_ = 0;
  std::unique_ptr<CodeRunner> runner_;
  bool draining_ = false;

  TimeBank bank_;
  Clock::Time charged_until_;
  Clock::Time began_;
  double earlier_seconds_ = 0;
  SolveProgress progress_;
};

}  // namespace qed

#endif  // QED_SOLVE_SOLVER_H_

#include "solve/replay.h"

#include <cmath>
#include <utility>

#include "solve/answer.h"
#include "solve/scripted_generator.h"

namespace qed {
namespace {

class ReasonCounter : public SolveObserver {
 public:
  void OnProblemDone(const ProblemReport& report) override { ++reasons[report.stopped_by]; }
  bool WantsProgress() const override { return false; }
  void OnProgress(const SolveProgress&) override {}

  std::map<std::string, int64_t> reasons;
};

bool CutShort(const Sample& sample) {
  return sample.finish == SampleFinish::kCancelled || sample.finish == SampleFinish::kPruned ||
         sample.finish == SampleFinish::kDeadline;
}

// Answers by the classes and verdicts in the records; the expected answer is
// RunRecords::kNeverGiven.
class RecordedComparer : public AnswerComparer {
 public:
  explicit RecordedComparer(const RunRecords& records) : places_(records.samples.size()) {
    for (size_t i = 0; i < places_.size(); ++i) {
      for (const Sample& sample : records.samples[i]) places_[i].emplace(sample.answer, &sample);
    }
  }

  void Compare(ComparisonRequest request, std::function<void(Verdicts)> done) override {
    Verdicts verdicts;
    for (const ComparisonRequest::Other& other : request.others) {
      const bool equal = Equal(request.problem, request.answer, other.written);
      verdicts.push_back(equal ? Verdict::kEqual : Verdict::kDifferent);
    }
    done(std::move(verdicts));
  }
  void Stop() override {}

 private:
  bool Equal(size_t problem, const std::string& answer, const std::string& other) const {
    const Sample* sample = Find(problem, answer);
    if (sample == nullptr) return false;
    if (other == RunRecords::kNeverGiven) return sample->correct.value_or(false);
    const Sample* its = Find(problem, other);
    return its != nullptr && ClassOf(*sample) == ClassOf(*its);
  }
  const Sample* Find(size_t problem, const std::string& answer) const {
    const auto found = places_[problem].find(NormalizeAnswer(answer));
    return found == places_[problem].end() ? nullptr : found->second;
  }
  static const std::string& ClassOf(const Sample& sample) {
    return sample.answer_class.empty() ? sample.answer : sample.answer_class;
  }

  std::vector<std::map<std::string, const Sample*>> places_;  // [problem], by the answer's form
};

// The text, as far as the recorded answer is read from it: under other settings
// (a modulo) it may not be.
std::string VotingText(const Sample& sample) {
  const std::string text = sample.transcript.Text();
  const std::optional<std::string> boxed = ExtractBoxedAnswer(text);
  const std::string answer = boxed ? NormalizeAnswer(*boxed) : "";
  if (answer == sample.answer) return text;
  return sample.answer.empty() ? "" : "\\boxed{" + sample.answer + "}";
}

ScriptedSample ToScript(const Sample& sample) {
  ScriptedSample script;
  if (!CutShort(sample)) script.text = VotingText(sample);
  script.num_tokens = sample.transcript.generated_tokens;
  const double seconds = sample.generation_seconds + sample.code_seconds;
  script.duration = Clock::Duration(static_cast<Clock::Duration::rep>(std::llround(seconds * 1e9)));
  if (sample.transcript.lowest_window_logprob) {
    // Its lowest window is all that a vote's weight needs.
    script.logprobs.assign(1, static_cast<float>(*sample.transcript.lowest_window_logprob));
  }
  return script;
}

}  // namespace

int64_t CountCutShort(const RunRecords& records) {
  int64_t count = 0;
  for (const std::vector<Sample>& samples : records.samples) {
    for (const Sample& sample : samples) count += CutShort(sample) ? 1 : 0;
  }
  return count;
}

Result<ReplayResult> Replay(const RunRecords& records, const ReplayOptions& options) {
  const int32_t recorded = records.num_samples();
  if (options.num_samples > recorded) {
    return InvalidArgument("--samples is " + std::to_string(options.num_samples) +
                           ", but the records have " + std::to_string(recorded) + " a problem");
  }
  QED_RETURN_IF_ERROR(CheckTimeLimits(options.time, records.problems.size()));
  SolverOptions solve;
  solve.num_samples = options.num_samples > 0 ? options.num_samples : recorded;
  solve.loop.max_code_calls = 0;
  solve.loop.max_tokens = 1 << 30;
  solve.loop.max_seq_len = 1 << 30;
  solve.problems_in_flight = options.problems_in_flight;
  solve.vote_weighting = options.vote_weighting;
  solve.stop = options.stop;
  solve.time = options.time;
  std::vector<SolveTask> tasks;
  for (size_t i = 0; i < records.problems.size(); ++i) tasks.push_back({std::to_string(i), 0});

  SimulatedClock clock;
  const auto script = [&records](const std::string& prompt, uint64_t index) {
    return ToScript(records.samples[std::stoul(prompt)][index]);
  };
  ScriptedGenerator generator(clock, script,
                              options.slots > 0 ? options.slots : MostAtATime(records));
  NoSampleStore store;
  ReasonCounter counter;
  RecordedComparer comparer(records);
  std::vector<Problem> problems = records.problems;
  for (Problem& problem : problems) {
    if (problem.expected_answer) problem.expected_answer = RunRecords::kNeverGiven;
  }
  Solver solver(solve, problems, std::move(tasks),
                {generator, nullptr, store, counter, clock, &clock, &comparer});
  QED_RETURN_IF_ERROR(solver.Run(std::atomic<bool>(false)));
  return ReplayResult{ComputeMetrics(records.problems, solver.outcomes(), solve.num_samples,
                                     Seconds(clock.Now().time_since_epoch())),
                      counter.reasons};
}

}  // namespace qed

#include "solve/solver.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace qed {
namespace {

// How long an interrupt may go unseen.
constexpr std::chrono::milliseconds kTick(50);

Clock::Duration FromSeconds(double seconds) {
  return Clock::Duration(static_cast<Clock::Duration::rep>(std::llround(seconds * 1e9)));
}

}  // namespace

Solver::Solver(const SolverOptions& options, const std::vector<Problem>& problems,
               std::vector<SolveTask> tasks, const SolverParts& parts)
    : options_(options),
      problems_(problems),
      tasks_(std::move(tasks)),
      parts_(parts),
      states_(problems.size()),
      outcomes_(problems.size()),
      bank_(options.time, problems.size()),
      began_(parts.clock.Now()) {
  QED_CHECK_EQ(problems_.size(), tasks_.size());
  QED_CHECK(parts_.sandbox != nullptr || options_.loop.max_code_calls == 0)
      << "code calls without a sandbox";
  QED_CHECK(parts_.sandbox == nullptr || parts_.simulation == nullptr)
      << "programs do not run in simulated time";
  const size_t samples = static_cast<size_t>(options_.num_samples);
  for (size_t i = 0; i < problems_.size(); ++i) {
    problem_index_[problems_[i].id] = i;
    states_[i].samples.resize(samples, SampleState::kPending);
    states_[i].classes = AnswerClasses(problems_[i].expected_answer);
    outcomes_[i].resize(samples);
  }
  if (options_.select.num_selections > 0) selection_outcomes_.resize(problems_.size());
  if (parts_.queue != nullptr) next_problem_ = problems_.size();
  progress_.problems_total = static_cast<int64_t>(problems_.size());
  progress_.samples_total = progress_.problems_total * options_.num_samples;
}

Solver::~Solver() = default;

double Solver::seconds() const { return earlier_seconds_ + Seconds(parts_.clock.Now() - began_); }

void Solver::Restore(const Sample& sample) {
  const size_t problem = problem_index_.at(sample.problem_id);
  CountOutcome(problem, sample);
  ProblemState& state = states_[problem];
  if (!sample.answer.empty()) {
    const std::string& of = sample.answer_class.empty() ? sample.answer : sample.answer_class;
    state.classes.Restore(sample.answer, sample.boxed, {of, sample.correct});
    state.classes.Count(sample.answer);
  }
  if (!sample.stopped_by.empty()) state.stopped_by = sample.stopped_by;
  state.restored_seconds = std::max(state.restored_seconds, sample.problem_seconds);
  earlier_seconds_ = std::max(earlier_seconds_, sample.run_seconds);
}

Status Solver::Run(const std::atomic<bool>& interrupted) {
  began_ = parts_.clock.Now();
  if (parts_.sandbox != nullptr) {
    runner_ = std::make_unique<CodeRunner>(*parts_.sandbox, options_.code_threads);
  }
  OpenBooks();
  Status status = Loop(interrupted);
  // Ctrl-C reaches the sandbox's processes too: what fails then is no news.
  if (!status.ok() && interrupted.load()) {
    status = Cancelled("interrupted with " + std::to_string(progress_.samples_done) + " of " +
                       std::to_string(progress_.samples_total) + " samples done");
  }
  if (!status.ok()) Drain();
  if (parts_.comparer != nullptr) parts_.comparer->Stop();
  runner_.reset();
  return status;
}

Status Solver::Loop(const std::atomic<bool>& interrupted) {
  QED_RETURN_IF_ERROR(SettleRestored());
  while (true) {
    QED_RETURN_IF_ERROR(SettleOpenProblems());
    QED_RETURN_IF_ERROR(StartSelections());
    QED_RETURN_IF_ERROR(StartSamples());
    if (parts_.observer.WantsProgress()) ReportProgress();
    if (live_.empty() && open_.empty()) return OkStatus();
    if (interrupted.load()) return Cancelled("interrupted");
    Wait();
    ChargeTime();
    QED_RETURN_IF_ERROR(HandleEvents());
  }
}

void Solver::OpenBooks() {
  charged_until_ = began_;
  for (size_t i = 0; i < states_.size(); ++i) {
    bank_.Restore(i, FromSeconds(states_[i].restored_seconds));
    if (states_[i].done < options_.num_samples) continue;
    if (NeedsSelection(i)) {
      if (parts_.queue != nullptr) continue;  // whose it is turns out later
      open_.insert(i);
      bank_.Open(i);
      continue;
    }
    Decide(i, CountVotes(outcomes_[i]));
    bank_.Close(i);
    ++progress_.problems_done;
  }
}

Status Solver::SettleRestored() {
  for (size_t i = 0; parts_.queue == nullptr && i < problems_.size(); ++i) {
    QED_RETURN_IF_ERROR(SettleRestored(i));
  }
  return OkStatus();
}

// A run can die between the sample that settles a problem and the records of
// the samples that this cancels.
Status Solver::SettleRestored(size_t problem) {
  ProblemState& state = states_[problem];
  if (state.done == 0 || state.done == options_.num_samples) return OkStatus();
  if (const std::string by = std::exchange(state.stopped_by, ""); !by.empty()) {
    const bool time = by == kStoppedByTime;
    QED_RETURN_IF_ERROR(
        StopProblem(problem, time ? SampleFinish::kDeadline : SampleFinish::kCancelled, by));
  }
  return SettleProblem(problem);
}

// For the next event, or until the time of a problem may be up.
void Solver::Wait() {
  const std::optional<Clock::Duration> expiry = bank_.UntilExpiry();
  if (parts_.simulation != nullptr) {
    const Clock::Time now = parts_.simulation->Now();
    parts_.simulation->PassUntil(expiry ? now + *expiry : Clock::Time::max());
    return;
  }
  const Clock::Duration tick = kTick;
  if (std::optional<Event> event = events_.PopFor(std::min(expiry.value_or(tick), tick))) {
    // Back in front of what came since: it is handled with the rest.
    events_.PushFront(*std::move(event));
  }
}

void Solver::ChargeTime() {
  const Clock::Time now = parts_.clock.Now();
  bank_.Charge(now - charged_until_);
  charged_until_ = now;
}

Status Solver::SettleOpenProblems() {
  const std::vector<size_t> open(open_.begin(), open_.end());
  for (const size_t problem : open) QED_RETURN_IF_ERROR(SettleProblem(problem));
  return OkStatus();
}

Status Solver::SettleProblem(size_t problem) {
  ProblemState& state = states_[problem];
  const bool stoppable = state.done < options_.num_samples && state.stopped_by.empty();
  if (stoppable && std::exchange(state.changed, false)) {
    if (const auto settled = options_.stop.Settled(StandingOf(problem))) {
      QED_RETURN_IF_ERROR(StopProblem(problem, SampleFinish::kCancelled, *settled));
    } else {
      LearnPruningBound(problem);
    }
  }
  if (stoppable && state.stopped_by.empty() && bank_.Expired(problem)) {
    QED_RETURN_IF_ERROR(StopProblem(problem, SampleFinish::kDeadline, kStoppedByTime));
  }
  if (!state.unplaced.empty()) QED_RETURN_IF_ERROR(PlaceAnswers(problem));
  return state.done == options_.num_samples ? Select(problem) : OkStatus();
}

Status Solver::FinishProblem(size_t problem) {
  bank_.Close(problem);
  open_.erase(problem);
  ProblemReport report;
  report.problem = &problems_[problem];
  report.tally = CountVotes(outcomes_[problem]);
  report.stopped_by = states_[problem].stopped_by;
  report.correct = MajorityCorrect(problems_[problem], report.tally);
  Decide(problem, report.tally);
  if (options_.select.num_selections > 0) report.selected = selection_outcomes_[problem];
  ++progress_.problems_done;
  parts_.observer.OnProblemDone(report);
  return OkStatus();
}

// Ends the problem's samples in flight and records those that never began.
Status Solver::StopProblem(size_t problem, SampleFinish reason, const std::string& stopped_by) {
  ProblemState& state = states_[problem];
  state.stopped_by = stopped_by;
  for (const auto& [id, live] : live_) {
    if (live->problem == problem) CancelLive(*live, reason);
  }
  for (int32_t i = 0; i < options_.num_samples; ++i) {
    if (state.samples[static_cast<size_t>(i)] != SampleState::kPending) continue;
    Sample sample = MakeSample(problem, i);
    sample.finish = reason;
    sample.stopped_by = stopped_by;
    sample.end_time = sample.start_time;
    sample.problem_seconds = Seconds(bank_.charged(problem));
    sample.run_seconds = seconds();
    ReadAnswer(problems_[problem], options_.loop.tags, options_.answer_modulo, sample);
    QED_RETURN_IF_ERROR(Store(problem, sample));
  }
  return OkStatus();
}

Standing Solver::StandingOf(size_t problem) const {
  const ProblemOutcomes& outcomes = outcomes_[problem];
  Standing standing;
  standing.tally = CountVotes(outcomes);
  for (size_t i = outcomes.size(); i-- > 0;) {
    if (outcomes[i]) continue;
    ++standing.outstanding;
    standing.first_outstanding = static_cast<int32_t>(i);
  }
  return standing;
}

// From then on samples of the problem are pruned, those that run already too.
void Solver::LearnPruningBound(size_t problem) {
  ProblemState& state = states_[problem];
  if (options_.pruning.keep <= 0 || state.pruning_bound) return;
  std::vector<double> lowest;
  for (const std::optional<SampleOutcome>& outcome : outcomes_[problem]) {
    if (outcome && outcome->lowest_window_logprob) {
      lowest.push_back(*outcome->lowest_window_logprob);
    }
  }
  if (std::cmp_less(lowest.size(), options_.pruning.warmup)) return;
  state.pruning_bound = PruningThreshold(lowest, options_.pruning.keep);
  for (const auto& [id, live] : live_) {
    if (live->problem == problem) live->watch->bound.store(*state.pruning_bound);
  }
}

Status Solver::StartSamples() {
  while (generating_ < parts_.generator.max_concurrent()) {
    if (next_problem_ == problems_.size()) QED_RETURN_IF_ERROR(TakeProblem());
    if (next_problem_ == problems_.size()) return OkStatus();
    if (next_sample_ == options_.num_samples) {
      next_problem_ = parts_.queue != nullptr ? problems_.size() : next_problem_ + 1;
      next_sample_ = 0;
      continue;
    }
    const size_t index = static_cast<size_t>(next_sample_);
    if (states_[next_problem_].samples[index] != SampleState::kPending) {
      ++next_sample_;
      continue;
    }
    const bool opens = open_.count(next_problem_) == 0;
    if (!HasRoomForSample() || (opens && !HasRoomForProblem())) return OkStatus();
    if (opens) {
      open_.insert(next_problem_);
      bank_.Open(next_problem_);
      // A debt may have left it nothing.
      QED_RETURN_IF_ERROR(SettleProblem(next_problem_));
      continue;
    }
    QED_RETURN_IF_ERROR(StartSample(next_problem_, next_sample_++));
  }
  return OkStatus();
}

// From the queue, if there is one: not before there is room for it, so that each problem goes to
// the solver that can begin it first.
Status Solver::TakeProblem() {
  if (parts_.queue == nullptr || queue_is_empty_) return OkStatus();
  if (!HasRoomForSample() || !HasRoomForProblem()) return OkStatus();
  const std::optional<size_t> taken = parts_.queue->Take();
  queue_is_empty_ = !taken;
  if (!taken) return OkStatus();
  next_problem_ = *taken;
  next_sample_ = 0;
  if (states_[*taken].done < options_.num_samples) return SettleRestored(*taken);
  if (!NeedsSelection(*taken)) return OkStatus();
  open_.insert(*taken);
  bank_.Open(*taken);
  return SettleProblem(*taken);
}

// Beside the samples with a slot there may be as many others as programs can
// run: more would only queue for the sandbox.
bool Solver::HasRoomForSample() const {
  int32_t most_live = parts_.generator.max_concurrent() + options_.code_threads;
  if (options_.max_sessions > 0) most_live = std::min(most_live, options_.max_sessions);
  return std::cmp_less(live_.size(), most_live);
}

bool Solver::HasRoomForProblem() const {
  return options_.problems_in_flight == 0 ||
         std::cmp_less(open_.size(), options_.problems_in_flight);
}

// After an error or an interrupt: everything in flight is cancelled and waited
// for; answers that are being compared stand for themselves. Errors of the store are not reported
// any more, one has been already.
void Solver::Drain() {
  draining_ = true;
  for (const auto& [id, live] : live_) CancelLive(*live, SampleFinish::kCancelled);
  for (const auto& [id, live] : selecting_) live.stream->Cancel();
  [[maybe_unused]] Status ignored = HandleEvents();
  while (!live_.empty() || !selecting_.empty()) {
    Wait();
    ignored = HandleEvents();
  }
}

void Solver::ReportProgress() {
  progress_.problems_open = static_cast<int64_t>(open_.size());
  progress_.oldest = open_.empty() ? nullptr : &problems_[*open_.begin()];
  progress_.votes = open_.empty() ? Tally() : CountVotes(outcomes_[*open_.begin()]);
  progress_.new_tokens = parts_.generator.tokens_generated();
  progress_.places = parts_.generator.Places();
  progress_.seconds = Seconds(parts_.clock.Now() - began_);
  if (!bank_.unlimited()) progress_.bank_seconds = Seconds(bank_.balance());
  parts_.observer.OnProgress(progress_);
}

}  // namespace qed

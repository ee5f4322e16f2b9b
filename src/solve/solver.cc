#include "solve/solver.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace qed {
namespace {

// How long an interrupt or a deadline may go unseen.
constexpr std::chrono::milliseconds kTick(50);

double UnixSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Errors of one sample, after which others can still be done.
bool ConcernsOneSample(const Status& error) {
  return error.code() == StatusCode::kResourceExhausted ||
         error.code() == StatusCode::kInvalidArgument || error.code() == StatusCode::kUnsupported;
}

}  // namespace

struct Solver::LiveSample {
  LiveSample(size_t problem_index, Sample empty, ToolLoop tool_loop)
      : problem(problem_index), sample(std::move(empty)), loop(std::move(tool_loop)) {}

  size_t problem;
  Sample sample;  // its transcript is filled in at the end
  ToolLoop loop;
  std::unique_ptr<GenerationStream> stream;
  std::string session_id;
  bool executing = false;
  bool has_session = false;  // in the sandbox
  Clock::Time since;         // when what runs now began
};

Solver::Solver(const SolverOptions& options, const std::vector<Problem>& problems,
               std::vector<SolveTask> tasks, const SolverParts& parts)
    : options_(options),
      problems_(problems),
      tasks_(std::move(tasks)),
      parts_(parts),
      states_(problems.size()),
      outcomes_(problems.size()),
      began_(parts.clock.Now()) {
  QED_CHECK_EQ(problems_.size(), tasks_.size());
  QED_CHECK(parts_.sandbox != nullptr || options_.loop.max_code_calls == 0)
      << "code calls without a sandbox";
  const size_t samples = static_cast<size_t>(options_.num_samples);
  for (size_t i = 0; i < problems_.size(); ++i) {
    problem_index_[problems_[i].id] = i;
    states_[i].samples.resize(samples, SampleState::kPending);
    outcomes_[i].resize(samples);
  }
  progress_.problems_total = static_cast<int64_t>(problems_.size());
  progress_.samples_total = progress_.problems_total * options_.num_samples;
}

Solver::~Solver() = default;

double Solver::seconds() const { return earlier_seconds_ + Seconds(parts_.clock.Now() - began_); }

void Solver::Restore(const Sample& sample) {
  CountOutcome(problem_index_.at(sample.problem_id), sample);
  earlier_seconds_ = std::max(earlier_seconds_, sample.run_seconds);
}

void Solver::CountOutcome(size_t problem, const Sample& sample) {
  const size_t index = static_cast<size_t>(sample.index);
  QED_CHECK(states_[problem].samples[index] != SampleState::kDone) << "a sample done twice";
  states_[problem].samples[index] = SampleState::kDone;
  outcomes_[problem][index] = OutcomeOf(sample);
  ++states_[problem].done;
  ++progress_.samples_done;
  if (states_[problem].done == options_.num_samples) ++progress_.problems_done;
  while (first_open_ < states_.size() && states_[first_open_].done == options_.num_samples) {
    ++first_open_;
  }
}

Status Solver::Run(const std::atomic<bool>& interrupted) {
  began_ = parts_.clock.Now();
  if (parts_.sandbox != nullptr) {
    runner_ = std::make_unique<CodeRunner>(*parts_.sandbox, options_.code_threads);
  }
  Status status = Loop(interrupted);
  // Ctrl-C reaches the sandbox's processes too: what fails then is no news.
  if (!status.ok() && interrupted.load()) {
    status = Cancelled("interrupted with " + std::to_string(progress_.samples_done) + " of " +
                       std::to_string(progress_.samples_total) + " samples done");
  }
  if (!status.ok()) Drain();
  runner_.reset();
  return status;
}

Status Solver::Loop(const std::atomic<bool>& interrupted) {
  QED_RETURN_IF_ERROR(SettleRestored());
  while (true) {
    QED_RETURN_IF_ERROR(CheckDeadlines());
    QED_RETURN_IF_ERROR(StartSamples());
    if (live_.empty()) return OkStatus();
    if (interrupted.load()) return Cancelled("interrupted");
    if (std::optional<Event> event = events_.PopFor(kTick)) {
      QED_RETURN_IF_ERROR(Handle(*std::move(event)));
    }
    if (parts_.observer.WantsProgress()) ReportProgress();
  }
}

// A run can die between the sample that settles a problem and the records of
// the samples that this cancels.
Status Solver::SettleRestored() {
  for (size_t i = 0; i < problems_.size(); ++i) {
    const int32_t done = states_[i].done;
    if (done == 0 || done == options_.num_samples) continue;
    QED_RETURN_IF_ERROR(AfterSample(i));
  }
  return OkStatus();
}

Status Solver::StartSamples() {
  while (std::cmp_less(live_.size(), parts_.generator.max_concurrent())) {
    if (next_problem_ == problems_.size()) return OkStatus();
    if (next_sample_ == options_.num_samples) {
      ++next_problem_;
      next_sample_ = 0;
      continue;
    }
    const int32_t index = next_sample_++;
    if (states_[next_problem_].samples[static_cast<size_t>(index)] != SampleState::kPending) {
      continue;
    }
    QED_RETURN_IF_ERROR(StartSample(next_problem_, index));
  }
  return OkStatus();
}

Sample Solver::MakeSample(size_t problem, int32_t index) const {
  Sample sample;
  sample.problem_id = problems_[problem].id;
  sample.index = index;
  sample.seed = options_.sampling.seed + static_cast<uint64_t>(index);
  sample.start_time = UnixSeconds();
  sample.transcript.prompt_tokens = tasks_[problem].prompt_tokens;
  return sample;
}

Status Solver::StartSample(size_t problem, int32_t index) {
  Sample sample = MakeSample(problem, index);
  SamplingParams params = options_.sampling;
  params.seed = sample.seed;
  params.max_tokens = options_.loop.max_tokens;
  params.stop = options_.loop.StopStrings();
  params.include_stop_text = true;
  params.logprobs = 0;
  QED_ASSIGN_OR_RETURN(std::unique_ptr<GenerationStream> stream, parts_.generator.Open(params));

  const Generator& generator = parts_.generator;
  ToolLoop loop(options_.loop, tasks_[problem].prompt, tasks_[problem].prompt_tokens,
                [&generator](std::string_view text) { return generator.CountTokens(text); });
  auto live = std::make_unique<LiveSample>(problem, std::move(sample), std::move(loop));
  live->stream = std::move(stream);
  // The sandbox seeds Python's random numbers from it.
  live->session_id = live->sample.problem_id + "#" + std::to_string(live->sample.seed);
  live->since = parts_.clock.Now();
  ProblemState& state = states_[problem];
  if (!state.started) state.started = live->since;
  state.samples[static_cast<size_t>(index)] = SampleState::kLive;

  const uint64_t id = next_id_++;
  LiveSample& started = *(live_[id] = std::move(live));
  return Apply(id, started, started.loop.Start());
}

Status Solver::Apply(uint64_t id, LiveSample& live, ToolLoopAction action) {
  live.since = parts_.clock.Now();
  live.executing = action.kind == ToolLoopAction::Kind::kExecute;
  switch (action.kind) {
    case ToolLoopAction::Kind::kGenerate:
      live.stream->Generate(action.text, action.max_tokens, [this, id](Segment segment) {
        events_.Push(Event{id, std::move(segment)});
      });
      return OkStatus();
    case ToolLoopAction::Kind::kExecute: {
      live.has_session = true;
      ExecuteRequest request;
      request.session_id = live.session_id;
      request.generated_code = std::move(action.text);
      request.timeout = options_.code_timeout;
      request.max_output_characters = options_.code_output_chars;
      runner_->Execute(std::move(request), [this, id](Result<ExecuteResult> result) {
        events_.Push(Event{id, std::move(result)});
      });
      return OkStatus();
    }
    case ToolLoopAction::Kind::kFinished:
      return FinishSample(id);
  }
  return OkStatus();
}

Status Solver::Handle(Event event) {
  const auto found = live_.find(event.id);
  QED_CHECK(found != live_.end()) << "an event of no sample";
  LiveSample& live = *found->second;
  if (Segment* segment = std::get_if<Segment>(&event.what)) {
    return OnSegment(event.id, live, std::move(*segment));
  }
  return OnCodeResult(event.id, live, std::get<Result<ExecuteResult>>(std::move(event.what)));
}

Status Solver::OnSegment(uint64_t id, LiveSample& live, Segment segment) {
  live.sample.generation_seconds += Seconds(parts_.clock.Now() - live.since);
  const bool failed = segment.finish == Segment::Finish::kError;
  if (failed && !draining_ && !ConcernsOneSample(segment.error)) {
    const Status error = segment.error;
    // The sample ends here: nothing more will come for it.
    live.loop.OnSegment(std::move(segment));
    live_.erase(id);
    return error;
  }
  return Apply(id, live, live.loop.OnSegment(std::move(segment)));
}

Status Solver::OnCodeResult(uint64_t id, LiveSample& live, Result<ExecuteResult> result) {
  live.sample.code_seconds += Seconds(parts_.clock.Now() - live.since);
  // The session of a cancelled sample was closed under its program.
  if (live.loop.cancelled()) return Apply(id, live, live.loop.OnCodeCancelled());
  if (!result.ok()) {
    live_.erase(id);
    return result.status().WithPrefix("the sandbox failed");
  }
  return Apply(id, live, live.loop.OnCodeResult(*result));
}

Status Solver::FinishSample(uint64_t id) {
  const std::unique_ptr<LiveSample> live = std::move(live_.at(id));
  live_.erase(id);
  live->stream.reset();
  Sample& sample = live->sample;
  sample.transcript = live->loop.transcript();
  sample.finish = live->loop.finish();
  sample.error = live->loop.error().message();
  sample.end_time = UnixSeconds();
  sample.run_seconds = seconds();
  if (live->has_session) runner_->CloseSession(live->session_id);
  const Problem& problem = problems_[live->problem];
  ReadAnswer(problem, sample);
  if (draining_ && sample.finish == SampleFinish::kCancelled) {
    return parts_.store.AppendPartial(sample);
  }
  QED_RETURN_IF_ERROR(Store(live->problem, sample));
  ++progress_.new_samples;
  return draining_ ? OkStatus() : AfterSample(live->problem);
}

Status Solver::Store(size_t problem, const Sample& sample) {
  QED_RETURN_IF_ERROR(parts_.store.Append(sample));
  CountOutcome(problem, sample);
  return OkStatus();
}

Status Solver::AfterSample(size_t problem) {
  ProblemState& state = states_[problem];
  if (state.done < options_.num_samples && !state.stopped &&
      options_.stop.Settled(CountVotes(outcomes_[problem]))) {
    QED_RETURN_IF_ERROR(StopProblem(problem, SampleFinish::kCancelled));
  }
  if (state.done < options_.num_samples) return OkStatus();
  ProblemReport report;
  report.problem = &problems_[problem];
  report.tally = CountVotes(outcomes_[problem]);
  report.correct = MajorityCorrect(problems_[problem], report.tally);
  parts_.observer.OnProblemDone(report);
  return OkStatus();
}

// Ends the problem's samples in flight and records those that never began.
Status Solver::StopProblem(size_t problem, SampleFinish reason) {
  ProblemState& state = states_[problem];
  state.stopped = true;
  for (const auto& [id, live] : live_) {
    if (live->problem == problem) CancelLive(*live, reason);
  }
  for (int32_t i = 0; i < options_.num_samples; ++i) {
    if (state.samples[static_cast<size_t>(i)] != SampleState::kPending) continue;
    Sample sample = MakeSample(problem, i);
    sample.finish = reason;
    sample.end_time = sample.start_time;
    sample.run_seconds = seconds();
    ReadAnswer(problems_[problem], sample);
    QED_RETURN_IF_ERROR(Store(problem, sample));
  }
  return OkStatus();
}

void Solver::CancelLive(LiveSample& live, SampleFinish reason) {
  live.loop.Cancel(reason);
  if (!live.executing) {
    live.stream->Cancel();
  } else {
    // Ends the program, and with it the wait for its result.
    runner_->CloseSession(live.session_id);
  }
}

Status Solver::CheckDeadlines() {
  if (options_.time_per_problem <= 0) return OkStatus();
  const Clock::Time now = parts_.clock.Now();
  for (size_t i = first_open_; i < problems_.size(); ++i) {
    const ProblemState& state = states_[i];
    if (!state.started) continue;
    const bool open = state.done < options_.num_samples && !state.stopped;
    if (!open || Seconds(now - *state.started) < options_.time_per_problem) continue;
    QED_RETURN_IF_ERROR(StopProblem(i, SampleFinish::kDeadline));
    QED_RETURN_IF_ERROR(AfterSample(i));
  }
  return OkStatus();
}

// After an error or an interrupt: everything in flight is cancelled and waited
// for. Errors of the store are not reported any more, one has been already.
void Solver::Drain() {
  draining_ = true;
  for (const auto& [id, live] : live_) CancelLive(*live, SampleFinish::kCancelled);
  while (!live_.empty()) {
    if (std::optional<Event> event = events_.PopFor(kTick)) {
      [[maybe_unused]] const Status ignored = Handle(*std::move(event));
    }
  }
}

void Solver::ReportProgress() {
  const bool open = first_open_ < problems_.size();
  progress_.oldest = open ? &problems_[first_open_] : nullptr;
  progress_.votes = open ? CountVotes(outcomes_[first_open_]) : Tally();
  progress_.new_tokens = parts_.generator.tokens_generated();
  progress_.seconds = Seconds(parts_.clock.Now() - began_);
  parts_.observer.OnProgress(progress_);
}

}  // namespace qed

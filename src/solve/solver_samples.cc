// What happens to one sample: text, programs, its end.
#include <chrono>
#include <utility>

#include "solve/solver.h"

namespace qed {
namespace {

using Phase = LiveSample::Phase;

}  // namespace

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
  states_[problem].samples[static_cast<size_t>(index)] = SampleState::kLive;

  const uint64_t id = next_id_++;
  LiveSample& started = *(live_[id] = std::move(live));
  ++generating_;
  if (options_.pruning.keep > 0) WatchConfidence(id, started);
  return Apply(id, started, started.loop.Start());
}

void Solver::WatchConfidence(uint64_t id, LiveSample& live) {
  live.watch = std::make_shared<ConfidenceWatch>(options_.loop.confidence_window);
  if (const auto bound = states_[live.problem].pruning_bound) live.watch->bound.store(*bound);
  live.stream->Watch([this, id, watch = live.watch](std::span<const float> logprobs) {
    if (watch->FallsBelow(logprobs)) events_.Push(Event{id, LowConfidence{}});
  });
}

Status Solver::HandleEvents() {
  while (true) {
    std::optional<Event> event = events_.TryPop();
    if (!event) {
      QED_RETURN_IF_ERROR(PlaceAnswers());
      // What was compared at once belongs to the same tick.
      event = events_.TryPop();
    }
    if (!event) return OkStatus();
    QED_RETURN_IF_ERROR(Handle(*std::move(event)));
  }
}

Status Solver::Handle(Event event) {
  if (Compared* compared = std::get_if<Compared>(&event.what)) {
    OnCompared(event.id, std::move(*compared));
    return OkStatus();
  }
  if (selecting_.count(event.id) > 0) {
    return OnSelection(event.id, std::get<Segment>(std::move(event.what)));
  }
  const auto found = live_.find(event.id);
  if (std::holds_alternative<LowConfidence>(event.what)) {
    // It may have ended, or been cancelled, in the meantime.
    if (found == live_.end() || found->second->loop.cancelled()) return OkStatus();
    found->second->sample.stopped_by = "confidence";
    CancelLive(*found->second, SampleFinish::kPruned);
    return OkStatus();
  }
  QED_CHECK(found != live_.end()) << "an event of no sample";
  LiveSample& live = *found->second;
  if (Segment* segment = std::get_if<Segment>(&event.what)) {
    return OnSegment(event.id, live, std::move(*segment));
  }
  return OnCodeResult(event.id, live, std::get<Result<ExecuteResult>>(std::move(event.what)));
}

Status Solver::Apply(uint64_t id, LiveSample& live, ToolLoopAction action) {
  live.since = parts_.clock.Now();
  const Phase before = live.phase;
  live.phase =
      action.kind == ToolLoopAction::Kind::kGenerate ? Phase::kGenerating : Phase::kExecuting;
  generating_ +=
      (live.phase == Phase::kGenerating ? 1 : 0) - (before == Phase::kGenerating ? 1 : 0);
  switch (action.kind) {
    case ToolLoopAction::Kind::kGenerate:
      live.stream->Generate(action.text, action.max_tokens, [this, id](Segment segment) {
        events_.Push(Event{id, std::move(segment)});
      });
      return OkStatus();
    case ToolLoopAction::Kind::kExecute:
      Execute(id, live, std::move(action.text));
      return OkStatus();
    case ToolLoopAction::Kind::kFinished:
      return FinishSample(id);
  }
  return OkStatus();
}

void Solver::Execute(uint64_t id, LiveSample& live, std::string code) {
  live.has_session = true;
  ExecuteRequest request;
  request.session_id = live.session_id;
  request.generated_code = std::move(code);
  request.timeout = options_.code_timeout;
  request.max_output_characters = options_.code_output_chars;
  runner_->Execute(std::move(request), [this, id](Result<ExecuteResult> result) {
    events_.Push(Event{id, std::move(result)});
  });
}

Status Solver::OnSegment(uint64_t id, LiveSample& live, Segment segment) {
  live.sample.generation_seconds += Seconds(parts_.clock.Now() - live.since);
  const bool failed = segment.finish == Segment::Finish::kError;
  if (!failed || ConcernsOneSample(segment.error)) {
    return Apply(id, live, live.loop.OnSegment(std::move(segment)));
  }
  // Where the generator fails, the run ends: the sample has not failed, it is as if
  // interrupted.
  const bool first = !std::exchange(draining_, true);
  Status error = std::move(segment.error);
  segment.finish = Segment::Finish::kCancelled;
  live.loop.Cancel(SampleFinish::kCancelled);
  QED_RETURN_IF_ERROR(Apply(id, live, live.loop.OnSegment(std::move(segment))));
  return first ? error : OkStatus();
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
  sample.problem_seconds = Seconds(bank_.charged(live->problem));
  sample.run_seconds = seconds();
  switch (sample.finish) {
    case SampleFinish::kCancelled:
    case SampleFinish::kDeadline:
      sample.stopped_by = states_[live->problem].stopped_by;
      break;
    case SampleFinish::kPruned:
      break;
    default:
      sample.stopped_by.clear();  // It ended before it could be stopped.
  }
  if (live->has_session) runner_->CloseSession(live->session_id);
  ReadAnswer(problems_[live->problem], options_.loop.tags, options_.answer_modulo, sample);
  if (draining_ && (sample.finish == SampleFinish::kCancelled)) {
    return parts_.store.AppendPartial(sample);
  }
  ++progress_.new_samples;
  return PlaceSample(live->problem, std::move(sample));
}

Status Solver::Store(size_t problem, const Sample& sample) {
  QED_RETURN_IF_ERROR(parts_.store.Append(sample));
  CountOutcome(problem, sample);
  return OkStatus();
}

void Solver::CountOutcome(size_t problem, const Sample& sample) {
  const size_t index = static_cast<size_t>(sample.index);
  ProblemState& state = states_[problem];
  QED_CHECK(state.samples[index] != SampleState::kDone) << "a sample done twice";
  state.samples[index] = SampleState::kDone;
  state.changed = true;
  outcomes_[problem][index] = OutcomeOf(sample, options_.vote_weighting);
  if (options_.select.num_selections > 0 && !sample.answer.empty()) {
    state.summaries[sample.index] =
        SolutionSummary(sample.transcript.Text(), static_cast<size_t>(options_.select.max_chars));
  }
  ++state.done;
  ++progress_.samples_done;
}

void Solver::CancelLive(LiveSample& live, SampleFinish reason) {
  live.loop.Cancel(reason);
  if (live.phase == Phase::kGenerating) {
    live.stream->Cancel();
  } else {
    // Ends the program, and with it the wait for its result.
    runner_->CloseSession(live.session_id);
  }
}

}  // namespace qed

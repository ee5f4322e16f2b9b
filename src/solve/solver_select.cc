// Selections: after a problem's samples the model says which is best.
#include <algorithm>
#include <utility>

#include "solve/solver.h"

namespace qed {

void Solver::RestoreSelection(const Selection& selection) {
  ProblemState& state = states_[problem_index_.at(selection.problem_id)];
  state.selections.push_back(selection);
  state.restored_seconds = std::max(state.restored_seconds, selection.problem_seconds);
  earlier_seconds_ = std::max(earlier_seconds_, selection.run_seconds);
}

bool Solver::NeedsSelection(size_t problem) const {
  const ProblemState& state = states_[problem];
  return std::cmp_less(state.selections.size(), options_.select.num_selections) &&
         state.stopped_by != kStoppedByTime &&
         !ChooseCandidates(outcomes_[problem], options_.select.max_candidates).empty();
}

// Of a problem whose samples are done: finishes it if its selections are too.
Status Solver::Select(size_t problem) {
  ProblemState& state = states_[problem];
  if (!state.round) QED_RETURN_IF_ERROR(BeginRound(problem));
  SelectionRound& round = *state.round;
  if (!round.over && bank_.Expired(problem)) {
    round.over = true;
    for (const auto& [id, live] : selecting_) {
      if (live.problem == problem) live.stream->Cancel();
    }
  }
  const bool all_begun =
      std::find(round.begun.begin(), round.begun.end(), false) == round.begun.end();
  return round.live == 0 && (round.over || all_begun) ? FinishProblem(problem) : OkStatus();
}

Status Solver::BeginRound(size_t problem) {
  ProblemState& state = states_[problem];
  SelectionRound& round = state.round.emplace(SelectionRound{});
  round.over = true;
  if (!NeedsSelection(problem) || bank_.Expired(problem)) return OkStatus();
  Result<std::optional<SelectionPrompt>> prompt = MakeSelectionPrompt(
      options_.select, problems_[problem], outcomes_[problem], state.summaries, parts_.generator);
  if (!prompt.ok()) return prompt.status().WithPrefix("the prompt for selections");
  round.prompt = *std::move(prompt);
  round.over = !round.prompt.has_value();
  round.begun.resize(static_cast<size_t>(options_.select.num_selections), false);
  for (const Selection& done : state.selections) {
    round.begun[static_cast<size_t>(done.index)] = true;
  }
  return OkStatus();
}

Status Solver::StartSelections() {
  for (const size_t problem : open_) {
    if (!states_[problem].round || states_[problem].round->over) continue;
    SelectionRound& round = *states_[problem].round;
    for (size_t i = 0; i < round.begun.size(); ++i) {
      if (generating_ >= parts_.generator.max_concurrent()) return OkStatus();
      if (round.begun[i]) continue;
      round.begun[i] = true;
      QED_RETURN_IF_ERROR(StartSelection(problem, static_cast<int32_t>(i)));
    }
  }
  return OkStatus();
}

Status Solver::StartSelection(size_t problem, int32_t index) {
  SelectionRound& round = *states_[problem].round;
  SamplingParams params = options_.sampling;
  params.seed += static_cast<uint64_t>(index);
  params.max_tokens = round.prompt->max_tokens;
  params.stop = options_.loop.end_texts;
  params.include_stop_text = true;
  LiveSelection live;
  live.problem = problem;
  live.selection.problem_id = problems_[problem].id;
  live.selection.index = index;
  live.selection.seed = params.seed;
  live.selection.candidates = round.prompt->candidates;
  live.selection.prompt_tokens = round.prompt->tokens;
  live.selection.start_time = UnixSeconds();
  QED_ASSIGN_OR_RETURN(live.stream, parts_.generator.Open(params));
  const uint64_t id = next_id_++;
  GenerationStream& stream = *live.stream;
  selecting_.emplace(id, std::move(live));
  ++generating_;
  ++round.live;
  stream.Generate(round.prompt->text, params.max_tokens, [this, id](Segment segment) {
    events_.Push(Event{id, std::move(segment)});
  });
  return OkStatus();
}

Status Solver::OnSelection(uint64_t id, Segment segment) {
  const LiveSelection live = std::move(selecting_.extract(id).mapped());
  ProblemState& state = states_[live.problem];
  --generating_;
  --state.round->live;
  if (segment.finish == Segment::Finish::kError && !ConcernsOneSample(segment.error)) {
    return draining_ ? OkStatus() : segment.error;
  }
  // An interrupted one will be made again.
  if (draining_ && segment.finish == Segment::Finish::kCancelled) return OkStatus();
  Selection selection = live.selection;
  selection.text = std::move(segment.text);
  selection.generated_tokens = segment.num_tokens;
  selection.choice =
      ParseJudgment(selection.text, static_cast<int32_t>(selection.candidates.size()));
  if (selection.choice) {
    const int32_t sample = selection.candidates[static_cast<size_t>(*selection.choice)];
    const SampleOutcome& outcome = *outcomes_[live.problem][static_cast<size_t>(sample)];
    selection.answer_class = outcome.answer_class.empty() ? outcome.answer : outcome.answer_class;
  }
  selection.end_time = UnixSeconds();
  selection.problem_seconds = Seconds(bank_.charged(live.problem));
  selection.run_seconds = seconds();
  QED_RETURN_IF_ERROR(parts_.store.AppendSelection(selection));
  state.selections.push_back(std::move(selection));
  return OkStatus();
}

void Solver::Decide(size_t problem, const Tally& votes) {
  if (options_.select.num_selections == 0) return;
  ProblemState& state = states_[problem];
  selection_outcomes_[problem] =
      DecideSelection(state.selections, votes, problems_[problem].expected_answer.has_value());
  state.summaries.clear();
}

}  // namespace qed

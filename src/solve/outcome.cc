#include "solve/outcome.h"

#include "solve/confidence.h"

namespace qed {

SampleOutcome OutcomeOf(const Sample& sample, VoteWeighting weighting) {
  SampleOutcome outcome;
  outcome.finish = sample.finish;
  outcome.answer = sample.answer;
  outcome.answer_class = sample.answer_class;
  outcome.correct = sample.correct;
  outcome.partial = IsPartial(sample);
  outcome.lowest_window_logprob = sample.transcript.lowest_window_logprob;
  if (weighting == VoteWeighting::kConfidence) {
    outcome.weight = VoteWeight(outcome.lowest_window_logprob);
  }
  outcome.generated_tokens = sample.transcript.generated_tokens;
  outcome.code_calls = static_cast<int64_t>(sample.transcript.code_calls.size());
  return outcome;
}

Tally CountVotes(const ProblemOutcomes& outcomes) {
  std::vector<Ballot> ballots;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i] || !outcomes[i]->counts()) continue;
    const SampleOutcome& outcome = *outcomes[i];
    ballots.push_back({static_cast<int32_t>(i), outcome.answer, outcome.weight, outcome.partial,
                       outcome.answer_class, outcome.correct});
  }
  return CountVotes(ballots);
}

std::optional<bool> MajorityCorrect(const Problem& problem, const Tally& tally) {
  if (!problem.expected_answer) return std::nullopt;
  return !tally.votes.empty() && tally.votes.front().correct.value_or(false);
}

}  // namespace qed

#include "solve/outcome.h"

#include "solve/answer.h"

namespace qed {

SampleOutcome OutcomeOf(const Sample& sample) {
  SampleOutcome outcome;
  outcome.finish = sample.finish;
  outcome.answer = sample.answer;
  outcome.correct = sample.correct;
  outcome.generated_tokens = sample.transcript.generated_tokens;
  outcome.code_calls = static_cast<int64_t>(sample.transcript.code_calls.size());
  return outcome;
}

Tally CountVotes(const ProblemOutcomes& outcomes) {
  std::vector<Ballot> ballots;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i] || !outcomes[i]->counts()) continue;
    ballots.push_back({static_cast<int32_t>(i), outcomes[i]->answer});
  }
  return CountVotes(ballots);
}

std::optional<bool> MajorityCorrect(const Problem& problem, const Tally& tally) {
  if (!problem.expected_answer) return std::nullopt;
  return !tally.votes.empty() &&
         tally.votes.front().answer == NormalizeAnswer(*problem.expected_answer);
}

}  // namespace qed

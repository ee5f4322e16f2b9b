// What of a finished sample votes, metrics and stop rules need: its text stays
// on disk.
#ifndef QED_SOLVE_OUTCOME_H_
#define QED_SOLVE_OUTCOME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "solve/problem.h"
#include "solve/sample.h"
#include "solve/vote.h"

namespace qed {

struct SampleOutcome {
  SampleFinish finish = SampleFinish::kStop;
  std::string answer;        // normalised; empty: none
  std::string answer_class;  // as in Sample
  std::optional<bool> correct;
  bool partial = false;  // see IsPartial
  double weight = 1;     // of its vote
  std::optional<double> lowest_window_logprob;
  int64_t generated_tokens = 0;
  int64_t code_calls = 0;

  // A sample that a stop rule or pruning cut short says nothing about the problem.
  bool counts() const {
    return finish != SampleFinish::kCancelled && finish != SampleFinish::kPruned;
  }
};

// The samples of one problem by their index; empty where not finished yet.
using ProblemOutcomes = std::vector<std::optional<SampleOutcome>>;

// How much a sample's vote weighs: 1, or VoteWeight (solve/confidence.h).
enum class VoteWeighting { kNone, kConfidence };

SampleOutcome OutcomeOf(const Sample& sample, VoteWeighting weighting);

Tally CountVotes(const ProblemOutcomes& outcomes);

// Whether the majority answer is the expected one, by what is known of the samples
// that gave it; none where the expected one is not known.
std::optional<bool> MajorityCorrect(const Problem& problem, const Tally& tally);

}  // namespace qed

#endif  // QED_SOLVE_OUTCOME_H_

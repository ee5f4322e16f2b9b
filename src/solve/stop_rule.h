// When the samples of a problem that still run are not needed any more.
//
// A rule is a list of conditions, written "agree:4,posterior:0.95,done:12"; the
// problem is settled as soon as one of them holds. They look at finished
// samples only: what was cancelled or pruned is neither finished nor
// outstanding. A finished sample without an answer counts for `done` and has no
// vote.
//
//   agree:K      one answer has K votes
//   lead         no answer, and none unseen yet, can win any more, however the
//                outstanding samples vote; exact, the rule for ties included
//   posterior:P  the probability that the leading answer is the model's most
//                likely one is above P (solve/posterior.h)
//   done:N       N samples are finished
//   never        no condition; stands alone
//
// Time is not among them: see solve/time_bank.h.
#ifndef QED_SOLVE_STOP_RULE_H_
#define QED_SOLVE_STOP_RULE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "solve/vote.h"

namespace qed {

// What a rule sees of a problem.
struct Standing {
  Tally tally;
  int32_t outstanding = 0;        // samples that may still vote
  int32_t first_outstanding = 0;  // lowest index among them
};

class StopRule {
 public:
  StopRule() = default;  // never

  // kInvalidArgument naming --stop-when and what is wrong with it.
  static Result<StopRule> Parse(const std::string& text);

  bool never() const { return conditions_.empty(); }

  // The first condition, as it was written, that holds; none while the problem
  // is open.
  std::optional<std::string> Settled(const Standing& standing) const;

 private:
  enum class Kind { kAgree, kLead, kPosterior, kDone };
  struct Condition {
    Kind kind = Kind::kAgree;
    double value = 0;
    std::string text;
  };

  static Result<Condition> ParseCondition(const std::string& text);
  static bool Holds(const Condition& condition, const Standing& standing);

  std::vector<Condition> conditions_;
};

// Whether the leader stays the winner whatever the outstanding samples say. With
// weighted votes an outstanding sample is taken to weigh 1, the most it can.
bool LeaderIsSafe(const Standing& standing);

}  // namespace qed

#endif  // QED_SOLVE_STOP_RULE_H_

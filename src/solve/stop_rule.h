// When the samples of a problem that still run are not needed any more.
#ifndef QED_SOLVE_STOP_RULE_H_
#define QED_SOLVE_STOP_RULE_H_

#include <cstdint>
#include <string>

#include "base/status.h"
#include "solve/vote.h"

namespace qed {

struct StopRule {
  int32_t agree = 0;  // finished samples with the same answer that settle it; 0: never

  // "never" or "agree:K" with K >= 1.
  static Result<StopRule> Parse(const std::string& text);

  // Whether the votes of the finished samples settle the problem.
  bool Settled(const Tally& tally) const;
};

}  // namespace qed

#endif  // QED_SOLVE_STOP_RULE_H_

// Whether answers mean the same where their forms (solve/answer.h) differ:
// asked of something outside of the solver, which never waits for it.
#ifndef QED_SOLVE_ANSWER_COMPARER_H_
#define QED_SOLVE_ANSWER_COMPARER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"

namespace qed {

// All but kEqual count as different.
enum class Verdict {
  kEqual,
  kDifferent,
  kUnreadable,  // one of the two is no answer in a notation that is understood
  kTimeout,     // it took too long
  kFailed,      // the sandbox could not do it
};

// "equal", "different", "unreadable", "timeout", "failed".
const char* VerdictName(Verdict verdict);
Result<Verdict> ParseVerdict(const std::string& name);

struct ComparisonRequest {
  struct Other {
    std::string written;
    // The problem's expected answer: (1, 4) and 1 < x < 4 are one answer then, whichever of
    // the two was expected, and two answers otherwise.
    bool expected = false;
  };

  size_t problem = 0;  // its index
  std::string answer;  // as it was written
  std::vector<Other> others;
};

struct Judgement {
  Verdict verdict = Verdict::kDifferent;
  bool again = false;  // it was cut off, and asked again with more time

  Judgement() = default;
  Judgement(Verdict its_verdict, bool asked_again = false)  // NOLINT: a verdict is one
      : verdict(its_verdict), again(asked_again) {}
  bool operator==(const Judgement&) const = default;
};

// Thread-safe.
class AnswerComparer {
 public:
  // One for each of the others, in their order, up to the first kEqual of one that is
  // not the expected answer.
  using Verdicts = std::vector<Judgement>;

  virtual ~AnswerComparer() = default;
  // `done` is called once, from any thread, perhaps before Compare returns.
  virtual void Compare(ComparisonRequest request, std::function<void(Verdicts)> done) = 0;
  // Ends what runs. Once it returned no `done` is called any more, and nothing
  // may be compared.
  virtual void Stop() = 0;
};

}  // namespace qed

#endif  // QED_SOLVE_ANSWER_COMPARER_H_

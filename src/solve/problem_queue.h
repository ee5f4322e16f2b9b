// Problems shared out among several solvers.
#ifndef QED_SOLVE_PROBLEM_QUEUE_H_
#define QED_SOLVE_PROBLEM_QUEUE_H_

#include <cstddef>
#include <optional>

namespace qed {

class ProblemQueue {
 public:
  virtual ~ProblemQueue() = default;
  // The index of a problem that from now on is the caller's alone; none: there are no more.
  // May wait for an answer of another process.
  virtual std::optional<size_t> Take() = 0;
};

}  // namespace qed

#endif  // QED_SOLVE_PROBLEM_QUEUE_H_

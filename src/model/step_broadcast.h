// How the first of several ranks tells the others of its steps.
#ifndef QED_MODEL_STEP_BROADCAST_H_
#define QED_MODEL_STEP_BROADCAST_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/language_model.h"
#include "parallel/communicator.h"

namespace qed {

// On the first rank. Not thread-safe.
class StepTeller {
 public:
  // `ranks` must outlive it. Steps of so many words are told without allocating.
  StepTeller(Communicator& ranks, size_t words);

  void Tell(const ForwardBatch& batch);

 private:
  Communicator& ranks_;
  std::vector<int32_t> message_;
};

// Of steps whose sequences have whole contexts, as far as there are pages. `max_rows`: tokens and
// rows of logits.
size_t WordsOfSteps(int32_t max_rows, int32_t max_sequences, int32_t num_pages);

// On the other ranks: calls compute(step) for each step of the first one's until that one ends or
// compute says false.
void FollowSteps(Communicator& ranks, const std::function<bool(const ForwardBatch&)>& compute);

}  // namespace qed

#endif  // QED_MODEL_STEP_BROADCAST_H_

// Drafts that a head on the device made right behind the step before (draft/cuda_redrafter.h):
// they come with the requests and are cut where more would not pay.
#ifndef QED_DRAFT_STEP_DRAFTER_H_
#define QED_DRAFT_STEP_DRAFTER_H_

#include <cstdint>
#include <span>

#include "draft/drafter.h"

namespace qed {

class StepDrafter : public Drafter {
 public:
  void Start(uint64_t, std::span<const int32_t>) override {}
  void Append(uint64_t, std::span<const int32_t>) override {}
  void Propose(std::span<DraftRequest> requests) override;
  void End(uint64_t) override {}
};

// The kind of a head's draft: how sure the head is of it, and whether it is its chain's first.
int32_t HeadKind(double probability, bool first);

// Adds a head's draft to the request's; false where the chain is to end with it: there are as
// many as are wanted, or what it goes on with would not pay. `reached`: how likely all drafts
// before it are right, and after it this one too.
bool AddHeadDraft(int32_t id, double probability, double& reached, DraftRequest& request);

}  // namespace qed

#endif  // QED_DRAFT_STEP_DRAFTER_H_

#include "draft/step_drafter.h"

#include <algorithm>
#include <array>

namespace qed {

int32_t HeadKind(double probability, bool first) {
  constexpr std::array<double, 7> kBounds = {0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97};
  const auto bucket =
      static_cast<int32_t>(std::ranges::upper_bound(kBounds, probability) - kBounds.begin());
  return 2 * bucket + (first ? 1 : 0);
}

bool AddHeadDraft(int32_t id, double probability, double& reached, DraftRequest& request) {
  const Draft draft = {id, HeadKind(probability, request.count == 0)};
  request.drafts[static_cast<size_t>(request.count++)] = draft;
  if (!request.odds.empty()) reached *= double{request.odds[static_cast<size_t>(draft.kind)]};
  return request.count < request.wanted && reached >= request.least;
}

void StepDrafter::Propose(std::span<DraftRequest> requests) {
  for (DraftRequest& request : requests) {
    request.count = 0;
    double reached = 1;
    if (request.wanted <= 0) continue;
    for (const HeadDraft& draft : request.of_step) {
      if (!AddHeadDraft(draft.id, double{draft.probability}, reached, request)) break;
    }
  }
}

}  // namespace qed

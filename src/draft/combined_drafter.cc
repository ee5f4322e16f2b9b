#include "draft/combined_drafter.h"

#include "base/check.h"

namespace qed {

double PromisedTokens(const DraftRequest& request) {
  double reached = 1, promised = 0;
  for (const Draft& draft : std::span(request.drafts).first(static_cast<size_t>(request.count))) {
    if (!request.odds.empty()) reached *= request.odds[static_cast<size_t>(draft.kind)];
    promised += reached;
  }
  return promised;
}

void CombinedDrafter::Start(uint64_t sequence, std::span<const int32_t> prompt) {
  free_->Start(sequence, prompt);
  head_->Start(sequence, prompt);
}

void CombinedDrafter::Append(uint64_t sequence, std::span<const int32_t> tokens) {
  free_->Append(sequence, tokens);
  head_->Append(sequence, tokens);
}

void CombinedDrafter::End(uint64_t sequence) {
  free_->End(sequence);
  head_->End(sequence);
}

void CombinedDrafter::Propose(std::span<DraftRequest> requests) {
  free_->Propose(requests);
  asked_.clear();
  asking_.clear();
  for (DraftRequest& request : requests) {
    if (request.count > 0 && PromisedTokens(request) >= usual_) continue;
    asking_.push_back(&request);
    DraftRequest& asked = asked_.emplace_back(request);
    if (!asked.odds.empty()) asked.odds = asked.odds.subspan(kKindsOfDrafter);
  }
  if (asked_.empty()) return;
  head_->Propose(asked_);
  for (size_t i = 0; i < asked_.size(); ++i) {
    DraftRequest& of_free = *asking_[i];
    const double promised = PromisedTokens(asked_[i]);
    constexpr double kMemory = 0.98;
    usual_ = kMemory * usual_ + (1 - kMemory) * promised;
    if (promised < PromisedTokens(of_free)) continue;
    of_free.count = asked_[i].count;
    for (int32_t d = 0; d < asked_[i].count; ++d) {
      const Draft& draft = asked_[i].drafts[static_cast<size_t>(d)];
      QED_CHECK_LT(draft.kind, kKindsOfDrafter);
      of_free.drafts[static_cast<size_t>(d)] = {draft.id, draft.kind + kKindsOfDrafter};
    }
  }
}

}  // namespace qed

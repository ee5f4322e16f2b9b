// Two drafters as one: one that costs next to nothing (suffixes) and one that computes (a
// ReDrafter head). The second is asked where the first has little to say, and of both
// chains the one that promises more right drafts is taken.
#ifndef QED_DRAFT_COMBINED_DRAFTER_H_
#define QED_DRAFT_COMBINED_DRAFTER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "draft/drafter.h"

namespace qed {

// How many of the chain's drafts are likely to be right, all before each being so;
// without odds, their number.
double PromisedTokens(const DraftRequest& request);

class CombinedDrafter : public Drafter {
 public:
  // Kinds of `head` are moved up by kKindsOfDrafter.
  CombinedDrafter(std::unique_ptr<Drafter> free, std::unique_ptr<Drafter> head)
      : free_(std::move(free)), head_(std::move(head)) {}

  void Start(uint64_t sequence, std::span<const int32_t> prompt) override;
  void Append(uint64_t sequence, std::span<const int32_t> tokens) override;
  void Propose(std::span<DraftRequest> requests) override;
  void End(uint64_t sequence) override;

 private:
  const std::unique_ptr<Drafter> free_, head_;
  // What the head's chains promise on average, lately; at first it is asked always.
  double usual_ = kMaxDrafts;
  std::vector<DraftRequest> asked_;  // what the head is asked, and for whom
  std::vector<DraftRequest*> asking_;
};

}  // namespace qed

#endif  // QED_DRAFT_COMBINED_DRAFTER_H_

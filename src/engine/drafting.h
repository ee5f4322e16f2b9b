// What the engine does about drafts: asks the drafter, chooses how many of them pay,
// and learns from what became of them.
//
// A sequence's chance that a draft is right is its own record for drafts of that kind,
// begun with the record of all sequences. How many drafts a step takes follows from
// these chances and from what rows cost (draft/draft_budget.h): none where there are so
// many sequences that another row costs as much as it promises.
#ifndef QED_ENGINE_DRAFTING_H_
#define QED_ENGINE_DRAFTING_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "draft/acceptance.h"
#include "draft/draft_budget.h"
#include "draft/drafter.h"
#include "engine/engine_stats.h"
#include "engine/sequence.h"

namespace qed {

struct DraftingOptions {
  int32_t max_drafts = kMaxDrafts;  // of a sequence in a step
  bool always = false;  // all drafts are computed, whether they pay or not: for measurements, tests
};

// Not thread-safe: of the step thread.
class Drafting {
 public:
  Drafting(std::unique_ptr<Drafter> drafter, StepCost cost, DraftingOptions options);

  // Whether drafts are to be looked for in a step of `sequences` sequences. They are not
  // while they cannot pay, and not for a while where for long none were worth computing:
  // steps need not wait for one another then. To be asked once a step.
  bool Wanted(int32_t sequences);

  // Sets the drafts of those of `running` that could use some. REQUIRES: no step in
  // flight; nobody has drafts yet.
  void Propose(std::span<Sequence* const> running, int32_t max_seq_len);
  // What the model's head saw when it gave the sequence's newest token.
  static void SetHidden(Sequence& sequence, std::span<const float> hidden) {
    sequence.hidden.assign(hidden.begin(), hidden.end());
  }
  // The sequence's drafts are in a step.
  void CountStep(const Sequence& sequence);
  // The draft at `place` of the sequence was drawn, or something else was.
  void Count(Sequence& sequence, int32_t place, bool accepted);
  // The sequence goes.
  void End(Sequence& sequence);

  const DraftStats& stats() const { return stats_; }

 private:
  bool CanDraft(const Sequence& sequence, int32_t max_seq_len, int32_t* wanted) const;
  void Tell(Sequence& sequence);
  void Offer(std::span<Sequence* const> running);

  const std::unique_ptr<Drafter> drafter_;
  const StepCost cost_;
  const DraftingOptions options_;
  Acceptance all_;
  DraftStats stats_;
  int32_t in_vain_ = 0;  // steps without a draft worth computing, one after another
  int32_t rest_ = 0;     // steps until drafts are looked for again
  // One step's working memory.
  std::vector<DraftRequest> requests_;
  std::vector<Sequence*> asking_;  // whose requests these are
  std::vector<DraftOffer> offers_;
};

}  // namespace qed

#endif  // QED_ENGINE_DRAFTING_H_

// What the engine does about drafts: asks the drafter, chooses how many of them pay,
// and learns from what became of them.
//
// A sequence's chance that a draft is right is its own record for drafts of that kind,
// begun with the record of all sequences. How many drafts a step takes follows from
// these chances and from what rows cost (draft/draft_budget.h): none where there are so
// many sequences that another row costs as much as it promises. The drafter's own time is
// measured too: where for kPatience steps drafts saved less than looking for them took (for kSoon
// where that is clear), none are looked for in the next kRest, then in twice as many and so on, and
// the log says so. With fewer sequences it is tried anew.
#ifndef QED_ENGINE_DRAFTING_H_
#define QED_ENGINE_DRAFTING_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "draft/acceptance.h"
#include "draft/draft_budget.h"
#include "draft/drafter.h"
#include "engine/engine_stats.h"
#include "engine/sequence.h"
#include "engine/step_runner.h"

namespace qed {

struct DraftingOptions {
  int32_t max_drafts = kMaxDrafts;  // of a sequence in a step
  int32_t max_rows = 1 << 30;       // of logits of a step, those of drafts among them
  bool on_cpu = false;  // costs are of the process's processor time (engine/step_cost.h)
  bool quiet = false;   // nothing is said where drafts do not pay: nobody asked for them
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
  // flight; nobody has drafts yet. `runner` may have made some.
  void Propose(std::span<Sequence* const> running, int32_t max_seq_len, StepRunner& runner);
  // How many drafts a head of the runner's is to make behind the step that was just planned: one
  // more than any sequence's were worth computing, for each takes its time.
  int32_t HeadDrafts(const StepRunner& runner) const;
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
  // Steps in which drafts are looked for, then steps without.
  static constexpr int32_t kSoon = 20, kPatience = 100;
  static constexpr int32_t kRest = 400, kMostRest = 6400;
  static constexpr int32_t kFirstHeadDrafts = 2;

  bool CanDraft(const Sequence& sequence, int32_t max_seq_len, int32_t* wanted) const;
  void Tell(Sequence& sequence);
  void Ask(std::span<Sequence* const> running, int32_t max_seq_len, StepRunner& runner);
  std::span<const float> OddsOf(const Sequence& sequence);
  double LeastThatPays(int32_t sequences) const;
  void Offer(int32_t sequences);
  void Cut(size_t taken);
  void Balance(int32_t sequences, size_t taken);

  const std::unique_ptr<Drafter> drafter_;
  const StepCost cost_;
  const DraftingOptions options_;
  Acceptance all_;
  DraftStats stats_;
  // Of up to kPatience steps: what they took, drafts' making included, and what their
  // tokens would have taken without drafts. Seconds.
  int32_t balanced_ = 0;
  double spent_ = 0, instead_ = 0;
  double asking_seconds_ = 0;           // of the step at hand
  double draft_seconds_ = 0;            // of a draft, on average
  int32_t deepest_ = kFirstHeadDrafts;  // most drafts of a sequence in the step at hand
  int32_t rest_ = 0;                    // steps until drafts are looked for again
  int32_t rest_from_ = 0;               // of those with so many sequences or more
  int32_t next_rest_ = kRest;           // should they not pay then
  bool rested_ = false;                 // the log has said it
  // One step's working memory.
  std::vector<std::array<float, kDraftKinds>> odds_;  // of each request
  std::vector<DraftRequest> requests_;
  std::vector<std::array<HeadDraft, kMaxDrafts>> of_step_;  // of each request
  std::vector<Sequence*> asking_;                           // whose requests these are
  std::vector<DraftOffer> offers_;
};

}  // namespace qed

#endif  // QED_ENGINE_DRAFTING_H_

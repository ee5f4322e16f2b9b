// What the next step computes: a pure function of lists and counts. It knows no
// clock, thread or tensor, so that a policy is a table in a test.
//
// - Decodes go first (one token of every running sequence), then prefill chunks,
//   oldest sequence first, within max_num_tokens.
// - Waiting sequences are admitted oldest first, while there is room in the
//   batch and pages for all their tokens; nobody overtakes on pages.
// - A waiting sequence whose next page of the prompt is being computed by
//   another one waits for it, then shares it: N samples of one problem prefill
//   the prompt once.
// - A step has max_logit_rows rows of logits. Every sequence has one; one that
//   scores its prompt takes up to half of those that are left, so that others are
//   still admitted.
// - Drafts of the next tokens take what is left: tokens, rows of logits and pages
//   that nobody else wants in this step. They displace nobody.
// - When pages are short, parked sequences (ended, kept for a Continue) give up
//   theirs, least recently used first; then the newest sequences give up theirs
//   and are computed again later. The oldest one never does, so it always
//   progresses, and as every sequence ends, each becomes the oldest in time.
#ifndef QED_SCHEDULE_SCHEDULER_H_
#define QED_SCHEDULE_SCHEDULER_H_

#include <cstdint>
#include <span>
#include <vector>

namespace qed {

// A running or waiting sequence as the scheduler sees it.
struct SequenceView {
  uint64_t arrival = 0;  // smaller is older; unique
  int32_t tokens = 0;    // so far: prompt and generated, those being sampled too
  // Of them, in the sequence's pages; fewer, but for a running sequence that has
  // nothing to compute until the steps in flight are over.
  int32_t computed = 0;
  int32_t pages = 0;            // held; a waiting sequence holds some after a Continue
  int32_t exclusive_pages = 0;  // of them, held by nobody else: what giving them up frees
  // For a waiting sequence that holds no pages, what the prefix index has for it.
  int32_t cached_pages = 0;
  int32_t idle_cached_pages = 0;  // of them, counted in available_pages until claimed
  // Each of its tokens takes a row of logits, not only the last.
  bool scores_prompt = false;
  // Drafts of what follows its newest token, at most as many as can become tokens.
  int32_t drafts = 0;
  // Two sequences with the same key (not 0) are about to compute the same page.
  uint64_t next_page_key = 0;
};

struct ScheduleInput {
  int32_t max_batch_size = 0;
  int32_t max_logit_rows = 0;  // at least max_batch_size
  int32_t max_num_tokens = 0;
  int32_t page_size = 0;
  int32_t available_pages = 0;                 // free or cached
  std::span<const SequenceView> running = {};  // oldest first
  std::span<const SequenceView> waiting = {};  // oldest first
  std::span<const int32_t> parked_pages = {};  // exclusive pages of each parked sequence, least
                                               // recently used first
};

// Carried out in this order: give up, preempt, drop; then all admitted sequences
// claim what the prefix index has for them, before any page is taken; then the
// work. A step that frees pages admits nobody.
struct StepPlan {
  struct Work {
    int32_t index = 0;       // in `running` or `waiting`
    bool admitted = false;   // it is from `waiting`
    int32_t num_tokens = 0;  // to compute, from where it stands
    int32_t num_drafts = 0;  // to compute behind them, in pages that may be given back
  };
  std::vector<int32_t> give_up;  // of `parked_pages`: free their pages
  std::vector<int32_t> preempt;  // of `running`: free their pages, back to waiting
  std::vector<int32_t> drop;     // of `waiting`: free their pages
  std::vector<Work> work;        // running ones first, oldest first, then admitted ones

  // Room for this many sequences, so that PlanStep allocates nothing unless many
  // waiting or parked ones lose their pages at once.
  void Reserve(int32_t max_batch_size);
  void Clear();
};

// Fills `plan`. The work has at most max_num_tokens tokens (drafts too), max_batch_size
// sequences and max_logit_rows rows of logits, and its pages are available once the
// freeing was carried out.
void PlanStep(const ScheduleInput& input, StepPlan& plan);

}  // namespace qed

#endif  // QED_SCHEDULE_SCHEDULER_H_

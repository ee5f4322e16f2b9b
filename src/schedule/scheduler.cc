#include "schedule/scheduler.h"

#include <algorithm>

namespace qed {
namespace {

bool Contains(const std::vector<int32_t>& list, size_t index) {
  return std::ranges::find(list, static_cast<int32_t>(index)) != list.end();
}

// One call of PlanStep.
class Planner {
 public:
  Planner(const ScheduleInput& in, StepPlan& plan)
      : in_(in),
        plan_(plan),
        budget_(in.max_num_tokens),
        spare_sequences_(in.max_batch_size - static_cast<int32_t>(in.running.size())),
        spare_rows_(in.max_logit_rows - static_cast<int32_t>(in.running.size())),
        available_(in.available_pages) {}

  void Plan() {
    ShareOutBudget();
    GiveRunningTheirPages();
    // Admission counts on what the prefix index has, and on no page that was
    // given up in the same step: it may be one of those.
    if (!NothingFreed()) return;
    Admit();
    AddDrafts();
  }

 private:
  int32_t PagesFor(int32_t tokens) const { return (tokens + in_.page_size - 1) / in_.page_size; }

  // Decides how many tokens each running sequence computes, pages aside. The
  // oldest gets at least one even if it is in prefill and the decodes of the
  // others could use up the step.
  void ShareOutBudget() {
    plan_.work.resize(in_.running.size());
    for (size_t i = 0; i < in_.running.size(); ++i) {
      plan_.work[i] = {.index = static_cast<int32_t>(i)};
    }
    const auto missing = [&](size_t i) { return in_.running[i].tokens - in_.running[i].computed; };
    if (in_.running.empty()) return;
    const int32_t for_oldest = missing(0) > 1 ? 1 : 0;
    budget_ -= for_oldest;
    for (size_t i = 0; i < in_.running.size() && budget_ > 0; ++i) {
      if (missing(i) != 1) continue;
      plan_.work[i].num_tokens = 1;
      --budget_;
    }
    budget_ += for_oldest;
    for (size_t i = 0; i < in_.running.size() && budget_ > 0; ++i) {
      if (missing(i) <= 1) continue;
      plan_.work[i].num_tokens = Chunk(in_.running[i], missing(i));
      budget_ -= plan_.work[i].num_tokens;
    }
  }

  // How many of `missing` tokens a sequence in prefill computes, its own row of
  // logits apart.
  int32_t Chunk(const SequenceView& sequence, int32_t missing) {
    int32_t chunk = std::min(missing, budget_);
    if (!sequence.scores_prompt) return chunk;
    chunk = std::min(chunk, 1 + spare_rows_ / 2);
    spare_rows_ -= chunk - 1;
    return chunk;
  }

  // Takes pages for the running sequences, oldest first; whoever finds none even
  // after the younger ones have lost theirs is preempted itself.
  void GiveRunningTheirPages() {
    size_t kept = 0;
    for (size_t i = 0; i < in_.running.size(); ++i) {
      if (Contains(plan_.preempt, i)) continue;
      const SequenceView& sequence = in_.running[i];
      StepPlan::Work work = plan_.work[i];
      const int32_t needed = PagesFor(sequence.computed + work.num_tokens) - sequence.pages;
      while (needed > available_ && (GiveUpParked() || PreemptYounger(sequence.arrival))) {
      }
      if (needed > available_) {
        // For the oldest this can only be because pages that two of the preempted
        // share were not counted; they are there in the next step.
        if (!IsOldestHolder(i)) Preempt(i);
        continue;
      }
      available_ -= needed;
      if (work.num_tokens > 0) plan_.work[kept++] = work;
    }
    plan_.work.resize(kept);
  }

  void Admit() {
    for (const StepPlan::Work& work : plan_.work) {
      const SequenceView& s = in_.running[work.index];
      promised_ += PagesFor(s.tokens) - PagesFor(s.computed + work.num_tokens);
    }
    for (size_t i = 0; i < in_.waiting.size() && CanAdmit(); ++i) {
      const SequenceView& s = in_.waiting[i];
      if (IsBeingComputed(s.next_page_key)) continue;
      const int32_t had = s.pages > 0 ? s.pages : s.cached_pages;
      const int32_t start = s.pages > 0 ? s.computed : s.cached_pages * in_.page_size;
      const int32_t needed = PagesFor(s.tokens) - had + s.idle_cached_pages;
      const bool alone = in_.running.empty() && plan_.work.empty();
      // One page more for every sequence that decodes beside it, lest it be
      // admitted only to be preempted.
      const int32_t wanted = needed + promised_ + static_cast<int32_t>(plan_.work.size());
      if (wanted > available_) {
        FreePagesToAdmit(s.arrival, wanted, alone);
        return;
      }
      --spare_sequences_;
      --spare_rows_;
      const int32_t chunk = Chunk(s, s.tokens - start);
      const int32_t later = PagesFor(s.tokens) - PagesFor(start + chunk);
      plan_.work.push_back(
          {.index = static_cast<int32_t>(i), .admitted = true, .num_tokens = chunk});
      available_ -= needed - later;
      promised_ += later;
      budget_ -= chunk;
    }
  }

  // Gives drafts to sequences that compute all they know, oldest first.
  void AddDrafts() {
    for (StepPlan::Work& work : plan_.work) {
      if (work.admitted) return;  // They are the last.
      const SequenceView& s = in_.running[work.index];
      const int32_t end = s.computed + work.num_tokens;
      if (end < s.tokens) continue;
      int32_t drafts = std::min({s.drafts, budget_, spare_rows_});
      while (drafts > 0 && PagesFor(end + drafts) - PagesFor(end) > available_) --drafts;
      work.num_drafts = std::max(drafts, 0);
      budget_ -= work.num_drafts;
      spare_rows_ -= work.num_drafts;
      available_ -= PagesFor(end + work.num_drafts) - PagesFor(end);
    }
  }

  bool CanAdmit() const { return spare_sequences_ > 0 && spare_rows_ > 0 && budget_ > 0; }

  // Makes room for a waiting sequence, which gets in with the next step: parked
  // sequences give up their pages where that is enough. Where nothing else runs,
  // younger waiting ones lose theirs too: it must get in.
  void FreePagesToAdmit(uint64_t arrival, int32_t wanted, bool alone) {
    int32_t parked = 0;
    for (int32_t pages : in_.parked_pages) parked += pages;
    if (wanted > available_ + parked && !alone) return;
    while (wanted > available_ && GiveUpParked()) {
    }
    while (wanted > available_ && DropYounger(arrival)) {
    }
  }

  bool NothingFreed() const {
    return plan_.give_up.empty() && plan_.preempt.empty() && plan_.drop.empty();
  }

  bool IsBeingComputed(uint64_t key) const {
    if (key == 0) return false;
    const auto same = [&](const SequenceView& s) { return s.next_page_key == key; };
    return std::ranges::any_of(in_.running, same) ||
           std::ranges::any_of(plan_.work, [&](const StepPlan::Work& work) {
             return work.admitted && same(in_.waiting[work.index]);
           });
  }

  // Whether no sequence older than running[i] holds pages.
  bool IsOldestHolder(size_t i) const {
    return i == 0 && std::ranges::none_of(in_.waiting, [&](const SequenceView& s) {
             return s.pages > 0 && s.arrival < in_.running[i].arrival;
           });
  }

  bool GiveUpParked() {
    if (plan_.give_up.size() == in_.parked_pages.size()) return false;
    const size_t next = plan_.give_up.size();
    available_ += in_.parked_pages[next];
    plan_.give_up.push_back(static_cast<int32_t>(next));
    return true;
  }

  void Preempt(size_t i) {
    available_ += in_.running[i].exclusive_pages;
    plan_.preempt.push_back(static_cast<int32_t>(i));
  }

  // Takes the pages of the newest sequence that is younger than `arrival`.
  bool PreemptYounger(uint64_t arrival) {
    const size_t running = YoungestHolder(in_.running, plan_.preempt, arrival);
    const size_t waiting = YoungestHolder(in_.waiting, plan_.drop, arrival);
    const bool any_running = running < in_.running.size();
    const bool any_waiting = waiting < in_.waiting.size();
    if (!any_running && !any_waiting) return false;
    if (any_running &&
        (!any_waiting || in_.running[running].arrival > in_.waiting[waiting].arrival)) {
      Preempt(running);
    } else {
      Drop(waiting);
    }
    return true;
  }

  bool DropYounger(uint64_t arrival) {
    const size_t waiting = YoungestHolder(in_.waiting, plan_.drop, arrival);
    if (waiting == in_.waiting.size()) return false;
    Drop(waiting);
    return true;
  }

  void Drop(size_t i) {
    available_ += in_.waiting[i].exclusive_pages;
    plan_.drop.push_back(static_cast<int32_t>(i));
  }

  // The newest of `sequences` behind `arrival` that holds pages and has not
  // lost them; sequences.size() if there is none.
  static size_t YoungestHolder(std::span<const SequenceView> sequences,
                               const std::vector<int32_t>& lost, uint64_t arrival) {
    for (size_t i = sequences.size(); i-- > 0 && sequences[i].arrival > arrival;) {
      if (sequences[i].pages > 0 && !Contains(lost, i)) return i;
    }
    return sequences.size();
  }

  const ScheduleInput& in_;
  StepPlan& plan_;
  int32_t budget_;  // tokens
  int32_t spare_sequences_;
  int32_t spare_rows_;  // of logits, beside one for each sequence of the step
  int32_t available_;   // pages
  // Pages that sequences in prefill will still ask for.
  int32_t promised_ = 0;
};

}  // namespace

void StepPlan::Reserve(int32_t max_batch_size) {
  give_up.reserve(max_batch_size);
  preempt.reserve(max_batch_size);
  drop.reserve(max_batch_size);
  work.reserve(max_batch_size);
}

void StepPlan::Clear() {
  give_up.clear();
  preempt.clear();
  drop.clear();
  work.clear();
}

void PlanStep(const ScheduleInput& input, StepPlan& plan) {
  plan.Clear();
  Planner(input, plan).Plan();
}

}  // namespace qed

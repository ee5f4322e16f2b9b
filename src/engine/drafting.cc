#include "engine/drafting.h"

#include <algorithm>
#include <utility>

namespace qed {
namespace {

// What is taken for granted of a kind before anything is known, and how many tries it
// weighs as much as.
constexpr double kFirstRate = 0.5, kFirstWeight = 4;
// What the record of all sequences weighs beside a sequence's own.
constexpr double kOthersWeight = 8;
constexpr float kWindow = 512;
constexpr int32_t kPatience = 100, kRest = 400;  // steps

}  // namespace

Drafting::Drafting(std::unique_ptr<Drafter> drafter, StepCost cost, DraftingOptions options)
    : drafter_(std::move(drafter)), cost_(std::move(cost)), options_(options), all_(kWindow) {}

bool Drafting::Wanted(int32_t sequences) {
  if (sequences == 0) return false;
  if (options_.always) return true;
  if (rest_ > 0) {
    --rest_;
    return false;
  }
  return DraftsCanPay(cost_, sequences);
}

bool Drafting::CanDraft(const Sequence& s, int32_t max_seq_len, int32_t* wanted) const {
  const auto length = static_cast<int32_t>(s.tokens.size());
  if (s.in_flight > 0 || s.scoring() || length - s.computed != 1 || !s.generated.back()) {
    return false;
  }
  *wanted = std::min({options_.max_drafts, max_seq_len - length - 1,
                      s.stretch.params.max_tokens - s.info.generated_tokens - 1});
  return *wanted > 0;
}

// What the drafter does not know of the sequence yet.
void Drafting::Tell(Sequence& s) {
  const std::span<const int32_t> tokens = s.tokens;
  if (s.told == 0) {
    s.told = std::max(s.first_prompt, 1);
    drafter_->Start(s.id, tokens.first(static_cast<size_t>(s.told)));
  }
  drafter_->Append(s.id, tokens.subspan(static_cast<size_t>(s.told)));
  s.told = static_cast<int32_t>(tokens.size());
}

void Drafting::Propose(std::span<Sequence* const> running, int32_t max_seq_len) {
  requests_.clear();
  asking_.clear();
  for (Sequence* s : running) {
    int32_t wanted = 0;
    if (!CanDraft(*s, max_seq_len, &wanted)) continue;
    Tell(*s);
    const std::span<const int32_t> forced = s->stretch.params.forced_tokens;
    const auto known = std::min(forced.size(), static_cast<size_t>(s->info.generated_tokens));
    requests_.push_back({.sequence = s->id,
                         .newest = s->tokens.back(),
                         .hidden = s->hidden,
                         .known = forced.subspan(known),
                         .wanted = wanted});
    asking_.push_back(s);
  }
  drafter_->Propose(requests_);
  for (size_t i = 0; i < requests_.size(); ++i) {
    const auto count = static_cast<size_t>(requests_[i].count);
    asking_[i]->drafts.assign(requests_[i].drafts.begin(), requests_[i].drafts.begin() + count);
  }
  if (!options_.always) Offer(running);
}

// Cuts the drafts down to those that pay.
void Drafting::Offer(std::span<Sequence* const> running) {
  offers_.clear();
  for (size_t i = 0; i < asking_.size(); ++i) {
    double probability = 1;
    for (const Draft& draft : asking_[i]->drafts) {
      const double rate = all_.Rate(draft.kind, kFirstRate, kFirstWeight);
      probability *= asking_[i]->acceptance.Rate(draft.kind, rate, kOthersWeight);
      offers_.push_back({static_cast<int32_t>(i), probability});
    }
  }
  const size_t taken = ChooseDrafts(cost_, static_cast<int32_t>(running.size()), offers_);
  for (size_t i = 0; i < asking_.size(); ++i) {
    const auto own = static_cast<size_t>(std::ranges::count(
        std::span(offers_).first(taken), static_cast<int32_t>(i), &DraftOffer::sequence));
    for (size_t d = own; d < asking_[i]->drafts.size(); ++d) {
      all_.Fade(asking_[i]->drafts[d].kind);
      asking_[i]->acceptance.Fade(asking_[i]->drafts[d].kind);
    }
    asking_[i]->drafts.resize(own);
  }
  in_vain_ = taken > 0 ? 0 : in_vain_ + 1;
  if (in_vain_ < kPatience) return;
  in_vain_ = 0;
  rest_ = kRest;
}

void Drafting::CountStep(const Sequence& s) {
  stats_.drafts += s.drafts.empty() ? 0 : 1;
  stats_.tokens += static_cast<int64_t>(s.drafts.size());
}

void Drafting::Count(Sequence& s, int32_t place, bool accepted) {
  const auto index = static_cast<size_t>(place);
  const int32_t kind = s.drafts[index].kind;
  ++stats_.tried_at[index];
  stats_.accepted_at[index] += accepted ? 1 : 0;
  stats_.accepted += accepted ? 1 : 0;
  all_.Count(kind, accepted);
  s.acceptance.Count(kind, accepted);
}

void Drafting::End(Sequence& s) {
  if (s.told == 0) return;
  Tell(s);
  drafter_->End(s.id);
}

}  // namespace qed

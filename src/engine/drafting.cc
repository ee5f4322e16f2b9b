#include "engine/drafting.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"
#include "engine/step_cost.h"

namespace qed {
namespace {

// What is taken for granted of a kind before anything is known, and how many tries it
// weighs as much as.
constexpr double kFirstRate = 0.5, kFirstWeight = 4;
// What the record of all sequences weighs beside a sequence's own.
constexpr double kOthersWeight = 8;
constexpr float kWindow = 512;

}  // namespace

Drafting::Drafting(std::unique_ptr<Drafter> drafter, StepCost cost, DraftingOptions options)
    : drafter_(std::move(drafter)), cost_(std::move(cost)), options_(options), all_(kWindow) {}

bool Drafting::Wanted(int32_t sequences) {
  if (sequences == 0 || sequences >= options_.max_rows) return false;
  if (options_.always) return true;
  if (rest_ > 0 && sequences >= rest_from_) {
    --rest_;
    return false;
  }
  if (rest_ > 0) {  // What did not pay for many may pay for few.
    rest_ = 0;
    next_rest_ = kRest;
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

void Drafting::Propose(std::span<Sequence* const> running, int32_t max_seq_len,
                       StepRunner& runner) {
  const double begin = ComputeSeconds(options_.on_cpu);
  Ask(running, max_seq_len, runner);
  drafter_->Propose(requests_);
  asking_seconds_ = ComputeSeconds(options_.on_cpu) - begin;
  int32_t found = 0;
  for (size_t i = 0; i < requests_.size(); ++i) {
    const auto count = static_cast<size_t>(requests_[i].count);
    asking_[i]->drafts.assign(requests_[i].drafts.begin(), requests_[i].drafts.begin() + count);
    found += requests_[i].count;
  }
  constexpr double kMemory = 0.95;
  if (found > 0) {
    const double each = asking_seconds_ / found;
    draft_seconds_ = draft_seconds_ == 0 ? each : kMemory * draft_seconds_ + (1 - kMemory) * each;
  }
  if (!options_.always) Offer(static_cast<int32_t>(running.size()));
  deepest_ = 0;
  for (const Sequence* s : asking_) {
    deepest_ = std::max(deepest_, static_cast<int32_t>(s->drafts.size()));
  }
}

int32_t Drafting::HeadDrafts(const StepRunner& runner) const {
  const int32_t wanted = options_.always ? options_.max_drafts : deepest_ + 1;
  return std::min({wanted, options_.max_drafts, runner.max_head_drafts()});
}

// Fills requests_, one for each sequence that could use drafts.
void Drafting::Ask(std::span<Sequence* const> running, int32_t max_seq_len, StepRunner& runner) {
  requests_.clear();
  asking_.clear();
  odds_.clear();
  odds_.reserve(running.size());  // requests point into these
  of_step_.resize(std::max(of_step_.size(), running.size()));
  const double least = LeastThatPays(static_cast<int32_t>(running.size()));
  for (Sequence* s : running) {
    int32_t wanted = 0;
    if (!CanDraft(*s, max_seq_len, &wanted)) continue;
    Tell(*s);
    std::span<HeadDraft> of_step = of_step_[requests_.size()];
    if (s->index_in_step < 0 || runner.max_head_drafts() == 0) {
      of_step = {};
    } else {
      const std::span<const HeadDraft> made = runner.head_drafts(s->index_in_step);
      of_step = of_step.first(std::min(made.size(), of_step.size()));
      std::ranges::copy(made.first(of_step.size()), of_step.begin());
    }
    const std::span<const int32_t> forced = s->stretch.params.forced_tokens;
    const auto known = std::min(forced.size(), static_cast<size_t>(s->info.generated_tokens));
    requests_.push_back({.sequence = s->id,
                         .newest = s->tokens.back(),
                         .hidden = s->hidden,
                         .of_step = of_step,
                         .known = forced.subspan(known),
                         .wanted = wanted,
                         .odds = OddsOf(*s),
                         .least = least});
    asking_.push_back(s);
  }
}

// How likely the sequence's drafts of each kind are right.
std::span<const float> Drafting::OddsOf(const Sequence& s) {
  std::array<float, kDraftKinds>& odds = odds_.emplace_back();
  for (int32_t kind = 0; kind < kDraftKinds; ++kind) {
    const double all = all_.Rate(kind, kFirstRate, kFirstWeight);
    odds[static_cast<size_t>(kind)] =
        static_cast<float>(s.acceptance.Rate(kind, all, kOthersWeight));
  }
  return odds;
}

// Below this probability a draft gives fewer tokens than the time that its making and its row
// take gives without drafts; rows come in tiles, so that the cost of eight counts.
double Drafting::LeastThatPays(int32_t sequences) const {
  if (options_.always) return 0;
  const double token = cost_.Seconds(sequences) / sequences;
  const double row = (cost_.Seconds(sequences + 8) - cost_.Seconds(sequences)) / 8;
  return (row + draft_seconds_) / token;
}

// Cuts the drafts down to those that pay.
void Drafting::Offer(int32_t sequences) {
  offers_.clear();
  for (size_t i = 0; i < asking_.size(); ++i) {
    double probability = 1;
    for (const Draft& draft : asking_[i]->drafts) {
      probability *= double{odds_[i][static_cast<size_t>(draft.kind)]};
      offers_.push_back({static_cast<int32_t>(i), probability});
    }
  }
  const size_t taken = ChooseDrafts(cost_, sequences, offers_);
  Cut(taken);
  Balance(sequences, taken);
}

// Of offers_, the first `taken` stay.
void Drafting::Cut(size_t taken) {
  for (size_t i = 0; i < asking_.size(); ++i) {
    const auto own = static_cast<size_t>(std::ranges::count(
        std::span(offers_).first(taken), static_cast<int32_t>(i), &DraftOffer::sequence));
    for (size_t d = own; d < asking_[i]->drafts.size(); ++d) {
      all_.Fade(asking_[i]->drafts[d].kind);
      asking_[i]->acceptance.Fade(asking_[i]->drafts[d].kind);
    }
    asking_[i]->drafts.resize(own);
  }
}

// Whether drafts are still worth looking for.
void Drafting::Balance(int32_t sequences, size_t taken) {
  double tokens = sequences;
  for (const DraftOffer& offer : std::span(offers_).first(taken)) tokens += offer.probability;
  const double plain = cost_.Seconds(sequences);
  spent_ += cost_.Seconds(sequences + static_cast<int32_t>(taken)) + asking_seconds_;
  instead_ += plain * tokens / sequences;
  ++balanced_;
  const bool clear = balanced_ >= kSoon && instead_ < (1 - kDraftMargin) * spent_;
  if (balanced_ < kPatience && !clear) return;
  const bool pays = instead_ > (1 + kDraftMargin) * spent_;
  const int32_t steps = std::exchange(balanced_, 0);
  spent_ = instead_ = 0;
  if (pays) {
    rested_ = false;
    next_rest_ = kRest;
    return;
  }
  rest_ = next_rest_;
  rest_from_ = sequences;
  next_rest_ = std::min(2 * next_rest_, kMostRest);
  if (!std::exchange(rested_, true) && !options_.quiet) {
    LogLine("drafts took more time than they saved in " + std::to_string(steps) +
            " steps: none in the next " + std::to_string(rest_) + ", and so on while it is so");
  }
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

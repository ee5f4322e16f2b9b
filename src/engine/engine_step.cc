// One step of the engine: plan, carry out the plan, launch; later finish, commit.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "engine/engine_core.h"

namespace qed {
namespace {

float Elapsed(Clock::Time begin, Clock::Time end) {
  return static_cast<float>(Seconds(end - begin));
}

}  // namespace

void EngineCore::Step() {
  QED_CHECK(deliveries_.empty() ||
            std::ranges::all_of(deliveries_, [](const Sequence* s) { return s->done; }))
      << "a step before the last one was delivered";
  last_record_.reset();
  if (!failure_.ok()) return EndAll(FinishReason::kError, failure_);
  const bool drafts =
      drafting_ != nullptr && drafting_->Wanted(static_cast<int32_t>(running_.size()));
  const int32_t depth = drafts ? 1 : runner_.depth();
  while (in_flight_ < depth && LaunchStep(drafts)) {
  }
  if (in_flight_ > 0) FinishStep();
  paused_ = !HasWork();
}

// False if there is nothing to launch before a step in flight is finished.
bool EngineCore::LaunchStep(bool drafts) {
  const Clock::Time begin = Clock::Real().Now();
  for (Sequence* s : running_) s->drafts.clear();
  if (drafts) drafting_->Propose(running_, limits_.max_seq_len, runner_);
  MakeViews();
  PlanStep({.max_batch_size = limits_.max_batch_size,
            .max_logit_rows = limits_.max_logit_rows,
            .max_num_tokens = limits_.max_num_tokens,
            .page_size = cache_.page_size(),
            .available_pages = cache_.pool().available(),
            .running = running_views_,
            .waiting = waiting_views_,
            .parked_pages = parked_pages_},
           plan_);
  // Steps in flight may end sequences, which makes it needless to take pages from others.
  const bool takes_pages = !plan_.give_up.empty() || !plan_.preempt.empty() || !plan_.drop.empty();
  if (takes_pages && in_flight_ > 0) return false;
  ApplyPlan();
  if (batch_.empty()) return false;
  InFlight& step = StepInFlight(in_flight_);
  PackBatch(step);
  const Clock::Time planned = Clock::Real().Now();
  runner_.Launch({.forward = {.tokens = batch_tokens_,
                              .sequences = batch_sequences_,
                              .logit_rows = logit_rows_},
                  .slots = batch_slots_,
                  .samples = samples_,
                  .head_drafts = drafts ? drafting_->HeadDrafts(runner_) : 0});
  ++in_flight_;
  ++stats_.steps;
  for (size_t i = 0; i < batch_.size(); ++i) {
    batch_[i]->computed += batch_sequences_[i].num_rows;
    Publish(*batch_[i]);
  }
  step.after_pause = std::exchange(paused_, false);
  step.record = {.sequences = static_cast<int32_t>(batch_.size()),
                 .tokens = static_cast<int32_t>(batch_tokens_.size()),
                 .plan = Elapsed(begin, planned),
                 .launch = Elapsed(planned, Clock::Real().Now())};
  return true;
}

// Commits what the oldest step in flight sampled.
void EngineCore::FinishStep() {
  InFlight& step = StepInFlight(0);
  const Clock::Time begin = Clock::Real().Now();
  const Result<std::span<const SampledToken>> sampled = runner_.Finish();
  if (!sampled.ok()) {
    failure_ = sampled.status();
    EndAll(FinishReason::kError, failure_);
    in_flight_ = 0;
    return;
  }
  const Clock::Time finished = Clock::Real().Now();
  for (Sequence* s : running_) s->index_in_step = -1;
  size_t row = 0;
  for (InFlightRows& rows : step.sequences) {
    CommitRows(rows, row, sampled->subspan(row, static_cast<size_t>(rows.num_rows)));
    row += static_cast<size_t>(rows.num_rows);
  }
  QED_CHECK_EQ(sampled->size(), row);
  oldest_ = (oldest_ + 1) % static_cast<int32_t>(steps_.size());
  --in_flight_;
  const StepTimes times = runner_.last_times();
  last_record_ = step.record;
  last_record_->finish = Elapsed(begin, finished);
  last_record_->commit = Elapsed(finished, Clock::Real().Now());
  last_record_->run = static_cast<float>(times.run_seconds);
  last_record_->wait = step.after_pause ? 0.0f : static_cast<float>(times.wait_seconds);
}

// What the scheduler is to see. Of the waiting sequences that hold no pages, as
// many as could be admitted: looking up a prefix takes time.
void EngineCore::MakeViews() {
  running_views_.clear();
  waiting_views_.clear();
  candidates_.clear();
  parked_pages_.clear();
  parked_holders_.clear();
  const auto view = [&](const Sequence& s) {
    return SequenceView{.arrival = s.id,
                        .tokens = s.length() - (EndsInFlight(s) ? 1 : 0),
                        .computed = s.computed,
                        .pages = static_cast<int32_t>(s.table.pages.size()),
                        .exclusive_pages = cache_.ExclusivePages(s.table),
                        .scores_prompt = s.scoring(),
                        .drafts = static_cast<int32_t>(s.drafts.size())};
  };
  for (const Sequence* s : running_) {
    SequenceView& v = running_views_.emplace_back(view(*s));
    if (v.tokens - v.computed > 1 && !v.scores_prompt)
      v.next_page_key = cache_.NextKey(s->tokens, s->table);
  }
  const bool any_slot = static_cast<int32_t>(running_.size()) < limits_.max_batch_size;
  int32_t lookups = any_slot ? limits_.max_batch_size : 0;
  for (Sequence* s : waiting_) {
    if (s->table.pages.empty() && lookups == 0) continue;
    candidates_.push_back(s);
    SequenceView& v = waiting_views_.emplace_back(view(*s));
    if (v.pages > 0) continue;
    --lookups;
    if (v.scores_prompt) continue;  // The cache has pages, but no logits.
    const PageCache::Match match = cache_.Lookup(s->tokens);
    v.cached_pages = match.pages;
    v.idle_cached_pages = match.idle;
    v.next_page_key = match.next_key;
  }
  for (Sequence* s : parked_) {
    if (s->table.pages.empty()) continue;
    parked_holders_.push_back(s);
    parked_pages_.push_back(cache_.ExclusivePages(s->table));
  }
}

void EngineCore::ApplyPlan() {
  for (int32_t i : plan_.give_up) FreePages(*parked_holders_[i]);
  for (int32_t i : plan_.drop) FreePages(*candidates_[i]);
  batch_.clear();
  for (const StepPlan::Work& work : plan_.work) {
    batch_.push_back(work.admitted ? candidates_[work.index] : running_[work.index]);
  }
  for (size_t i = 0; i < batch_.size(); ++i) batch_[i]->drafts.resize(plan_.work[i].num_drafts);
  // After this the indices of the plan no longer hold.
  preempted_.clear();
  for (int32_t i : plan_.preempt) preempted_.push_back(running_[i]);
  for (Sequence* sequence : preempted_) {
    FreePages(*sequence);
    LeaveBatch(*sequence);
    Wait(*sequence);
    ++stats_.preemptions;
  }
  // All claims come before the first page is taken, lest it be one of theirs.
  for (size_t i = 0; i < batch_.size(); ++i) {
    if (plan_.work[i].admitted) Admit(*batch_[i]);
  }
  for (size_t i = 0; i < batch_.size(); ++i) {
    const StepPlan::Work& work = plan_.work[i];
    cache_.Extend(batch_[i]->table,
                  int64_t{batch_[i]->computed} + work.num_tokens + work.num_drafts);
  }
}

void EngineCore::Admit(Sequence& sequence) {
  std::erase(waiting_, &sequence);
  sequence.state = SequenceState::kRunning;
  InsertByAge(running_, &sequence);
  if (sequence.table.pages.empty() && !sequence.scoring()) {
    sequence.computed = cache_.Claim(sequence.tokens, sequence.table) * cache_.page_size();
    if (!sequence.was_admitted) {
      sequence.info.cached_tokens = sequence.computed;
      stats_.cached_tokens += sequence.computed;
    }
  }
  sequence.was_admitted = true;
  QED_CHECK(!free_slots_.empty()) << "more sequences run than the batch has room for";
  sequence.slot = free_slots_.back();
  free_slots_.pop_back();
  BarEnds(sequence);
  runner_.Start(sequence.slot, sequence.stretch.params, sequence.tokens, sequence.generated);
}

// Bars what could end the stretch before its min_tokens.
void EngineCore::BarEnds(Sequence& s) const {
  SamplingParams& params = s.stretch.params;
  if (params.min_tokens <= s.info.generated_tokens) return;
  params.barred_ids = params.stop_token_ids;
  const auto& ends = runner_.config().eos_token_ids;
  params.barred_ids.insert(params.barred_ids.end(), ends.begin(), ends.end());
  params.barred_until =
      s.position + static_cast<uint64_t>(params.min_tokens - s.info.generated_tokens);
}

void EngineCore::PackBatch(InFlight& step) {
  batch_tokens_.clear();
  batch_sequences_.clear();
  batch_slots_.clear();
  logit_rows_.clear();
  samples_.clear();
  step.sequences.clear();
  for (size_t i = 0; i < batch_.size(); ++i) {
    Sequence& s = *batch_[i];
    const int32_t rows = plan_.work[i].num_tokens;
    const auto first_row = static_cast<int32_t>(batch_tokens_.size());
    batch_sequences_.push_back({.first_row = first_row,
                                .num_rows = rows + static_cast<int32_t>(s.drafts.size()),
                                .first_position = s.computed,
                                .pages = s.table.pages});
    batch_slots_.push_back(s.slot);
    PackTokens(s, rows);
    PackLogitRows(static_cast<int32_t>(i), rows, step);
  }
}

void EngineCore::PackTokens(Sequence& s, int32_t rows) {
  if (std::cmp_equal(s.computed, s.tokens.size())) {
    batch_tokens_.push_back(kSampledToken);
    return;
  }
  const auto first = s.tokens.begin() + s.computed;
  batch_tokens_.insert(batch_tokens_.end(), first, first + rows);
  const bool written = s.generated[s.computed];
  if (rows == 1 && written) return;
  stats_.prompt_tokens += rows;
  s.info.computed_tokens += rows - (written ? 1 : 0);
}

// The rows of the `rows` tokens of batch_[index], the last ones of batch_tokens_,
// whose logits are wanted: those before a token to score, and the last if all is
// known or being sampled. Behind that come its drafts.
void EngineCore::PackLogitRows(int32_t index, int32_t rows, InFlight& step) {
  Sequence& s = *batch_[index];
  const size_t first_sample = samples_.size();
  const int32_t end = s.computed + rows;
  const int32_t first_row = static_cast<int32_t>(batch_tokens_.size()) - rows;
  for (int32_t next = std::max(s.scored, s.computed + 1); next < s.to_score && next <= end;
       ++next) {
    logit_rows_.push_back(first_row + next - 1 - s.computed);
    samples_.push_back({.sequence = index, .given = s.tokens[next], .next = false});
    s.scored = next + 1;
  }
  const auto scored = static_cast<int32_t>(samples_.size() - first_sample);
  if (end >= s.length()) PackDraws(s, index);
  const auto num_rows = static_cast<int32_t>(samples_.size() - first_sample);
  if (num_rows > 0) step.sequences.push_back({&s, index, num_rows, scored, num_rows - scored});
}

// The row of the sequence's newest token, the last of batch_tokens_, and its drafts.
void EngineCore::PackDraws(Sequence& s, int32_t index) {
  const std::vector<int32_t>& forced = s.stretch.params.forced_tokens;
  for (size_t i = 0; i <= s.drafts.size(); ++i) {
    if (i > 0) {
      const int32_t draft = s.drafts[i - 1].id;
      QED_CHECK(draft >= 0 && draft < limits_.vocab_size) << draft;
      samples_.back().draft = draft;
      batch_tokens_.push_back(draft);
    }
    const size_t known = static_cast<size_t>(s.info.generated_tokens + s.in_flight);
    logit_rows_.push_back(static_cast<int32_t>(batch_tokens_.size()) - 1);
    samples_.push_back({.sequence = index,
                        .position = s.position + s.in_flight,
                        .given = known < forced.size() ? forced[known] : -1});
    ++s.in_flight;
  }
  if (!s.drafts.empty()) drafting_->CountStep(s);
}

// Offers its full pages to the prefix cache, but for one with its last known
// token: that one is computed again where a Continue goes on from it.
void EngineCore::Publish(Sequence& s) {
  cache_.Publish(s.tokens, std::min(s.computed, static_cast<int32_t>(s.tokens.size()) - 1),
                 s.table);
}

// `first` is the row of the step that `sampled` begins with.
void EngineCore::CommitRows(InFlightRows& rows, size_t first,
                            std::span<const SampledToken> sampled) {
  if (rows.sequence == nullptr) return;
  Sequence& s = *rows.sequence;
  deliveries_.push_back(&s);
  const SampledToken* newest = sampled.data();
  for (const SampledToken& token : sampled) {
    newest = &token;
    const bool scores = rows.scored > 0;
    --(scores ? rows.scored : rows.drawn);
    if (token.id < 0) {
      EndBroken(s);
    } else if (scores) {
      s.chunk.prompt_logprobs.push_back({token.id, token.logprob, token.top});
    } else {
      --s.in_flight;
      CommitToken(s, token);
      if (rows.sequence != nullptr && rows.drawn > 0 && !WasDrafted(rows, token.id)) break;
    }
    if (rows.sequence == nullptr) return;  // It ended.
  }
  rows.sequence = nullptr;
  if (drafting_ != nullptr) {
    s.index_in_step = rows.index;
    drafting_->SetHidden(s, runner_.hidden(first + static_cast<size_t>(newest - sampled.data())));
  }
}

// Whether the token that was drawn is the draft whose row is the next to commit. Where
// it is not, that row and those behind it are worth nothing.
bool EngineCore::WasDrafted(InFlightRows& rows, int32_t token) {
  Sequence& s = *rows.sequence;
  const int32_t place = static_cast<int32_t>(s.drafts.size()) - rows.drawn;
  const bool accepted = s.drafts[static_cast<size_t>(place)].id == token;
  drafting_->Count(s, place, accepted);
  if (accepted) return true;
  s.in_flight -= std::exchange(rows.drawn, 0);
  s.computed = static_cast<int32_t>(s.tokens.size()) - 1;
  cache_.Trim(s.table, s.computed);
  return false;
}

void EngineCore::EndBroken(Sequence& s) {
  s.info.error = Corrupt("the model's logits are not finite numbers");
  s.chunk.logprobs.resize(std::min(s.chunk.logprobs.size(), s.chunk.token_ids.size()));
  s.stretch.text.Finish(s.chunk.text);
  EndRunning(s, FinishReason::kError);
}

void EngineCore::EndRunning(Sequence& s, FinishReason reason) {
  LeaveBatch(s);
  EndStretch(s, reason);
}

// Appends the token, and ends the stretch if it says so.
void EngineCore::CommitToken(Sequence& s, const SampledToken& sampled) {
  s.tokens.push_back(sampled.id);
  s.generated.push_back(true);
  ++s.position;
  ++s.info.generated_tokens;
  ++stats_.generated_tokens;
  s.chunk.token_ids.push_back(sampled.id);
  const SamplingParams& params = s.stretch.params;
  if (params.logprobs >= 0) {
    const size_t index = s.chunk.token_ids.size() - 1;
    s.chunk.logprobs.resize(index + 1);
    s.chunk.logprobs[index].token_id = sampled.id;
    s.chunk.logprobs[index].logprob = sampled.logprob;
    s.chunk.logprobs[index].top = sampled.top;
  } else {
    s.chunk.logprobs.clear();
  }
  Publish(s);

  const bool full = s.info.generated_tokens >= params.max_tokens ||
                    static_cast<int32_t>(s.tokens.size()) >= limits_.max_seq_len;
  const bool stop_id = IsStopId(s, sampled.id);
  if (stop_id) s.info.stop_token_id = sampled.id;
  const bool may_match = s.info.generated_tokens > params.min_tokens;
  bool matched = !stop_id && s.stretch.text.Push(sampled.id, may_match, s.chunk.text);
  if (!matched && (stop_id || full)) matched = s.stretch.text.Finish(s.chunk.text);
  if (matched) s.info.stop_reason = s.stretch.text.matched();
  if (matched || stop_id) return EndRunning(s, FinishReason::kStop);
  if (full) return EndRunning(s, FinishReason::kLength);
}

// Whether the tokens in flight end the stretch, whatever they are.
bool EngineCore::EndsInFlight(const Sequence& s) const {
  return s.in_flight > 0 && (s.info.generated_tokens + s.in_flight >= s.stretch.params.max_tokens ||
                             s.length() >= limits_.max_seq_len);
}

bool EngineCore::IsStopId(const Sequence& sequence, int32_t id) const {
  const SamplingParams& params = sequence.stretch.params;
  const auto contains = [id](const std::vector<int32_t>& ids) {
    return std::ranges::find(ids, id) != ids.end();
  };
  return contains(params.stop_token_ids) ||
         (!params.ignore_eos && contains(runner_.config().eos_token_ids));
}

}  // namespace qed

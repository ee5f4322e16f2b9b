// One step of the engine: plan, carry out the plan, compute, sample, commit.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/engine_core.h"

namespace qed {

void EngineCore::Step() {
  QED_CHECK(deliveries_.empty() ||
            std::ranges::all_of(deliveries_, [](const Sequence* s) { return s->done; }))
      << "a step before the last one was delivered";
  MakeViews();
  PlanStep({.max_batch_size = limits_.max_batch_size,
            .max_num_tokens = limits_.max_num_tokens,
            .page_size = cache_.page_size(),
            .available_pages = cache_.pool().available(),
            .running = running_views_,
            .waiting = waiting_views_,
            .parked_pages = parked_pages_},
           plan_);
  ApplyPlan();
  if (batch_.empty()) return;
  PackBatch();
  const std::span<const float> logits = model_.Forward(
      {.tokens = batch_tokens_, .sequences = batch_sequences_, .logit_rows = logit_rows_});
  ++stats_.steps;
  for (size_t i = 0; i < batch_.size(); ++i) {
    Sequence& sequence = *batch_[i];
    sequence.computed += batch_sequences_[i].num_rows;
    cache_.Publish(sequence.tokens, sequence.computed, sequence.table);
  }
  SampleTokens(logits);
  for (size_t i = 0; i < wanted_.size(); ++i) {
    CommitRow(*wanted_[i].sequence, wanted_[i].given, sampled_[i]);
  }
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
                        .tokens = static_cast<int32_t>(s.tokens.size()),
                        .computed = s.computed,
                        .pages = static_cast<int32_t>(s.table.pages.size()),
                        .exclusive_pages = cache_.ExclusivePages(s.table),
                        .scores_prompt = s.scoring()};
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
  // After this the indices of the plan no longer hold.
  preempted_.clear();
  for (int32_t i : plan_.preempt) preempted_.push_back(running_[i]);
  for (Sequence* sequence : preempted_) {
    FreePages(*sequence);
    std::erase(running_, sequence);
    Wait(*sequence);
    ++stats_.preemptions;
  }
  // All claims come before the first page is taken, lest it be one of theirs.
  for (size_t i = 0; i < batch_.size(); ++i) {
    if (plan_.work[i].admitted) Admit(*batch_[i]);
  }
  for (size_t i = 0; i < batch_.size(); ++i) {
    cache_.Extend(batch_[i]->table, int64_t{batch_[i]->computed} + plan_.work[i].num_tokens);
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
}

void EngineCore::PackBatch() {
  batch_tokens_.clear();
  batch_sequences_.clear();
  logit_rows_.clear();
  wanted_.clear();
  for (size_t i = 0; i < batch_.size(); ++i) {
    Sequence& s = *batch_[i];
    const int32_t rows = plan_.work[i].num_tokens;
    batch_sequences_.push_back({.first_row = static_cast<int32_t>(batch_tokens_.size()),
                                .num_rows = rows,
                                .first_position = s.computed,
                                .pages = s.table.pages});
    const auto first = s.tokens.begin() + s.computed;
    batch_tokens_.insert(batch_tokens_.end(), first, first + rows);
    const bool decode = rows == 1 && s.generated[s.computed];
    if (!decode) {
      stats_.prompt_tokens += rows;
      s.info.computed_tokens += rows - (s.generated[s.computed] ? 1 : 0);
    }
    PackLogitRows(s, rows);
  }
}

// The rows of the sequence's `rows` tokens, the last ones of batch_tokens_, whose
// logits are wanted: those before a token to score, and the last if all is known.
void EngineCore::PackLogitRows(Sequence& s, int32_t rows) {
  const int32_t end = s.computed + rows;
  const int32_t first_row = static_cast<int32_t>(batch_tokens_.size()) - rows;
  for (int32_t next = std::max(s.scored, s.computed + 1); next < s.to_score && next <= end;
       ++next) {
    logit_rows_.push_back(first_row + next - 1 - s.computed);
    wanted_.push_back({&s, s.tokens[next]});
  }
  if (end < static_cast<int32_t>(s.tokens.size())) return;
  logit_rows_.push_back(first_row + rows - 1);
  wanted_.push_back({&s, -1});
}

void EngineCore::SampleTokens(std::span<const float> logits) {
  sample_rows_.clear();
  for (size_t r = 0; r < wanted_.size(); ++r) {
    const Sequence& s = *wanted_[r].sequence;
    sample_rows_.push_back({.logits = logits.subspan(r * limits_.vocab_size, limits_.vocab_size),
                            .params = &s.stretch.params,
                            .counts = s.counts ? &*s.counts : nullptr,
                            .position = s.position,
                            .given = wanted_[r].given});
  }
  sampler_.Sample(sample_rows_, std::span(sampled_).first(sample_rows_.size()));
}

void EngineCore::CommitRow(Sequence& s, int32_t given, const SampledToken& sampled) {
  if (s.state != SequenceState::kRunning) return;  // An earlier row ended it.
  if (deliveries_.empty() || deliveries_.back() != &s) deliveries_.push_back(&s);
  if (sampled.id < 0) {
    s.info.error = Corrupt("the model's logits are not finite numbers");
    s.chunk.logprobs.clear();
    s.stretch.text.Finish(s.chunk.text);
    return EndRunning(s, FinishReason::kError);
  }
  if (given < 0) return CommitToken(s, sampled);
  s.chunk.prompt_logprobs.push_back({sampled.id, sampled.logprob, sampled.top});
  ++s.scored;
}

void EngineCore::EndRunning(Sequence& s, FinishReason reason) {
  std::erase(running_, &s);
  EndStretch(s, reason);
}

// Appends the token, and ends the stretch if it says so.
void EngineCore::CommitToken(Sequence& s, const SampledToken& sampled) {
  s.tokens.push_back(sampled.id);
  s.generated.push_back(true);
  if (s.counts) s.counts->Add(sampled.id, true);
  ++s.position;
  ++s.info.generated_tokens;
  ++stats_.generated_tokens;
  s.chunk.token_ids.push_back(sampled.id);
  const SamplingParams& params = s.stretch.params;
  if (params.logprobs >= 0) {
    s.chunk.logprobs.resize(1);
    s.chunk.logprobs[0].token_id = sampled.id;
    s.chunk.logprobs[0].logprob = sampled.logprob;
    s.chunk.logprobs[0].top = sampled.top;
  } else {
    s.chunk.logprobs.clear();
  }

  const bool full = s.info.generated_tokens >= params.max_tokens ||
                    static_cast<int32_t>(s.tokens.size()) >= limits_.max_seq_len;
  const bool stop_id = IsStopId(s, sampled.id);
  if (stop_id) s.info.stop_token_id = sampled.id;
  bool matched = !stop_id && s.stretch.text.Push(sampled.id, s.chunk.text);
  if (!matched && (stop_id || full)) matched = s.stretch.text.Finish(s.chunk.text);
  if (matched) s.info.stop_reason = s.stretch.text.matched();
  if (matched || stop_id) return EndRunning(s, FinishReason::kStop);
  if (full) return EndRunning(s, FinishReason::kLength);
}

bool EngineCore::IsStopId(const Sequence& sequence, int32_t id) const {
  const SamplingParams& params = sequence.stretch.params;
  const auto contains = [id](const std::vector<int32_t>& ids) {
    return std::ranges::find(ids, id) != ids.end();
  };
  return contains(params.stop_token_ids) ||
         (!params.ignore_eos && contains(model_.config().eos_token_ids));
}

}  // namespace qed

#include "engine/engine_core.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/check.h"

namespace qed {

Result<EngineLimits> MakeEngineLimits(const StepRunner& runner, const EngineConfig& config) {
  QED_RETURN_IF_ERROR(ValidateKnobs(config));
  const int32_t context = runner.config().context_length;
  if (context > 0 && config.max_seq_len > context) {
    return InvalidArgument("--max-seq-len is " + std::to_string(config.max_seq_len) +
                           "; the model's context has " + std::to_string(context) + " tokens");
  }
  const int64_t cache_tokens = int64_t{runner.num_pages()} * runner.page_size();
  int64_t max_seq_len = config.max_seq_len > 0 ? config.max_seq_len : context;
  if (max_seq_len <= 0) max_seq_len = cache_tokens;
  if (config.max_seq_len > cache_tokens) {
    return InvalidArgument("--max-seq-len is " + std::to_string(config.max_seq_len) +
                           "; the KV cache has room for " + std::to_string(cache_tokens) +
                           " tokens: raise --kv-cache-bytes");
  }
  EngineLimits limits;
  limits.max_batch_size = std::min(config.max_batch_size, runner.max_batch_size());
  limits.max_logit_rows = std::min(MaxLogitRows(config), runner.max_logit_rows());
  limits.max_num_tokens = std::min(config.max_num_tokens, runner.max_num_tokens());
  limits.max_seq_len = static_cast<int32_t>(
      std::min({max_seq_len, cache_tokens, int64_t{std::numeric_limits<int32_t>::max()}}));
  limits.max_input_len = limits.max_seq_len - 1;
  if (config.max_input_len > 0) {
    limits.max_input_len = std::min(limits.max_input_len, config.max_input_len);
  }
  limits.vocab_size = runner.config().vocab_size;
  return limits;
}

EngineCore::EngineCore(StepRunner& runner, const EngineLimits& limits, bool prefix_cache,
                       std::unique_ptr<Drafting> drafting)
    : runner_(runner),
      limits_(limits),
      cache_(runner.num_pages(), runner.page_size(), prefix_cache),
      drafting_(std::move(drafting)),
      steps_(runner.depth()) {
  const int32_t batch = limits_.max_batch_size;
  free_slots_.reserve(batch);
  for (int32_t slot = batch; slot-- > 0;) free_slots_.push_back(slot);
  for (InFlight& step : steps_) step.sequences.reserve(batch);
  running_.reserve(batch);
  running_views_.reserve(batch);
  plan_.Reserve(batch);
  batch_.reserve(batch);
  batch_tokens_.reserve(limits_.max_num_tokens);
  batch_sequences_.reserve(batch);
  batch_slots_.reserve(batch);
  logit_rows_.reserve(limits_.max_logit_rows);
  samples_.reserve(limits_.max_logit_rows);
}

EngineCore::~EngineCore() = default;

void EngineCore::Submit(std::unique_ptr<Sequence> sequence) {
  Sequence& s = *sequence;
  QED_CHECK(sequences_.emplace(s.id, std::move(sequence)).second);
  BeginStretch(s);
}

void EngineCore::Continue(RequestId id, Stretch stretch) {
  Sequence& sequence = *sequences_.at(id);
  QED_CHECK(sequence.state == SequenceState::kParked) << "sequence " << id << " is not parked";
  std::erase(parked_, &sequence);
  sequence.stretch = std::move(stretch);
  BeginStretch(sequence);
}

// Appends the stretch's tokens and reserves memory for all it can generate.
void EngineCore::BeginStretch(Sequence& s) {
  const std::vector<int32_t>& appended = s.stretch.tokens;
  const SamplingParams& params = s.stretch.params;
  const int64_t most = std::min<int64_t>(
      limits_.max_seq_len,
      static_cast<int64_t>(s.tokens.size() + appended.size()) + params.max_tokens);
  s.tokens.reserve(most);
  s.generated.reserve(most);
  s.table.pages.reserve(cache_.PagesFor(most));
  s.tokens.insert(s.tokens.end(), appended.begin(), appended.end());
  s.generated.resize(s.tokens.size(), false);
  if (s.told == 0 && s.first_prompt == 0) s.first_prompt = static_cast<int32_t>(s.tokens.size());
  const size_t of_a_step = drafting_ == nullptr ? 1 : 1 + kMaxDrafts;
  s.chunk.token_ids.reserve(of_a_step);
  s.chunk.logprobs.reserve(of_a_step);
  s.drafts.reserve(kMaxDrafts);
  s.info = FinishInfo{};
  s.info.prompt_tokens = static_cast<int32_t>(appended.size());
  s.stretch.tokens = {};
  Wait(s);
}

void EngineCore::Wait(Sequence& sequence) {
  sequence.state = SequenceState::kWaiting;
  InsertByAge(waiting_, &sequence);
}

void EngineCore::Release(RequestId id) {
  const auto it = sequences_.find(id);
  if (it == sequences_.end()) return;
  Sequence& sequence = *it->second;
  sequence.keep = false;
  if (sequence.state == SequenceState::kParked) {
    std::erase(parked_, &sequence);
    FreePages(sequence);
    sequence.state = SequenceState::kEnded;
    if (!sequence.done) Erase(sequence);  // Else Deliver does.
  } else {
    EndEarly(sequence, FinishReason::kCancelled, OkStatus());
  }
}

void EngineCore::Cancel(RequestId id) {
  const auto it = sequences_.find(id);
  if (it != sequences_.end()) EndEarly(*it->second, FinishReason::kCancelled, OkStatus());
}

void EngineCore::CancelAll() { EndAll(FinishReason::kCancelled, OkStatus()); }

void EngineCore::EndAll(FinishReason reason, const Status& error) {
  while (!running_.empty()) EndEarly(*running_.back(), reason, error);
  while (!waiting_.empty()) EndEarly(*waiting_.back(), reason, error);
}

// Ends a running or waiting stretch from outside.
void EngineCore::EndEarly(Sequence& sequence, FinishReason reason, const Status& error) {
  if (sequence.state == SequenceState::kRunning) {
    LeaveBatch(sequence);
  } else if (sequence.state == SequenceState::kWaiting) {
    std::erase(waiting_, &sequence);
  } else {
    return;
  }
  // What was held back comes out; that it may complete a stop string is too late.
  sequence.chunk.logprobs.clear();
  sequence.stretch.text.Finish(sequence.chunk.text);
  sequence.info.error = error;
  EndStretch(sequence, reason);
  deliveries_.push_back(&sequence);
}

// Takes a running sequence out of the batch and of the steps in flight: their
// tokens for it count no more, and what they compute behind its last token is not
// kept.
void EngineCore::LeaveBatch(Sequence& sequence) {
  std::erase(running_, &sequence);
  free_slots_.push_back(std::exchange(sequence.slot, -1));
  for (int32_t age = 0; age < in_flight_; ++age) {
    for (InFlightRows& rows : StepInFlight(age).sequences) {
      if (rows.sequence != &sequence) continue;
      rows.sequence = nullptr;
      sequence.scored -= rows.scored;
    }
  }
  sequence.in_flight = 0;
  sequence.computed = std::min(sequence.computed, static_cast<int32_t>(sequence.tokens.size()) - 1);
  cache_.Trim(sequence.table, sequence.computed);
}

// REQUIRES: the sequence is in no list.
void EngineCore::EndStretch(Sequence& sequence, FinishReason reason) {
  sequence.info.reason = reason;
  sequence.done = true;
  sequence.state = sequence.keep ? SequenceState::kParked : SequenceState::kEnded;
  if (sequence.keep) {
    parked_.push_back(&sequence);
  } else {
    FreePages(sequence);
  }
}

void EngineCore::Erase(Sequence& sequence) {
  if (drafting_ != nullptr) drafting_->End(sequence);
  sequences_.erase(sequence.id);
}

void EngineCore::FreePages(Sequence& sequence) {
  cache_.Free(sequence.table);
  sequence.computed = 0;
}

void EngineCore::Deliver() {
  for (Sequence* sequence : deliveries_) {
    TokenChunk& chunk = sequence->chunk;
    if (!chunk.token_ids.empty() || !chunk.text.empty() || !chunk.prompt_logprobs.empty()) {
      sequence->sink->OnTokens(sequence->id, chunk);
    }
    chunk.text.clear();
    chunk.token_ids.clear();
    chunk.prompt_logprobs.clear();
    if (!sequence->done) continue;
    sequence->done = false;
    sequence->sink->OnDone(sequence->id, sequence->info);
    if (sequence->state == SequenceState::kEnded) Erase(*sequence);
  }
  deliveries_.clear();
}

EngineStats EngineCore::Stats() const {
  EngineStats stats = stats_;
  if (drafting_ != nullptr) stats.drafts = drafting_->stats();
  stats.running = static_cast<int32_t>(running_.size());
  stats.waiting = static_cast<int32_t>(waiting_.size());
  stats.kept = static_cast<int32_t>(parked_.size());
  stats.pages_total = cache_.pool().total();
  stats.pages_free = cache_.pool().free();
  stats.pages_cached = cache_.pool().cached();
  return stats;
}

Status EngineCore::CheckIntegrity() const {
  std::vector<const PageTable*> tables;
  std::vector<bool> slot_used(limits_.max_batch_size, false);
  for (int32_t slot : free_slots_) slot_used[slot] = true;
  size_t slots = free_slots_.size();
  for (const auto& [id, sequence] : sequences_) {
    tables.push_back(&sequence->table);
    QED_RETURN_IF_ERROR(CheckSequence(*sequence).WithPrefix("sequence " + std::to_string(id)));
    if (sequence->slot < 0) continue;
    if (slot_used[sequence->slot]) return Corrupt("a slot is used twice");
    slot_used[sequence->slot] = true;
    ++slots;
  }
  if (std::cmp_not_equal(slots, limits_.max_batch_size)) return Corrupt("slots are lost");
  return cache_.CheckIntegrity(tables);
}

Status EngineCore::CheckSequence(const Sequence& s) const {
  const auto times = [&](const std::vector<Sequence*>& list) {
    return std::ranges::count(list, &s);
  };
  const bool running = s.state == SequenceState::kRunning;
  if (times(running_) != running || times(waiting_) != (s.state == SequenceState::kWaiting) ||
      times(parked_) != (s.state == SequenceState::kParked)) {
    return Corrupt("in a wrong list");
  }
  if ((s.slot >= 0) != running) return Corrupt("a slot without running, or none");
  if (std::cmp_not_equal(s.table.pages.size(), cache_.PagesFor(s.computed))) {
    return Corrupt(std::to_string(s.table.pages.size()) + " pages for " +
                   std::to_string(s.computed) + " tokens");
  }
  if (s.computed > 0 && s.computed >= s.length()) return Corrupt("computed more than is known");
  int32_t in_flight = 0;
  for (int32_t age = 0; age < in_flight_; ++age) {
    for (const InFlightRows& rows : steps_[(oldest_ + age) % steps_.size()].sequences) {
      if (rows.sequence == &s) in_flight += rows.drawn;
    }
  }
  if (in_flight != s.in_flight) return Corrupt("a miscounted token in flight");
  return OkStatus();
}

}  // namespace qed

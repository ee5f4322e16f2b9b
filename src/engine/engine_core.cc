#include "engine/engine_core.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/check.h"

namespace qed {
Result<EngineLimits> MakeEngineLimits(const LanguageModel& model, const EngineConfig& config) {
  QED_RETURN_IF_ERROR(ValidateKnobs(config));
  const int32_t context = model.config().context_length;
  if (context > 0 && config.max_seq_len > context) {
    return InvalidArgument("--max-seq-len is " + std::to_string(config.max_seq_len) +
                           "; the model's context has " + std::to_string(context) + " tokens");
  }
  const int64_t cache_tokens = int64_t{model.num_pages()} * model.page_size();
  int64_t max_seq_len = config.max_seq_len > 0 ? config.max_seq_len : context;
  if (max_seq_len <= 0) max_seq_len = cache_tokens;
  if (config.max_seq_len > cache_tokens) {
    return InvalidArgument("--max-seq-len is " + std::to_string(config.max_seq_len) +
                           "; the KV cache has room for " + std::to_string(cache_tokens) +
                           " tokens: raise --kv-cache-bytes");
  }
  EngineLimits limits;
  limits.max_batch_size = std::min(config.max_batch_size, model.max_batch_size());
  limits.max_num_tokens = std::min(config.max_num_tokens, model.max_num_tokens());
  limits.max_seq_len = static_cast<int32_t>(
      std::min({max_seq_len, cache_tokens, int64_t{std::numeric_limits<int32_t>::max()}}));
  limits.vocab_size = model.config().vocab_size;
  return limits;
}

EngineCore::EngineCore(LanguageModel& model, const EngineLimits& limits, bool prefix_cache,
                       ThreadPool& pool)
    : model_(model),
      limits_(limits),
      cache_(model.num_pages(), model.page_size(), prefix_cache),
      sampler_(limits.vocab_size, pool) {
  const int32_t batch = limits_.max_batch_size;
  running_.reserve(batch);
  running_views_.reserve(batch);
  plan_.Reserve(batch);
  batch_.reserve(batch);
  batch_tokens_.reserve(limits_.max_num_tokens);
  batch_sequences_.reserve(batch);
  logit_rows_.reserve(batch);
  wanted_.reserve(batch);
  sample_rows_.reserve(batch);
  sampled_.resize(batch);
  for (SampledToken& token : sampled_) token.top.reserve(kMaxLogprobs);
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
  s.counts.reset();
  if (HasPenalties(params)) {
    s.counts.emplace(limits_.vocab_size, most);
    for (size_t i = 0; i < s.tokens.size(); ++i) s.counts->Add(s.tokens[i], s.generated[i]);
  }
  s.chunk.token_ids.reserve(1);
  s.chunk.logprobs.reserve(1);
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
    if (!sequence.done) sequences_.erase(it);  // Else Deliver does.
  } else {
    CancelStretch(sequence);
  }
}

void EngineCore::Cancel(RequestId id) {
  const auto it = sequences_.find(id);
  if (it != sequences_.end()) CancelStretch(*it->second);
}

void EngineCore::CancelAll() {
  while (!running_.empty()) CancelStretch(*running_.back());
  while (!waiting_.empty()) CancelStretch(*waiting_.back());
}

void EngineCore::CancelStretch(Sequence& sequence) {
  if (sequence.state == SequenceState::kRunning) {
    std::erase(running_, &sequence);
  } else if (sequence.state == SequenceState::kWaiting) {
    std::erase(waiting_, &sequence);
  } else {
    return;
  }
  // What was held back comes out; that it may complete a stop string is too late.
  sequence.chunk.logprobs.clear();
  sequence.stretch.text.Finish(sequence.chunk.text);
  EndStretch(sequence, FinishReason::kCancelled);
  deliveries_.push_back(&sequence);
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
    if (sequence->state == SequenceState::kEnded) sequences_.erase(sequence->id);
  }
  deliveries_.clear();
}

EngineStats EngineCore::Stats() const {
  EngineStats stats = stats_;
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
  for (const auto& [id, sequence] : sequences_) {
    const Sequence& s = *sequence;
    const std::string name = "sequence " + std::to_string(id) + ": ";
    tables.push_back(&s.table);
    const auto times = [&](const std::vector<Sequence*>& list) {
      return std::ranges::count(list, &s);
    };
    if (times(running_) != (s.state == SequenceState::kRunning) ||
        times(waiting_) != (s.state == SequenceState::kWaiting) ||
        times(parked_) != (s.state == SequenceState::kParked)) {
      return Corrupt(name + "in a wrong list");
    }
    if (static_cast<int32_t>(s.table.pages.size()) != cache_.PagesFor(s.computed)) {
      return Corrupt(name + std::to_string(s.table.pages.size()) + " pages for " +
                     std::to_string(s.computed) + " tokens");
    }
    if (s.computed > 0 && s.computed >= static_cast<int32_t>(s.tokens.size())) {
      return Corrupt(name + "computed more than is known");
    }
  }
  if (static_cast<int32_t>(running_.size()) > limits_.max_batch_size) {
    return Corrupt("more sequences run than the batch has room for");
  }
  return cache_.CheckIntegrity(tables);
}

}  // namespace qed

#include "engine/cpu_step_runner.h"

#include <utility>

#include "base/check.h"

namespace qed {

CpuStepRunner::CpuStepRunner(LanguageModel& model, ThreadPool& pool)
    : model_(model),
      sampler_(model.config().vocab_size, pool),
      slots_(model.max_batch_size()),
      sampled_(model.max_logit_rows()) {
  tokens_.reserve(model.max_num_tokens());
  rows_.reserve(model.max_logit_rows());
  for (SampledToken& token : sampled_) token.top.reserve(kMaxLogprobs);
}

void CpuStepRunner::Start(int32_t slot, const SamplingParams& params,
                          std::span<const int32_t> tokens, const std::vector<bool>& generated) {
  Slot& s = slots_[slot];
  s.params = params;
  s.last_token = kSampledToken;
  s.biases = MakeTokenBiases(params);
  s.counts.reset();
  if (!HasPenalties(params)) return;
  s.counts.emplace(model_.config().vocab_size,
                   static_cast<int64_t>(tokens.size()) + params.max_tokens);
  for (size_t i = 0; i < tokens.size(); ++i) s.counts->Add(tokens[i], generated[i]);
}

void CpuStepRunner::Launch(const StepBatch& batch) {
  QED_CHECK(!num_sampled_) << "a step was launched before the last one was finished";
  QED_CHECK_EQ(batch.slots.size(), batch.forward.sequences.size());
  QED_CHECK_EQ(batch.samples.size(), batch.forward.logit_rows.size());
  const Clock::Time begin = Clock::Real().Now();
  ForwardBatch forward = batch.forward;
  forward.tokens = ResolveTokens(batch);
  Sample(batch, model_.Forward(forward));
  num_sampled_ = batch.samples.size();
  const Clock::Time end = Clock::Real().Now();
  times_ = {.run_seconds = Seconds(end - begin),
            .wait_seconds = last_end_ ? Seconds(begin - *last_end_) : 0.0};
  last_end_ = end;
}

Result<std::span<const SampledToken>> CpuStepRunner::Finish() {
  QED_CHECK(num_sampled_) << "no step is in flight";
  return std::span<const SampledToken>(sampled_).first(*std::exchange(num_sampled_, {}));
}

std::span<const float> CpuStepRunner::hidden(size_t row) const {
  const std::span<const float> all = model_.hidden();
  const auto width = static_cast<size_t>(model_.config().hidden_size);
  return all.empty() ? all : all.subspan(row * width, width);
}

// The step's tokens with ids in place of kSampledToken.
std::span<const int32_t> CpuStepRunner::ResolveTokens(const StepBatch& batch) {
  tokens_.assign(batch.forward.tokens.begin(), batch.forward.tokens.end());
  for (size_t i = 0; i < batch.slots.size(); ++i) {
    int32_t& token = tokens_[batch.forward.sequences[i].first_row];
    if (token == kSampledToken) token = slots_[batch.slots[i]].last_token;
    // Not finite logits gave no token. The engine has no use for what follows
    // them, but the step must be one that can be computed.
    if (token < 0) token = 0;
  }
  return tokens_;
}

void CpuStepRunner::Sample(const StepBatch& batch, std::span<const float> logits) {
  const size_t vocab_size = model_.config().vocab_size;
  rows_.clear();
  int32_t first_draft = 0;  // the row of the first draft behind the row before the chain's
  for (size_t r = 0; r < batch.samples.size(); ++r) {
    const StepSample& sample = batch.samples[r];
    const Slot& slot = slots_[batch.slots[sample.sequence]];
    const bool drafted = r > 0 && batch.samples[r - 1].draft >= 0;
    first_draft = drafted ? first_draft : batch.forward.logit_rows[r] + 1;
    rows_.push_back({.logits = logits.subspan(r * vocab_size, vocab_size),
                     .params = &slot.params,
                     .counts = slot.counts ? &*slot.counts : nullptr,
                     .position = sample.position,
                     .given = sample.next ? -1 : sample.given,
                     .forced = sample.next ? sample.given : -1,
                     .biases = sample.next ? std::span(slot.biases) : std::span<TokenBias>(),
                     .drafts = batch.forward.tokens.subspan(
                         first_draft, batch.forward.logit_rows[r] + 1 - first_draft)});
  }
  sampler_.Sample(rows_, std::span(sampled_).first(rows_.size()));
  bool drawn_as_drafted = true;  // so far, in the chain at hand
  for (size_t r = 0; r < batch.samples.size(); ++r) {
    const int32_t id = sampled_[r].id;
    if (!batch.samples[r].next) continue;
    const bool drafted = r > 0 && batch.samples[r - 1].draft >= 0;
    drawn_as_drafted =
        !drafted || (drawn_as_drafted && sampled_[r - 1].id == batch.samples[r - 1].draft);
    if (!drawn_as_drafted) continue;
    Slot& slot = slots_[batch.slots[batch.samples[r].sequence]];
    slot.last_token = id;
    if (slot.counts && id >= 0) slot.counts->Add(id, true);
  }
}

}  // namespace qed

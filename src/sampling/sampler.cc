#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/check.h"
#include "base/rng.h"

namespace qed {
namespace {

constexpr WeightedToken kAllTokens = {.weight = std::numeric_limits<float>::min(),
                                      .id = std::numeric_limits<int32_t>::max()};

// The token at which the running sum of weights passes `target`; the last one
// of any weight where rounding keeps it from that.
int32_t Walk(std::span<const WeightedToken> tokens, double target) {
  double sum = 0;
  for (const WeightedToken& token : tokens) {
    sum += token.weight;
    if (sum > target) return token.id;
  }
  return tokens.back().id;
}

// Walk over all weights, block by block.
int32_t WalkAll(std::span<const float> weights, std::span<const double> block_sum, double target) {
  size_t block = 0;  // the last one visited that has any weight
  double rest = 0;   // of the target, at its beginning
  for (size_t b = 0; b < block_sum.size(); ++b) {
    if (block_sum[b] <= 0) continue;
    block = b;
    rest = target;
    target -= block_sum[b];
    if (target < 0) break;
  }
  const size_t end = std::min(weights.size(), (block + 1) * kLogitBlock);
  size_t id = block * kLogitBlock;
  for (size_t i = id; i < end && rest >= 0; ++i) {
    if (weights[i] <= 0) continue;
    id = i;
    rest -= weights[i];
  }
  return static_cast<int32_t>(id);
}

// Of `tokens`, the last in order of Precedes that is needed for the sum of those
// before and with it to reach `target`. Reorders them. Halves the range that
// holds it until one is left: linear time, no sort of a flat distribution.
WeightedToken FindByMass(std::span<WeightedToken> tokens, double target) {
  while (tokens.size() > 1) {
    const size_t half = tokens.size() / 2;
    std::ranges::nth_element(tokens, tokens.begin() + half, Precedes);
    double sum = 0;
    for (const WeightedToken& token : tokens.first(half)) sum += token.weight;
    if (sum >= target) {
      tokens = tokens.first(half);
    } else {
      tokens = tokens.subspan(half);
      target -= sum;
    }
  }
  return tokens.front();
}

}  // namespace

Status ValidateSamplingParams(const SamplingParams& params, int32_t vocab_size) {
  QED_RETURN_IF_ERROR(ValidateKnobs(params));
  if (params.logprobs < -1 || params.logprobs > kMaxLogprobs) {
    return InvalidArgument("logprobs is " + std::to_string(params.logprobs) +
                           "; it must be from 0 to " + std::to_string(kMaxLogprobs) +
                           ", or -1 for none");
  }
  const auto check = [&](const std::vector<int32_t>& ids, const std::string& what) -> Status {
    for (int32_t id : ids) {
      if (id >= 0 && id < vocab_size) continue;
      return InvalidArgument(what + " token id " + std::to_string(id) +
                             " is not in the vocabulary of " + std::to_string(vocab_size));
    }
    return OkStatus();
  };
  QED_RETURN_IF_ERROR(check(params.stop_token_ids, "stop"));
  if (params.logit_bias.size() > kMaxLogitBiases) {
    return InvalidArgument("logit_bias has " + std::to_string(params.logit_bias.size()) +
                           " tokens, more than " + std::to_string(kMaxLogitBiases));
  }
  for (const auto& [id, bias] : params.logit_bias) {
    QED_RETURN_IF_ERROR(check({id}, "logit_bias:"));
    if (!std::isfinite(bias)) return InvalidArgument("a bias of logit_bias is not a finite number");
  }
  return check(params.forced_tokens, "forced");
}

Sampler::Sampler(int32_t vocab_size, ThreadPool& pool) : pool_(pool), scratch_(pool.size()) {
  QED_CHECK_GE(vocab_size, 1);
  for (Scratch& scratch : scratch_) {
    scratch.weights.resize(vocab_size);
    scratch.block_sum.resize(NumLogitBlocks(vocab_size));
    scratch.block_max.resize(NumLogitBlocks(vocab_size));
    scratch.block_order.resize(NumLogitBlocks(vocab_size));
    scratch.tokens.reserve(vocab_size);
  }
}

Sampler::Scratch& Sampler::TakeScratch() {
  // There is one for every thread, so at most as many are taken as others work.
  for (size_t i = 0;; i = (i + 1) % scratch_.size()) {
    if (!scratch_[i].taken.exchange(true, std::memory_order_acquire)) return scratch_[i];
  }
}

void Sampler::Sample(std::span<const SampleRow> rows, std::span<SampledToken> out) {
  QED_CHECK_EQ(rows.size(), out.size());
  pool_.ParallelFor(static_cast<int64_t>(rows.size()), [&](int64_t i) {
    Scratch& scratch = TakeScratch();
    SampleOne(rows[i], scratch, out[i]);
    scratch.taken.store(false, std::memory_order_release);
  });
}

void Sampler::SampleOne(const SampleRow& row, Scratch& scratch, SampledToken& out) {
  out.id = -1;
  out.top.clear();
  std::span<const float> logits = row.logits;
  QED_CHECK_EQ(logits.size(), scratch.weights.size());
  if (row.given >= 0) {
    if (!std::isfinite(MaxLogit(logits))) return;
    out.id = row.given;
    return FillLogprobs(row, scratch, out);
  }
  if (row.counts != nullptr || !row.biases.empty()) {
    std::ranges::copy(row.logits, scratch.weights.begin());
    ApplyBiases(row.biases, BarsAt(*row.params, row.position), scratch.weights);
    if (row.counts != nullptr) {
      row.counts->ApplyPenalties(*row.params, row.drafts, scratch.weights);
    }
    logits = scratch.weights;
  }
  const float max = MaxLogit(logits);
  if (!std::isfinite(max)) return;
  out.id = row.params->temperature == 0 ? FindLogit(logits, max) : Draw(row, logits, max, scratch);
  if (row.forced >= 0) out.id = row.forced;
  if (row.params->logprobs >= 0) FillLogprobs(row, scratch, out);
}

int32_t Sampler::Draw(const SampleRow& row, std::span<const float> logits, float max,
                      Scratch& scratch) {
  const SamplingParams& params = *row.params;
  // A temperature so low that its inverse overflows is greedy.
  const float scale = std::min(1.0f / params.temperature, std::numeric_limits<float>::max());
  double sum =
      ExpWeights(logits, max, scale, scratch.weights, scratch.block_sum, scratch.block_max);
  const double u = UniformDouble(params.seed, params.sample_index, row.position);
  WeightedToken last = kAllTokens;
  // The likeliest token has weight 1, so min-p is a weight.
  last.weight = std::max(last.weight, params.min_p);
  if (params.top_k > 0 || params.min_p > 0) last = LastOfTopK(params, last, scratch, &sum);
  if (params.top_p < 1) last = LastOfTopP(params, last, sum, scratch);
  if (last.weight == kAllTokens.weight) return WalkAll(scratch.weights, scratch.block_sum, u * sum);
  sum = CollectTokens(scratch.weights, scratch.block_max, last, scratch.tokens);
  return Walk(scratch.tokens, u * sum);
}

// The last of the top k among the tokens up to `last`, and the sum of their
// weights.
WeightedToken Sampler::LastOfTopK(const SamplingParams& params, WeightedToken last,
                                  Scratch& scratch, double* sum) {
  const size_t k = params.top_k > 0 ? params.top_k : scratch.weights.size();
  if (k < scratch.weights.size()) {
    std::ranges::copy(scratch.block_max, scratch.block_order.begin());
    last.weight =
        std::max(last.weight, LowerBoundOfTop(scratch.block_order, static_cast<int32_t>(k)));
  }
  std::vector<WeightedToken>& tokens = scratch.tokens;
  *sum = CollectTokens(scratch.weights, scratch.block_max, last, tokens);
  if (tokens.size() <= k) return last;
  std::ranges::nth_element(tokens, tokens.begin() + (k - 1), Precedes);
  last = tokens[k - 1];
  *sum = CollectTokens(scratch.weights, scratch.block_max, last, tokens);
  return last;
}

// The last of the smallest set, likeliest first, that has top_p of `sum`, the
// sum of the weights up to `last`.
WeightedToken Sampler::LastOfTopP(const SamplingParams& params, const WeightedToken& last,
                                  double sum, Scratch& scratch) {
  const double target = params.top_p * sum;
  // The tokens below a weight of (1 - top_p) / n of the sum cannot be more than
  // the rest if they are at most n. Usually the heaviest few dozen hold enough;
  // the last round takes all.
  for (double n : {32.0, 1024.0}) {
    WeightedToken from = kAllTokens;
    from.weight = static_cast<float>((1.0 - params.top_p) * sum / n);
    if (from.weight <= last.weight) break;
    if (CollectTokens(scratch.weights, scratch.block_max, from, scratch.tokens) >= target &&
        !scratch.tokens.empty()) {
      return FindByMass(scratch.tokens, target);
    }
  }
  CollectTokens(scratch.weights, scratch.block_max, last, scratch.tokens);
  return FindByMass(scratch.tokens, target);
}

void Sampler::FillLogprobs(const SampleRow& row, Scratch& scratch, SampledToken& out) {
  const std::span<const float> logits = row.logits;
  const float max = MaxLogit(logits);
  if (!std::isfinite(max)) return;  // Penalties may have mended what the model did not.
  const double log_sum = LogSumExp(logits, max);
  out.logprob = static_cast<float>(logits[out.id] - log_sum);
  const int32_t k = std::min(row.params->logprobs, static_cast<int32_t>(logits.size()));
  if (k <= 0) return;
  BlockMaxima(logits, scratch.block_max);
  std::ranges::copy(scratch.block_max, scratch.block_order.begin());
  WeightedToken last = kAllTokens;
  last.weight = LowerBoundOfTop(scratch.block_order, k);
  std::vector<WeightedToken>& tokens = scratch.tokens;
  CollectTokens(logits, scratch.block_max, last, tokens);
  const size_t count = std::min(tokens.size(), static_cast<size_t>(k));
  std::ranges::partial_sort(tokens, tokens.begin() + count, Precedes);
  for (const WeightedToken& token : std::span(tokens).first(count)) {
    out.top.emplace_back(token.id, static_cast<float>(token.weight - log_sum));
  }
}

}  // namespace qed

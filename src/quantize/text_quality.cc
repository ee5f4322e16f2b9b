#include "quantize/text_quality.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace qed {
namespace {

void LogSoftmax(std::span<const float> logits, std::span<float> log_probs) {
  const float largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit - largest));
  const double shift = largest + std::log(sum);
  for (size_t i = 0; i < logits.size(); ++i) {
    log_probs[i] = static_cast<float>(logits[i] - shift);
  }
}

size_t Likeliest(std::span<const float> log_probs) {
  return static_cast<size_t>(std::ranges::max_element(log_probs) - log_probs.begin());
}

}  // namespace

std::vector<TokenText> TakeTokens(std::span<const TokenText> texts, int64_t tokens) {
  std::vector<TokenText> taken;
  for (const TokenText& text : texts) {
    const auto count = static_cast<int64_t>(std::min(text.size(), static_cast<size_t>(tokens)));
    if (count < 2) continue;
    taken.emplace_back(text.begin(), text.begin() + count);
    tokens -= count;
  }
  return taken;
}

int64_t TokensThatFit(int32_t vocab_size, int64_t bytes) {
  return bytes / (int64_t{vocab_size} * static_cast<int64_t>(sizeof(float)));
}

ScoredTexts::ScoredTexts(std::span<const TokenText> texts, int32_t batch_size,
                         LanguageModel& before, const std::function<void(size_t)>& done)
    : texts_(texts), vocab_(static_cast<size_t>(before.config().vocab_size)) {
  size_t rows = 0;
  for (const TokenText& text : texts) {
    first_row_.push_back(rows);
    rows += text.size();
  }
  log_probs_.resize(rows * vocab_);
  const auto read = [&](size_t text, size_t place, std::span<const float> logits) {
    LogSoftmax(logits, std::span(log_probs_).subspan(Row(text, place) * vocab_, vocab_));
  };
  RunTexts(texts, batch_size, before, read, done);
}

TextQuality ScoredTexts::Compare(int32_t batch_size, LanguageModel& after,
                                 const std::function<void(size_t)>& done) const {
  QED_CHECK_EQ(static_cast<size_t>(after.config().vocab_size), vocab_);
  TextQuality quality;
  std::vector<float> other(vocab_);
  double before_loss = 0, after_loss = 0, kl = 0;
  int64_t same = 0;
  const auto read = [&](size_t text, size_t place, std::span<const float> logits) {
    if (place + 1 == texts_[text].size()) return;  // predicts nothing that is known
    LogSoftmax(logits, other);
    const auto own = std::span(log_probs_).subspan(Row(text, place) * vocab_, vocab_);
    const auto next = static_cast<size_t>(texts_[text][place + 1]);
    before_loss -= own[next];
    after_loss -= other[next];
    for (size_t i = 0; i < vocab_; ++i) kl += std::exp(own[i]) * (double{own[i]} - other[i]);
    same += Likeliest(own) == Likeliest(other) ? 1 : 0;
    ++quality.tokens;
  };
  RunTexts(texts_, batch_size, after, read, done);
  if (quality.tokens == 0) return quality;
  const auto tokens = static_cast<double>(quality.tokens);
  quality.perplexity_before = std::exp(before_loss / tokens);
  quality.perplexity_after = std::exp(after_loss / tokens);
  quality.kl = kl / tokens;
  quality.top1 = static_cast<double>(same) / tokens;
  return quality;
}

}  // namespace qed

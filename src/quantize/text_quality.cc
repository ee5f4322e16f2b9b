#include "quantize/text_quality.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/check.h"

namespace qed {
namespace {

void LogSoftmax(std::span<const float> logits, std::span<float> log_probs) {
  const float largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (float logit : logits) sum += double{std::exp(logit - largest)};
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

std::vector<TokenText> MoveOutTokens(std::vector<TokenText>& texts, int64_t tokens) {
  size_t count = 0;
  for (; count < texts.size() / 2 && tokens > 0; ++count) {
    tokens -= static_cast<int64_t>(texts[count].size());
  }
  const auto end = texts.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<TokenText> moved(std::make_move_iterator(texts.begin()),
                               std::make_move_iterator(end));
  texts.erase(texts.begin(), end);
  return moved;
}

int64_t TokensThatFit(int32_t vocab_size, int64_t bytes) {
  return bytes / (int64_t{vocab_size} * static_cast<int64_t>(sizeof(float)));
}

void QualitySum::Add(const QualitySum& other) {
  tokens += other.tokens;
  before_loss += other.before_loss;
  after_loss += other.after_loss;
  kl += other.kl;
  same += other.same;
}

TextQuality QualitySum::Mean() const {
  TextQuality quality;
  if (tokens == 0) return quality;
  const auto count = static_cast<double>(tokens);
  quality.tokens = tokens;
  quality.perplexity_before = std::exp(before_loss / count);
  quality.perplexity_after = std::exp(after_loss / count);
  quality.kl = kl / count;
  quality.top1 = static_cast<double>(same) / count;
  return quality;
}

ScoredTexts::ScoredTexts(std::span<const TokenText> texts, int32_t batch_size,
                         LanguageModel& before, ThreadPool& pool,
                         const std::function<void(size_t)>& done)
    : texts_(texts), vocab_(static_cast<size_t>(before.config().vocab_size)), pool_(pool) {
  size_t rows = 0;
  for (const TokenText& text : texts) {
    first_row_.push_back(rows);
    rows += text.size();
  }
  log_probs_.resize(rows * vocab_);
  const auto run = [&](const TextStep& step) {
    const std::span<const float> logits = before.Forward(step.batch);
    pool_.ParallelFor(static_cast<int64_t>(step.places.size()), [&](int64_t row) {
      const auto r = static_cast<size_t>(row);
      const size_t at = first_row_[step.places[r].text] + step.places[r].place;
      LogSoftmax(logits.subspan(r * vocab_, vocab_),
                 std::span(log_probs_).subspan(at * vocab_, vocab_));
    });
  };
  ForSteps(texts, batch_size, before, true, run, done);
}

std::span<const float> ScoredTexts::Row(const TextPlace& place) const {
  const size_t at = first_row_[place.text] + place.place;
  return std::span(log_probs_).subspan(at * vocab_, vocab_);
}

void ScoredTexts::Add(const TextStep& step, std::span<const float> logits, QualitySum& sum) const {
  QED_CHECK_EQ(logits.size(), step.places.size() * vocab_);
  std::vector<QualitySum> rows(step.places.size());
  pool_.ParallelFor(static_cast<int64_t>(rows.size()), [&](int64_t row) {
    const auto r = static_cast<size_t>(row);
    const auto [text, place] = step.places[r];
    if (place + 1 == texts_[text].size()) return;  // predicts nothing that is known
    thread_local std::vector<float> other;
    other.resize(vocab_);
    LogSoftmax(logits.subspan(r * vocab_, vocab_), other);
    const std::span<const float> own = Row({text, place});
    const auto next = static_cast<size_t>(texts_[text][place + 1]);
    double kl = 0;
    for (size_t i = 0; i < vocab_; ++i)
      kl += double{std::exp(own[i])} * (double{own[i]} - other[i]);
    rows[r] = {1, -own[next], -other[next], kl, Likeliest(own) == Likeliest(other) ? 1 : 0};
  });
  for (const QualitySum& row : rows) sum.Add(row);
}

QualitySum ScoredTexts::Compare(int32_t batch_size, LanguageModel& after,
                                const std::function<void(size_t)>& done) const {
  QED_CHECK_EQ(static_cast<size_t>(after.config().vocab_size), vocab_);
  QualitySum sum;
  const auto run = [&](const TextStep& step) { Add(step, after.Forward(step.batch), sum); };
  ForSteps(texts_, batch_size, after, true, run, done);
  return sum;
}

TextQuality CompareModels(std::span<const TokenText> texts, int32_t batch_size, int64_t bytes,
                          LanguageModel& before, LanguageModel& after, ThreadPool& pool,
                          const std::function<void(size_t)>& done) {
  const auto most =
      static_cast<size_t>(std::max<int64_t>(2, TokensThatFit(before.config().vocab_size, bytes)));
  QualitySum sum;
  for (size_t first = 0; first < texts.size();) {
    std::vector<TokenText> piece;
    size_t room = most, next = first;
    for (; next < texts.size() && (piece.empty() || texts[next].size() <= room); ++next) {
      piece.emplace_back(
          texts[next].begin(),
          texts[next].begin() + static_cast<std::ptrdiff_t>(std::min(room, texts[next].size())));
      room -= piece.back().size();
    }
    const ScoredTexts scored(piece, batch_size, before, pool, nullptr);
    sum.Add(scored.Compare(batch_size, after, nullptr));
    first = next;
    if (done) done(first);
  }
  return sum.Mean();
}

}  // namespace qed

#include "quantize/text_runner.h"

#include <algorithm>

#include "base/check.h"

namespace qed {
namespace {

// Texts that run side by side, each in pages of its own.
class Batch {
 public:
  Batch(std::span<const TokenText> texts, size_t first, const LanguageModel& model)
      : texts_(texts), first_(first), model_(model), places_(texts.size(), 0) {
    int32_t next = 0;
    for (const TokenText& text : texts) {
      std::vector<int32_t>& pages = pages_.emplace_back();
      const auto count = static_cast<int32_t>((text.size() + model.page_size() - 1) /
                                              static_cast<size_t>(model.page_size()));
      for (int32_t i = 0; i < count; ++i) pages.push_back(next++);
    }
    QED_CHECK_LE(next, model.num_pages());
  }

  // Fills `step` but for its index, with views into this; false where all texts are through.
  bool Lay(bool wants_logits, TextStep& step) {
    tokens_.clear();
    sequences_.clear();
    logit_rows_.clear();
    step.places.clear();
    const int32_t room = wants_logits ? std::min(model_.max_batch_size(), model_.max_num_tokens())
                                      : model_.max_num_tokens();
    const int32_t share = std::max(1, room / static_cast<int32_t>(texts_.size()));
    for (size_t i = 0; i < texts_.size(); ++i) LayText(i, share, wants_logits, step);
    step.batch = {.tokens = tokens_, .sequences = sequences_, .logit_rows = logit_rows_};
    return !tokens_.empty();
  }

 private:
  void LayText(size_t i, int32_t share, bool wants_logits, TextStep& step) {
    const size_t left = texts_[i].size() - places_[i];
    const auto count = static_cast<int32_t>(std::min<size_t>(left, static_cast<size_t>(share)));
    if (count == 0) return;
    const auto first_row = static_cast<int32_t>(tokens_.size());
    sequences_.push_back({.first_row = first_row,
                          .num_rows = count,
                          .first_position = static_cast<int32_t>(places_[i]),
                          .pages = pages_[i]});
    for (int32_t k = 0; k < count; ++k) {
      tokens_.push_back(texts_[i][places_[i]]);
      step.places.push_back({first_ + i, places_[i]++});
      if (wants_logits) logit_rows_.push_back(first_row + k);
    }
  }

  const std::span<const TokenText> texts_;
  const size_t first_;
  const LanguageModel& model_;
  std::vector<size_t> places_;
  std::vector<std::vector<int32_t>> pages_;
  std::vector<int32_t> tokens_, logit_rows_;
  std::vector<ForwardBatch::Sequence> sequences_;
};

}  // namespace

std::vector<TokenText> CutToFit(std::vector<TokenText> texts, int32_t batch_size,
                                const LanguageModel& model) {
  const auto pages = static_cast<size_t>(model.num_pages() / std::max(1, batch_size));
  const size_t room = std::min(pages * static_cast<size_t>(model.page_size()),
                               static_cast<size_t>(model.config().context_length));
  QED_CHECK(room > 0);
  for (TokenText& text : texts) text.resize(std::min(text.size(), room));
  return texts;
}

void ForSteps(std::span<const TokenText> texts, int32_t batch_size, const LanguageModel& model,
              bool logits, const std::function<void(const TextStep&)>& run,
              const std::function<void(size_t)>& done) {
  const auto together = static_cast<size_t>(std::clamp(batch_size, 1, model.max_batch_size()));
  TextStep step;
  for (size_t first = 0; first < texts.size(); first += together) {
    const size_t count = std::min(together, texts.size() - first);
    Batch batch(texts.subspan(first, count), first, model);
    while (batch.Lay(logits, step)) {
      run(step);
      step.first += step.places.size();
    }
    if (done) done(first + count);
  }
}

void RunTexts(std::span<const TokenText> texts, int32_t batch_size, LanguageModel& model,
              const std::function<void(size_t text, size_t place, std::span<const float> logits)>&
                  read_logits,
              const std::function<void(size_t)>& done) {
  const auto vocab = static_cast<size_t>(model.config().vocab_size);
  const auto run = [&](const TextStep& step) {
    const std::span<const float> logits = model.Forward(step.batch);
    if (read_logits == nullptr) return;
    for (size_t row = 0; row < step.places.size(); ++row) {
      read_logits(step.places[row].text, step.places[row].place,
                  logits.subspan(row * vocab, vocab));
    }
  };
  ForSteps(texts, batch_size, model, read_logits != nullptr, run, done);
}

}  // namespace qed

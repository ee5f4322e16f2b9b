// A LanguageModel whose logits are a hash of the sequence so far, read back
// through the pages it was given: a page that is shared, freed or reused wrongly
// changes what is generated, and inconsistent pages are reported.
#ifndef QED_TESTS_SUPPORT_FAKE_MODEL_H_
#define QED_TESTS_SUPPORT_FAKE_MODEL_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/language_model.h"

namespace qed {

class FakeModel : public LanguageModel {
 public:
  struct Options {
    int32_t vocab_size = 300;
    int32_t context_length = 1000;
    int32_t page_size = 4;
    int32_t num_pages = 200;
    int32_t max_num_tokens = 64;
    int32_t max_batch_size = 8;
    int32_t max_logit_rows = 8;
    std::vector<int32_t> eos_token_ids = {};
  };
  // Fills the logits that follow `tokens`.
  using LogitsFn = std::function<void(std::span<const int32_t> tokens, std::span<float> logits)>;

  explicit FakeModel(const Options& options, LogitsFn fn = HashLogits)
      : options_(options), fn_(std::move(fn)) {
    config_.vocab_size = options.vocab_size;
    config_.context_length = options.context_length;
    config_.eos_token_ids = options.eos_token_ids;
    slots_.resize(size_t(options.num_pages) * options.page_size);
    logits_.resize(size_t(max_logit_rows()) * options.vocab_size);
    history_.reserve(options.context_length);
  }

  const ModelConfig& config() const override { return config_; }
  int32_t page_size() const override { return options_.page_size; }
  int32_t num_pages() const override { return options_.num_pages; }
  int32_t max_num_tokens() const override { return options_.max_num_tokens; }
  int32_t max_batch_size() const override { return options_.max_batch_size; }
  int32_t max_logit_rows() const override {
    return std::max(options_.max_logit_rows, options_.max_batch_size);
  }
  ModelFootprint footprint() const override { return {}; }

  std::span<const float> Forward(const ForwardBatch& batch) override {
    ++steps_;
    tokens_computed_ += static_cast<int64_t>(batch.tokens.size());
    Expect(!batch.tokens.empty() && int64_t(batch.tokens.size()) <= options_.max_num_tokens,
           "tokens of the step");
    Expect(int64_t(batch.sequences.size()) <= options_.max_batch_size, "sequences of the step");
    Expect(int64_t(batch.logit_rows.size()) <= max_logit_rows(), "rows of logits of the step");
    int32_t row = 0;
    for (const auto& sequence : batch.sequences) {
      Expect(sequence.first_row == row && sequence.num_rows > 0, "rows are not contiguous");
      row += sequence.num_rows;
      Write(batch, sequence);
    }
    Expect(row == static_cast<int32_t>(batch.tokens.size()), "rows do not add up");
    size_t r = 0;
    for (const auto& sequence : batch.sequences) {
      for (; r < batch.logit_rows.size() &&
             batch.logit_rows[r] < sequence.first_row + sequence.num_rows;
           ++r) {
        ReadBack(sequence, sequence.first_position + batch.logit_rows[r] - sequence.first_row);
        fn_(history_, LogitsRow(r));
      }
    }
    Expect(r == batch.logit_rows.size(), "logit rows are not ascending");
    return {logits_.data(), r * options_.vocab_size};
  }

  // The first thing that was wrong; empty if nothing was.
  const std::string& error() const { return error_; }
  int64_t steps() const { return steps_; }
  int64_t tokens_computed() const { return tokens_computed_; }

  // About normal with deviation 2, as spread as a language model's.
  static void HashLogits(std::span<const int32_t> tokens, std::span<float> logits) {
    uint64_t hash = 1469598103934665603u;
    for (int32_t token : tokens) hash = (hash ^ uint64_t(token + 1)) * 1099511628211u;
    for (float& logit : logits) {
      hash = hash * 6364136223846793005u + 1442695040888963407u;
      const uint64_t x = hash >> 16;
      logit = float((x & 255) + (x >> 8 & 255) + (x >> 16 & 255)) / 74.0f;
    }
  }

  // Greedy generation counts up from the last token.
  static void CountingLogits(std::span<const int32_t> tokens, std::span<float> logits) {
    std::ranges::fill(logits, 0.0f);
    logits[(tokens.back() + 1) % logits.size()] = 10.0f;
  }

 private:
  struct Slot {
    int32_t token = -1;
    int32_t position = -1;
    int64_t step = -1;  // in which it was written
  };

  void Expect(bool condition, const char* what) {
    if (!condition && error_.empty()) {
      error_ = std::string(what) + " in step " + std::to_string(steps_);
    }
  }

  Slot* SlotOf(const ForwardBatch::Sequence& sequence, int32_t position) {
    const size_t index = position / options_.page_size;
    const bool covered = index < sequence.pages.size();
    Expect(covered, "a position without a page");
    const int32_t page = covered ? sequence.pages[index] : -1;
    const bool valid = page >= 0 && page < options_.num_pages;
    Expect(valid, "a page id out of range");
    return valid ? &slots_[size_t(page) * options_.page_size + position % options_.page_size]
                 : nullptr;
  }

  void Write(const ForwardBatch& batch, const ForwardBatch::Sequence& sequence) {
    for (int32_t i = 0; i < sequence.num_rows; ++i) {
      Slot* slot = SlotOf(sequence, sequence.first_position + i);
      if (slot == nullptr) continue;
      Expect(slot->step != steps_, "two sequences write one slot");
      *slot = {batch.tokens[sequence.first_row + i], sequence.first_position + i, steps_};
    }
  }

  void ReadBack(const ForwardBatch::Sequence& sequence, int32_t last) {
    history_.clear();
    for (int32_t position = 0; position <= last; ++position) {
      const Slot* slot = SlotOf(sequence, position);
      if (slot == nullptr) continue;
      Expect(slot->position == position, "a page holds other positions");
      history_.push_back(slot->token);
    }
  }

  std::span<float> LogitsRow(size_t r) {
    return std::span(logits_).subspan(r * options_.vocab_size, options_.vocab_size);
  }

  Options options_;
  LogitsFn fn_;
  ModelConfig config_;
  std::vector<Slot> slots_;  // [pages, page_size]
  std::vector<float> logits_;
  std::vector<int32_t> history_;
  std::string error_;
  int64_t steps_ = 0;
  int64_t tokens_computed_ = 0;
};

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_FAKE_MODEL_H_

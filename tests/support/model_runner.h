// Drives a LanguageModel in tests without an engine: each sequence gets its own
// pages, and positions are counted here.
#ifndef QED_TESTS_SUPPORT_MODEL_RUNNER_H_
#define QED_TESTS_SUPPORT_MODEL_RUNNER_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "model/language_model.h"

namespace qed {

class ModelRunner {
 public:
  explicit ModelRunner(LanguageModel& model) : model_(model) {}

  struct Input {
    int sequence;                 // index of a sequence of this runner's
    std::vector<int32_t> tokens;  // appended to it
    bool all_logits = false;      // of every token, not only of the last
  };

  // One step. Returns the logits asked for, in order, one vector each.
  std::vector<std::vector<float>> Step(const std::vector<Input>& inputs) {
    std::vector<int32_t> tokens, logit_rows;
    std::vector<ForwardBatch::Sequence> sequences;
    for (const Input& input : inputs) {
      Grow(input.sequence, static_cast<int32_t>(input.tokens.size()));
    }
    for (const Input& input : inputs) {
      Sequence& s = sequences_[input.sequence];
      const auto first_row = static_cast<int32_t>(tokens.size());
      const auto count = static_cast<int32_t>(input.tokens.size());
      sequences.push_back({first_row, count, s.length - count, s.pages});
      tokens.insert(tokens.end(), input.tokens.begin(), input.tokens.end());
      for (int32_t i = input.all_logits ? 0 : count - 1; i < count; ++i) {
        logit_rows.push_back(first_row + i);
      }
    }
    const std::span<const float> logits = model_.Forward({tokens, sequences, logit_rows});
    const auto vocab = static_cast<size_t>(model_.config().vocab_size);
    std::vector<std::vector<float>> rows;
    for (size_t i = 0; i < logit_rows.size(); ++i) {
      const auto row = logits.subspan(i * vocab, vocab);
      rows.emplace_back(row.begin(), row.end());
    }
    return rows;
  }

  // Leaves the next `count` page ids unused, so that sequences lie elsewhere.
  void SkipPages(int32_t count) { next_page_ += count; }

 private:
  struct Sequence {
    int32_t length = 0;
    std::vector<int32_t> pages;
  };

  void Grow(int index, int32_t count) {
    if (sequences_.size() <= static_cast<size_t>(index)) sequences_.resize(index + 1);
    Sequence& s = sequences_[index];
    s.length += count;
    while (static_cast<int32_t>(s.pages.size()) * model_.page_size() < s.length) {
      QED_CHECK(next_page_ < model_.num_pages()) << "the test needs more KV pages";
      s.pages.push_back(next_page_++);
    }
  }

  LanguageModel& model_;
  std::vector<Sequence> sequences_;
  int32_t next_page_ = 0;
};

// log(softmax(logits)), in double.
inline std::vector<double> LogProbs(const std::vector<float>& logits) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float x : logits) sum += std::exp(x - max);
  const double shift = max + std::log(sum);
  std::vector<double> log_probs(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) log_probs[i] = logits[i] - shift;
  return log_probs;
}

inline int32_t ArgMax(const std::vector<float>& logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_MODEL_RUNNER_H_

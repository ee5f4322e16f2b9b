// How near one model's distributions are to another's, on text.
#ifndef QED_QUANTIZE_TEXT_QUALITY_H_
#define QED_QUANTIZE_TEXT_QUALITY_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "model/language_model.h"
#include "quantize/text_runner.h"

namespace qed {

struct TextQuality {
  int64_t tokens = 0;  // predicted ones
  double perplexity_before = 0;
  double perplexity_after = 0;
  double kl = 0;    // mean of sum p log(p / q) a token, in nats; p is the model before
  double top1 = 0;  // part of the tokens whose likeliest is the same
};

// Cuts texts so that they hold no more than `tokens` tokens together; texts of one token
// predict nothing and are left out.
std::vector<TokenText> TakeTokens(std::span<const TokenText> texts, int64_t tokens);

// Moves the first texts out of the list, until they hold `tokens` tokens or are half of the
// list: a text to choose by is none to judge by. Of a list of one text none is moved.
std::vector<TokenText> MoveOutTokens(std::vector<TokenText>& texts, int64_t tokens);

// Most tokens whose distributions over `vocab_size` tokens fit `bytes`.
int64_t TokensThatFit(int32_t vocab_size, int64_t bytes);

// Sums over tokens, in the order in which they come.
struct QualitySum {
  int64_t tokens = 0;
  double before_loss = 0, after_loss = 0, kl = 0;
  int64_t same = 0;

  void Add(const QualitySum& other);
  TextQuality Mean() const;
};

// The log-probabilities of one model at every place of some texts: 4 V bytes a token.
class ScoredTexts {
 public:
  // `texts` and `pool` must outlive this. Texts as RunTexts wants them.
  ScoredTexts(std::span<const TokenText> texts, int32_t batch_size, LanguageModel& before,
              ThreadPool& pool, const std::function<void(size_t)>& done);

  // Runs the same texts through another model with the same vocabulary.
  QualitySum Compare(int32_t batch_size, LanguageModel& after,
                     const std::function<void(size_t)>& done) const;
  // Compares the logits [rows, V] of a step of the same texts, for those who run steps themselves.
  // The same sums whatever the threads.
  void Add(const TextStep& step, std::span<const float> logits, QualitySum& sum) const;

 private:
  std::span<const float> Row(const TextPlace& place) const;

  const std::span<const TokenText> texts_;
  const size_t vocab_;
  ThreadPool& pool_;
  std::vector<size_t> first_row_;  // of each text
  std::vector<float> log_probs_;   // [tokens, V]
};

// Compares two models on texts of any length together, a piece of them at a time: `bytes` are
// what the distributions of a piece may take. Texts that are longer are cut.
TextQuality CompareModels(std::span<const TokenText> texts, int32_t batch_size, int64_t bytes,
                          LanguageModel& before, LanguageModel& after, ThreadPool& pool,
                          const std::function<void(size_t)>& done);

}  // namespace qed

#endif  // QED_QUANTIZE_TEXT_QUALITY_H_

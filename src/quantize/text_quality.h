// How near one model's distributions are to another's, on text.
#ifndef QED_QUANTIZE_TEXT_QUALITY_H_
#define QED_QUANTIZE_TEXT_QUALITY_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

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

// Most tokens whose distributions over `vocab_size` tokens fit `bytes`.
int64_t TokensThatFit(int32_t vocab_size, int64_t bytes);

// The log-probabilities of one model at every place of some texts: 4 V bytes a token.
class ScoredTexts {
 public:
  // `texts` must outlive this. Texts as RunTexts wants them.
  ScoredTexts(std::span<const TokenText> texts, int32_t batch_size, LanguageModel& before,
              const std::function<void(size_t)>& done);

  // Runs the same texts through another model with the same vocabulary.
  TextQuality Compare(int32_t batch_size, LanguageModel& after,
                      const std::function<void(size_t)>& done) const;

 private:
  size_t Row(size_t text, size_t place) const { return first_row_[text] + place; }

  const std::span<const TokenText> texts_;
  const size_t vocab_;
  std::vector<size_t> first_row_;  // of each text
  std::vector<float> log_probs_;   // [tokens, V]
};

}  // namespace qed

#endif  // QED_QUANTIZE_TEXT_QUALITY_H_

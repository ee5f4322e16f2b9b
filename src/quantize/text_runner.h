// Feeds whole texts through a model, several side by side.
#ifndef QED_QUANTIZE_TEXT_RUNNER_H_
#define QED_QUANTIZE_TEXT_RUNNER_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/language_model.h"

namespace qed {

using TokenText = std::vector<int32_t>;

// Cuts texts so that `batch_size` of them, side by side, fit the model's pages.
std::vector<TokenText> CutToFit(std::vector<TokenText> texts, int32_t batch_size,
                                const LanguageModel& model);

// Where a token lies: in which text, and at which place there.
struct TextPlace {
  size_t text;
  size_t place;
};

// Some tokens of some texts, for one step of a model.
struct TextStep {
  ForwardBatch batch;
  std::vector<TextPlace> places;  // of the batch's tokens
  size_t first = 0;               // of all tokens of all steps, the index of the first of these
};

// Lays the texts out in steps, `batch_size` texts at a time in their order, and calls run(step)
// for each; the same steps whenever the arguments and the model's sizes are the same. With
// `logits` every token's row is asked for, and steps have no more tokens than that allows. `done`
// is called with the number of texts that are through. REQUIRES as RunTexts.
void ForSteps(std::span<const TokenText> texts, int32_t batch_size, const LanguageModel& model,
              bool logits, const std::function<void(const TextStep&)>& run,
              const std::function<void(size_t)>& done);

// Runs the texts in their order, `batch_size` at a time. With `read_logits`, it is
// called for each token of each text, in order within the text: its index, the token's
// place, and the logits [V] after it. `done` is called with the number of texts that are
// through. REQUIRES: CutToFit cut the texts; none is empty.
void RunTexts(std::span<const TokenText> texts, int32_t batch_size, LanguageModel& model,
              const std::function<void(size_t text, size_t place, std::span<const float> logits)>&
                  read_logits,
              const std::function<void(size_t)>& done);

}  // namespace qed

#endif  // QED_QUANTIZE_TEXT_RUNNER_H_

// Calibration one layer at a time: all texts go through a layer before the next one, so that only
// one layer's moments and one residual stream of every token are in memory.
#ifndef QED_QUANTIZE_LAYER_SWEEP_H_
#define QED_QUANTIZE_LAYER_SWEEP_H_

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/network_tensors.h"
#include "model/decoder.h"
#include "quantize/calibration.h"
#include "quantize/input_moments.h"
#include "quantize/text_runner.h"

namespace qed {

// Cuts the list so that the residual streams of its tokens fit `bytes`: 4 E bytes a token. At
// least one text stays.
std::vector<TokenText> TakeTextsThatFit(std::vector<TokenText> texts, int32_t hidden_size,
                                        int64_t bytes);

class LayerSweep {
 public:
  // `texts` are as RunTexts wants them; they, the model and the pool must outlive the sweep.
  LayerSweep(std::span<const TokenText> texts, int32_t batch_size, Observer observer,
             Decoder& model, ThreadPool& pool);

  // Takes the texts through the next layer. kCorrupt, with its name, where an activation is not
  // finite; kResourceExhausted where memory cannot be had. REQUIRES: there is a next layer.
  Status Advance();
  // The layer that Advance went through last; -1 before the first.
  int32_t layer() const { return layer_; }
  // Of the input of a linear in that layer. REQUIRES: layer() >= 0.
  InputMoments& MomentsOf(TensorRole linear);
  // The scales of the layers so far.
  const Calibration& calibration() const { return calibration_; }

 private:
  class Watch;

  const std::span<const TokenText> texts_;
  const int32_t batch_size_;
  const Observer observer_;
  Decoder& model_;
  ThreadPool& pool_;
  std::vector<float> hidden_;  // [tokens, E], in the order of the steps
  int32_t layer_ = -1;
  std::map<ObservedRows, InputMoments> moments_;
  Calibration calibration_;
};

}  // namespace qed

#endif  // QED_QUANTIZE_LAYER_SWEEP_H_

// Activation scales from running texts through the 16-bit model.
#ifndef QED_QUANTIZE_CALIBRATION_H_
#define QED_QUANTIZE_CALIBRATION_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/status.h"
#include "checkpoint/network_tensors.h"
#include "model/activation_observer.h"
#include "quantize/magnitude_histogram.h"
#include "quantize/text_runner.h"

namespace qed {

struct Calibration {
  // Of each layer's inputs, by kind; kKeys and kValues are what KV scales would be.
  std::vector<std::map<ObservedRows, ChosenScale>> layers;
  int64_t texts = 0;
  int64_t tokens = 0;

  // Of the input of a linear.
  const ChosenScale& InputOf(int32_t layer, TensorRole linear) const;
};

// Which rows a linear reads.
ObservedRows InputKind(TensorRole linear);

// How large the rows of each kind were in one layer.
using LayerHistograms = std::array<MagnitudeHistogram, kObservedKinds>;
// kCorrupt, with the layer's name, where a value was not finite.
Result<std::map<ObservedRows, ChosenScale>> ChooseScales(const LayerHistograms& seen, int32_t layer,
                                                         Observer observer);

// Runs `texts`. kInvalidArgument where there is none; kCorrupt, with
// the layer's name, where an activation is not finite.
Result<Calibration> Calibrate(std::span<const TokenText> texts, int32_t batch_size,
                              Observer observer, ObservableModel& model,
                              const std::function<void(size_t)>& done);

}  // namespace qed

#endif  // QED_QUANTIZE_CALIBRATION_H_

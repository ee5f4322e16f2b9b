#include "quantize/calibration.h"

#include <array>
#include <string>

namespace qed {
namespace {

constexpr std::array<ObservedRows, kObservedKinds> kKinds = {
    ObservedRows::kAttentionInput, ObservedRows::kAttended, ObservedRows::kFeedForwardInput,
    ObservedRows::kGated,          ObservedRows::kKeys,     ObservedRows::kValues};

class Collector : public ActivationObserver {
 public:
  explicit Collector(int32_t layers) : layers_(static_cast<size_t>(layers)) {}

  void Observe(int32_t layer, ObservedRows kind, const float* rows, int32_t count, int32_t width,
               int64_t stride) override {
    for (int32_t row = 0; row < count; ++row)
      Histogram(layer, kind).Add(rows + row * stride, width);
  }
  void ObserveCounts(int32_t layer, ObservedRows kind,
                     std::span<const uint64_t> count_of_magnitude) override {
    Histogram(layer, kind).AddCounts(count_of_magnitude);
  }

  Result<Calibration> Choose(Observer observer) const {
    Calibration calibration;
    for (size_t layer = 0; layer < layers_.size(); ++layer) {
      QED_ASSIGN_OR_RETURN(auto chosen,
                           ChooseScales(layers_[layer], static_cast<int32_t>(layer), observer));
      calibration.layers.push_back(std::move(chosen));
    }
    return calibration;
  }

 private:
  MagnitudeHistogram& Histogram(int32_t layer, ObservedRows kind) {
    return layers_[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
  }

  std::vector<LayerHistograms> layers_;
};

}  // namespace

ObservedRows InputKind(TensorRole linear) {
  switch (linear) {
    case TensorRole::kOutput:
      return ObservedRows::kAttended;
    case TensorRole::kGate:
    case TensorRole::kUp:
      return ObservedRows::kFeedForwardInput;
    case TensorRole::kDown:
      return ObservedRows::kGated;
    default:
      return ObservedRows::kAttentionInput;
  }
}

Result<std::map<ObservedRows, ChosenScale>> ChooseScales(const LayerHistograms& seen, int32_t layer,
                                                         Observer observer) {
  std::map<ObservedRows, ChosenScale> chosen;
  for (ObservedRows kind : kKinds) {
    const MagnitudeHistogram& histogram = seen[static_cast<size_t>(kind)];
    if (histogram.not_finite() > 0) {
      return Corrupt("activations of layer " + std::to_string(layer) + " are not finite (" +
                     std::to_string(histogram.not_finite()) + " of " +
                     std::to_string(histogram.count()) + " values)");
    }
    chosen.emplace(kind, histogram.Choose(observer));
  }
  return chosen;
}

const ChosenScale& Calibration::InputOf(int32_t layer, TensorRole linear) const {
  return layers[static_cast<size_t>(layer)].at(InputKind(linear));
}

Result<Calibration> Calibrate(std::span<const TokenText> texts, int32_t batch_size,
                              Observer observer, ObservableModel& model,
                              const std::function<void(size_t)>& done) {
  if (texts.empty()) return InvalidArgument("there is no calibration text");
  Collector collector(model.config().num_layers);
  model.set_observer(&collector);
  RunTexts(texts, batch_size, model, nullptr, done);
  model.set_observer(nullptr);
  QED_ASSIGN_OR_RETURN(Calibration calibration, collector.Choose(observer));
  calibration.texts = static_cast<int64_t>(texts.size());
  for (const TokenText& text : texts) calibration.tokens += static_cast<int64_t>(text.size());
  return calibration;
}

}  // namespace qed

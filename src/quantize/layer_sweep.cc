#include "quantize/layer_sweep.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace qed {

std::vector<TokenText> TakeTextsThatFit(std::vector<TokenText> texts, int32_t hidden_size,
                                        int64_t bytes) {
  int64_t room = bytes / (int64_t{hidden_size} * static_cast<int64_t>(sizeof(float)));
  size_t taken = 0;
  while (taken < texts.size() && room >= static_cast<int64_t>(texts[taken].size())) {
    room -= static_cast<int64_t>(texts[taken++].size());
  }
  texts.resize(std::min(texts.size(), std::max<size_t>(1, taken)));
  return texts;
}

// Counts a layer's rows and adds up their moments.
class LayerSweep::Watch : public ActivationObserver {
 public:
  explicit Watch(std::map<ObservedRows, InputMoments>& moments) : moments_(moments) {}

  void Observe(int32_t, ObservedRows kind, const float* rows, int32_t count, int32_t width,
               int64_t stride) override {
    MagnitudeHistogram& histogram = histograms_[static_cast<size_t>(kind)];
    for (int32_t row = 0; row < count; ++row) histogram.Add(rows + row * stride, width);
    const auto found = moments_.find(kind);
    if (found != moments_.end()) found->second.Add(rows, count, stride);
  }

  const LayerHistograms& histograms() const { return histograms_; }

 private:
  std::map<ObservedRows, InputMoments>& moments_;
  LayerHistograms histograms_;
};

LayerSweep::LayerSweep(std::span<const TokenText> texts, int32_t batch_size, Observer observer,
                       Decoder& model, ThreadPool& pool)
    : texts_(texts), batch_size_(batch_size), observer_(observer), model_(model), pool_(pool) {
  calibration_.texts = static_cast<int64_t>(texts.size());
  for (const TokenText& text : texts) calibration_.tokens += static_cast<int64_t>(text.size());
  const auto width = static_cast<size_t>(model.config().hidden_size);
  hidden_.resize(static_cast<size_t>(calibration_.tokens) * width);
  const auto embed = [&](const TextStep& step) {
    model_.Embed(step.batch,
                 std::span(hidden_).subspan(step.first * width, step.places.size() * width));
  };
  ForSteps(texts_, batch_size_, model_, false, embed, nullptr);
}

Status LayerSweep::Advance() {
  QED_CHECK_LT(layer_ + 1, model_.config().num_layers);
  ++layer_;
  moments_.clear();
  for (TensorRole role : kLinearRoles) {
    const ObservedRows kind = InputKind(role);
    if (moments_.contains(kind)) continue;
    QED_ASSIGN_OR_RETURN(InputMoments made,
                         InputMoments::Create(model_.Weight(layer_, role).k, pool_));
    moments_.emplace(kind, std::move(made));
  }
  Watch watch(moments_);
  model_.set_observer(&watch);
  const auto width = static_cast<size_t>(model_.config().hidden_size);
  const auto run = [&](const TextStep& step) {
    model_.RunLayers(step.batch, layer_, layer_ + 1,
                     std::span(hidden_).subspan(step.first * width, step.places.size() * width));
  };
  ForSteps(texts_, batch_size_, model_, false, run, nullptr);
  model_.set_observer(nullptr);
  QED_ASSIGN_OR_RETURN(auto chosen, ChooseScales(watch.histograms(), layer_, observer_));
  calibration_.layers.push_back(std::move(chosen));
  return OkStatus();
}

InputMoments& LayerSweep::MomentsOf(TensorRole linear) {
  QED_CHECK_GE(layer_, 0);
  return moments_.at(InputKind(linear));
}

}  // namespace qed

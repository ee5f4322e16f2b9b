#include "model/cuda_language_model.h"

#include <cstdint>
#include <utility>

#include "base/check.h"
#include "kernels/cuda/magnitudes.h"

namespace qed {

Result<std::unique_ptr<CudaLanguageModel>> CudaLanguageModel::Create(
    std::unique_ptr<CudaDecoder> decoder) {
  QED_ASSIGN_OR_RETURN(
      cuda::PinnedBuffer input,
      cuda::PinnedBuffer::Allocate(static_cast<size_t>(decoder->max_input_bytes())));
  const auto layers = static_cast<size_t>(decoder->config().num_layers);
  QED_ASSIGN_OR_RETURN(
      cuda::DeviceBuffer counts,
      cuda::DeviceBuffer::Allocate(layers * kObservedKinds * cuda::kMagnitudes * sizeof(uint64_t)));
  return std::unique_ptr<CudaLanguageModel>(
      new CudaLanguageModel(std::move(decoder), std::move(input), std::move(counts)));
}

CudaLanguageModel::CudaLanguageModel(std::unique_ptr<CudaDecoder> decoder, cuda::PinnedBuffer input,
                                     cuda::DeviceBuffer counts)
    : decoder_(std::move(decoder)), input_(std::move(input)), counts_(std::move(counts)) {}

std::span<const float> CudaLanguageModel::Forward(const ForwardBatch& batch) {
  last_was_recorded_ = false;
  const CudaStepInputs inputs = decoder_->Pack(batch, input_.data());
  last_was_recorded_ = inputs.recorded;
  decoder_->Forward(inputs, input_.data());
  logits_.resize(batch.logit_rows.size() * static_cast<size_t>(config().vocab_size));
  if (!logits_.empty()) {
    cuda::CopyToHost(logits_.data(), decoder_->logits(), logits_.size() * sizeof(float),
                     decoder_->stream().handle());
  }
  const Status done = cuda::Synchronize();
  QED_CHECK(done.ok()) << done.message();
  return logits_;
}

void CudaLanguageModel::set_observer(ActivationObserver* observer) {
  if (observer_ != nullptr) DeliverCounts();
  observer_ = observer;
  if (observer == nullptr) return decoder_->set_magnitude_counts(nullptr);
  QED_CHECK(decoder_->format() == WeightFormat::kBF16);
  cuda::Fill(counts_.data(), 0, counts_.size(), decoder_->stream().handle());
  decoder_->set_magnitude_counts(counts_.As<uint64_t>());
}

void CudaLanguageModel::DeliverCounts() {
  std::vector<uint64_t> counts(counts_.size() / sizeof(uint64_t));
  cuda::CopyToHost(counts.data(), counts_.data(), counts_.size(), decoder_->stream().handle());
  const Status done = cuda::Synchronize();
  QED_CHECK(done.ok()) << done.message();
  for (int32_t layer = 0; layer < config().num_layers; ++layer) {
    for (int kind = 0; kind < kObservedKinds; ++kind) {
      const size_t histogram = static_cast<size_t>(layer) * kObservedKinds + kind;
      observer_->ObserveCounts(
          layer, static_cast<ObservedRows>(kind),
          std::span(counts).subspan(histogram * cuda::kMagnitudes, cuda::kMagnitudes));
    }
  }
}

}  // namespace qed

// The network on a GPU as a LanguageModel: each step waits for its logits. For those who
// compare models and calibrate; engines keep two steps in flight (engine/cuda_step_runner.h).
#ifndef QED_MODEL_CUDA_LANGUAGE_MODEL_H_
#define QED_MODEL_CUDA_LANGUAGE_MODEL_H_

#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "cuda/buffer.h"
#include "model/activation_observer.h"
#include "model/cuda_decoder.h"

namespace qed {

class CudaLanguageModel : public ObservableModel {
 public:
  static Result<std::unique_ptr<CudaLanguageModel>> Create(std::unique_ptr<CudaDecoder> decoder);

  const ModelConfig& config() const override { return decoder_->config(); }
  int32_t page_size() const override { return decoder_->options().page_size; }
  int32_t num_pages() const override { return decoder_->num_pages(); }
  int32_t max_num_tokens() const override { return decoder_->options().max_num_tokens; }
  int32_t max_batch_size() const override { return decoder_->options().max_batch_size; }
  int32_t max_logit_rows() const override { return decoder_->options().max_logit_rows; }
  ModelFootprint footprint() const override { return decoder_->footprint(); }

  std::span<const float> Forward(const ForwardBatch& batch) override;
  // Rows stay on the GPU, where they are counted; their counts come when the observer goes.
  // REQUIRES: the weights are bfloat16.
  void set_observer(ActivationObserver* observer) override;

  // Whether the last step was a graph.
  bool last_was_recorded() const { return last_was_recorded_; }

 private:
  CudaLanguageModel(std::unique_ptr<CudaDecoder> decoder, cuda::PinnedBuffer input,
                    cuda::DeviceBuffer counts);
  void DeliverCounts();

  std::unique_ptr<CudaDecoder> decoder_;
  cuda::PinnedBuffer input_;
  cuda::DeviceBuffer counts_;  // [L, kObservedKinds, cuda::kMagnitudes]
  std::vector<float> logits_;
  ActivationObserver* observer_ = nullptr;
  bool last_was_recorded_ = false;
};

}  // namespace qed

#endif  // QED_MODEL_CUDA_LANGUAGE_MODEL_H_

// A CudaDecoder as the LanguageModel that tests drive: each step waits for its logits.
// For builds with QED_CUDA.
#ifndef QED_TESTS_SUPPORT_CUDA_LANGUAGE_MODEL_H_
#define QED_TESTS_SUPPORT_CUDA_LANGUAGE_MODEL_H_

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cuda/buffer.h"
#include "cuda/device.h"
#include "model/cuda_decoder.h"
#include "model/language_model.h"

namespace qed {

// For small networks: a hundredth of the GPU's memory holds the pages of many tests at once.
inline CudaDecoderOptions SmallDecoderOptions(int32_t max_num_tokens, int32_t max_batch_size,
                                              std::optional<WeightRecipe> quantize) {
  return {.max_num_tokens = max_num_tokens,
          .max_batch_size = max_batch_size,
          .max_logit_rows = max_batch_size,
          .max_seq_len = 1024,
          .page_size = 16,
          .kv_fraction = 0.01,
          .input_bytes_per_row = 8,
          .reserved_bytes = 0,
          .quantize = quantize};
}

class CudaLanguageModel : public LanguageModel {
 public:
  // On GPU 0.
  static Result<std::unique_ptr<CudaLanguageModel>> Load(const Checkpoint& checkpoint,
                                                         const CudaDecoderOptions& options,
                                                         ThreadPool& pool) {
    QED_ASSIGN_OR_RETURN(const cuda::DeviceInfo gpu, cuda::OpenDevice(0));
    QED_ASSIGN_OR_RETURN(auto decoder, CudaDecoder::Load(checkpoint, nullptr, options, gpu, pool));
    return std::make_unique<CudaLanguageModel>(std::move(decoder));
  }

  explicit CudaLanguageModel(std::unique_ptr<CudaDecoder> decoder)
      : decoder_(std::move(decoder)),
        input_(cuda::PinnedBuffer::Allocate(static_cast<size_t>(decoder_->max_input_bytes()))
                   .value()) {}

  const ModelConfig& config() const override { return decoder_->config(); }
  int32_t page_size() const override { return decoder_->options().page_size; }
  int32_t num_pages() const override { return decoder_->num_pages(); }
  int32_t max_num_tokens() const override { return decoder_->options().max_num_tokens; }
  int32_t max_batch_size() const override { return decoder_->options().max_batch_size; }
  int32_t max_logit_rows() const override { return decoder_->options().max_logit_rows; }
  ModelFootprint footprint() const override { return decoder_->footprint(); }

  std::span<const float> Forward(const ForwardBatch& batch) override {
    last_was_recorded_ = false;
    const CudaStepInputs inputs = decoder_->Pack(batch, input_.data());
    last_was_recorded_ = inputs.recorded;
    decoder_->Forward(inputs, input_.data());
    logits_.resize(batch.logit_rows.size() * static_cast<size_t>(config().vocab_size));
    cuda::CopyToHost(logits_.data(), decoder_->logits(), logits_.size() * sizeof(float),
                     decoder_->stream().handle());
    const Status done = cuda::Synchronize();
    QED_CHECK(done.ok()) << done.message();
    return logits_;
  }

  // Whether the last step was a graph.
  bool last_was_recorded() const { return last_was_recorded_; }

 private:
  std::unique_ptr<CudaDecoder> decoder_;
  cuda::PinnedBuffer input_;
  std::vector<float> logits_;
  bool last_was_recorded_ = false;
};

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_CUDA_LANGUAGE_MODEL_H_

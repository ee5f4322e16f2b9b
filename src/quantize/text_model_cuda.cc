#include <algorithm>

#include "config/engine_config.h"
#include "model/cuda_language_model.h"
#include "quantize/text_model.h"

namespace qed {
namespace {

// Rows of a step: of logits, where they are wanted.
constexpr int32_t kStepTokens = 8192;
constexpr int32_t kLogitRows = 512;
// Of the memory that the weights leave: two models may be there at once.
constexpr double kKvFraction = 0.3;

}  // namespace

Result<std::unique_ptr<ObservableModel>> LoadTextModelOnGpu(const Checkpoint& checkpoint,
                                                            const Adapter* adapter,
                                                            const TextLimits& limits,
                                                            const cuda::DeviceInfo& gpu,
                                                            ThreadPool& pool) {
  CudaDecoderOptions options;
  options.max_num_tokens = kStepTokens;
  options.max_batch_size = kLogitRows;
  options.max_logit_rows = kLogitRows;
  options.max_seq_len = static_cast<int32_t>(
      std::min<size_t>(limits.longest, static_cast<size_t>(checkpoint.config.context_length)));
  options.page_size = EngineConfig().page_size;
  options.kv_fraction = kKvFraction;
  QED_ASSIGN_OR_RETURN(auto decoder, CudaDecoder::Load(checkpoint, adapter, options, gpu, pool));
  QED_ASSIGN_OR_RETURN(auto model, CudaLanguageModel::Create(std::move(decoder)));
  return std::unique_ptr<ObservableModel>(std::move(model));
}

}  // namespace qed

#include <utility>

#include "config/weight_quantization.h"
#include "cuda/device.h"
#include "tests/parity/gpu_model.h"
#include "tests/support/cuda_language_model.h"

namespace qed {

Result<std::unique_ptr<LanguageModel>> LoadOnGpu(const Checkpoint& checkpoint,
                                                 const EngineConfig& config, ThreadPool& pool) {
  QED_ASSIGN_OR_RETURN(const cuda::DeviceInfo gpu, cuda::OpenDevice(0));
  QED_ASSIGN_OR_RETURN(const WeightQuantization quantization,
                       ParseWeightQuantization(config.quantize));
  const CudaDecoderOptions options = {.max_num_tokens = config.max_num_tokens,
                                      .max_batch_size = config.max_batch_size,
                                      .max_seq_len = 1024,
                                      .page_size = 16,
                                      .kv_fraction = 0.01,
                                      .input_bytes_per_row = 0,
                                      .reserved_bytes = 0,
                                      .quantization = quantization};
  QED_ASSIGN_OR_RETURN(auto decoder, CudaDecoder::Load(checkpoint, nullptr, options, gpu, pool));
  return std::unique_ptr<LanguageModel>(new CudaLanguageModel(std::move(decoder)));
}

}  // namespace qed

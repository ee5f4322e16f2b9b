// Small networks on GPU 0, for tests of builds with QED_CUDA.
#ifndef QED_TESTS_SUPPORT_CUDA_TEST_MODEL_H_
#define QED_TESTS_SUPPORT_CUDA_TEST_MODEL_H_

#include <memory>
#include <utility>

#include "cuda/device.h"
#include "model/cuda_language_model.h"

namespace qed {

// A hundredth of the GPU's memory holds the pages of many tests at once.
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

inline Result<std::unique_ptr<CudaLanguageModel>> LoadOnFirstGpu(const Checkpoint& checkpoint,
                                                                 const CudaDecoderOptions& options,
                                                                 ThreadPool& pool) {
  QED_ASSIGN_OR_RETURN(const cuda::DeviceInfo gpu, cuda::OpenDevice(0));
  QED_ASSIGN_OR_RETURN(auto decoder, CudaDecoder::Load(checkpoint, nullptr, options, gpu, pool));
  return CudaLanguageModel::Create(std::move(decoder));
}

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_CUDA_TEST_MODEL_H_

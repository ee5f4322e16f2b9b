#include "engine/cuda_decoder_options.h"

#include <string>

#include "kernels/cuda/rank_links.h"
#include "kernels/cuda/sampling.h"
#include "model/engine_use.h"
#include "model/weight_layout.h"
#include "tensor/weight_recipe.h"

namespace qed {
namespace {

constexpr int32_t kMaxVocab = 1 << 19;  // of the sampler

}  // namespace

Result<CudaDecoderOptions> MakeCudaDecoderOptions(const Checkpoint& checkpoint,
                                                  const Adapter* adapter,
                                                  const EngineConfig& config, int32_t ranks) {
  QED_RETURN_IF_ERROR(CheckEngineUse(checkpoint, adapter, config, PackedFor::kCuda, ranks));
  if (!checkpoint.engine) QED_RETURN_IF_ERROR(CheckShards(checkpoint, ranks));
  if (ranks > cuda::kMostLinkedRanks) {
    return Unsupported("--tp-size " + std::to_string(ranks) + ": at most " +
                       std::to_string(cuda::kMostLinkedRanks) + " GPUs can compute together");
  }
  const int32_t vocab_size = checkpoint.config.vocab_size;
  if (vocab_size > kMaxVocab) {
    return Unsupported("a vocabulary of " + std::to_string(vocab_size) +
                       " tokens: the GPU's sampler holds at most " + std::to_string(kMaxVocab));
  }
  CudaDecoderOptions options;
  options.max_num_tokens = config.max_num_tokens;
  options.max_batch_size = config.max_batch_size;
  options.max_logit_rows = MaxLogitRows(config);
  options.max_seq_len =
      config.max_seq_len > 0 ? config.max_seq_len : checkpoint.config.context_length;
  options.page_size = config.page_size;
  options.kv_fraction = config.kv_cache_free_gpu_memory_fraction;
  options.input_bytes_per_row = sizeof(cuda::SamplingRow);
  QED_ASSIGN_OR_RETURN(options.quantize, ParseWeightRecipe(config.quantize));
  if (options.quantize && options.quantize->format == WeightFormat::kQ8_0) {
    return InvalidArgument(
        "--quantize q8_0 is for a CPU; a GPU takes fp8, fp8_per_tensor and "
        "int8_wo, and FP8 or int8 weights of a file as they are");
  }
  return options;
}

}  // namespace qed

#include "tensor/weight_recipe.h"
#include "tests/parity/gpu_model.h"
#include "tests/support/cuda_test_model.h"

namespace qed {

Result<std::unique_ptr<LanguageModel>> LoadOnGpu(const Checkpoint& checkpoint,
                                                 const EngineConfig& config, ThreadPool& pool) {
  QED_ASSIGN_OR_RETURN(const std::optional<WeightRecipe> quantize,
                       ParseWeightRecipe(config.quantize));
  QED_ASSIGN_OR_RETURN(
      std::unique_ptr<LanguageModel> model,
      LoadOnFirstGpu(checkpoint,
                     SmallDecoderOptions(config.max_num_tokens, config.max_batch_size, quantize),
                     pool));
  return model;
}

}  // namespace qed

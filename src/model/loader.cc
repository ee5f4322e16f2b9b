#include "model/loader.h"

#include <string>
#include <utility>

#include "kernels/attention.h"
#include "model/decoder.h"
#include "model/engine_use.h"
#include "model/kv_store.h"
#include "model/network_shard.h"
#include "model/weights.h"
#include "model/workspace.h"
#include "tensor/weight_recipe.h"

namespace qed {
namespace {

Result<ComputeMode> ParseComputeMode(const std::string& name) {
  if (name == "auto") return ComputeMode::kAuto;
  if (name == "f32") return ComputeMode::kF32;
  return InvalidArgument("--compute is \"" + name + "\"; it must be auto or f32");
}

// What the file may say but these kernels cannot do.
Status CheckShape(const ModelConfig& config) {
  if (config.head_dim % 16 != 0 || config.head_dim > kMaxAttentionHeadDim) {
    return Unsupported("head size " + std::to_string(config.head_dim) +
                       " cannot be run; it must be a multiple of 16 up to " +
                       std::to_string(kMaxAttentionHeadDim));
  }
  if (config.num_heads / config.num_kv_heads > kMaxAttentionGroup) {
    return Unsupported(std::to_string(config.num_heads) + " heads over " +
                       std::to_string(config.num_kv_heads) +
                       " key-value heads cannot be run; at most " +
                       std::to_string(kMaxAttentionGroup) + " may share one");
  }
  return OkStatus();
}

Status CheckConfig(const EngineConfig& config) {
  QED_RETURN_IF_ERROR(ValidateKnobs(config));
  if (config.page_size % 16 != 0) {
    return InvalidArgument("--page-size is " + std::to_string(config.page_size) +
                           "; it must be a multiple of 16");
  }
  return OkStatus();
}

}  // namespace

Result<std::unique_ptr<Decoder>> LoadDecoder(const Checkpoint& checkpoint, const Adapter* adapter,
                                             const EngineConfig& config, ThreadPool& pool,
                                             double* conversion_error, Communicator* ranks) {
  QED_RETURN_IF_ERROR(CheckConfig(config));
  QED_ASSIGN_OR_RETURN(const ComputeMode compute, ParseComputeMode(config.compute));
  QED_ASSIGN_OR_RETURN(const std::optional<WeightRecipe> quantize,
                       ParseWeightRecipe(config.quantize));
  const RankShard place = ranks == nullptr ? RankShard{} : RankShard{ranks->rank(), ranks->size()};
  QED_RETURN_IF_ERROR(CheckEngineUse(checkpoint, adapter, config, PackedFor::kCpu, place.ranks));
  const ModelConfig& model = checkpoint.config;
  if (Status shape = CheckShape(model); !shape.ok()) return shape.WithPrefix(checkpoint.path);

  const WorkspaceLimits limits = {.max_tokens = config.max_num_tokens,
                                  .max_sequences = config.max_batch_size,
                                  .max_logit_rows = MaxLogitRows(config)};
  if (!checkpoint.engine) QED_RETURN_IF_ERROR(CheckShards(checkpoint, place.ranks));
  const NetworkShard shard = ShardOf(model, place);
  const DType kv_dtype = compute == ComputeMode::kF32 ? DType::kF32 : DType::kF16;
  QED_ASSIGN_OR_RETURN(KvStore kv, KvStore::Create(ConfigOfShard(model, shard), kv_dtype,
                                                   config.page_size, config.kv_cache_bytes));
  QED_ASSIGN_OR_RETURN(Workspace workspace, Workspace::Create(model, shard, limits));
  QED_ASSIGN_OR_RETURN(ModelWeights weights,
                       checkpoint.engine
                           ? ReadPackedWeights(checkpoint, place, pool)
                           : PackWeights(checkpoint, adapter, compute, quantize, place, pool));
  if (conversion_error != nullptr) *conversion_error = weights.conversion_error;
  return std::make_unique<Decoder>(model, shard, limits, std::move(weights), std::move(kv),
                                   std::move(workspace), pool, place.ranks > 1 ? ranks : nullptr);
}

Result<std::unique_ptr<LanguageModel>> LoadModel(const Checkpoint& checkpoint,
                                                 const Adapter* adapter, const EngineConfig& config,
                                                 ThreadPool& pool, double* conversion_error) {
  QED_ASSIGN_OR_RETURN(std::unique_ptr<Decoder> decoder,
                       LoadDecoder(checkpoint, adapter, config, pool, conversion_error));
  return std::unique_ptr<LanguageModel>(std::move(decoder));
}

}  // namespace qed

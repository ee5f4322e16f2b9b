#include "quantize/text_model.h"

#include "config/engine_config.h"
#include "model/loader.h"

namespace qed {
namespace {

// Rows of a step: of logits, where they are wanted.
constexpr int32_t kStepTokens = 256;
constexpr int32_t kLogitRows = 128;

}  // namespace

Result<std::unique_ptr<Decoder>> LoadTextModel(const Checkpoint& checkpoint, const Adapter* adapter,
                                               const TextLimits& limits, ThreadPool& pool) {
  EngineConfig engine;
  engine.max_num_tokens = kStepTokens;
  engine.max_batch_size = kLogitRows;
  const ModelConfig& model = checkpoint.config;
  const int64_t token_bytes =
      int64_t{model.num_layers} * 2 * model.num_kv_heads * model.head_dim * 2;
  const auto pages =
      (static_cast<int64_t>(limits.longest) + engine.page_size - 1) / engine.page_size;
  engine.kv_cache_bytes = pages * engine.page_size * token_bytes * limits.together;
  return LoadDecoder(checkpoint, adapter, engine, pool);
}

}  // namespace qed

// The tensors a network is made of: the one list that files are matched with, that
// weights are packed from and that ranks will share.
#ifndef QED_CHECKPOINT_NETWORK_TENSORS_H_
#define QED_CHECKPOINT_NETWORK_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "config/model_config.h"

namespace qed {

// What a tensor does. The first three lie outside of the layers.
enum class TensorRole : uint8_t {
  kEmbedding,
  kFinalNorm,
  kHead,
  kAttentionNorm,
  kQuery,
  kKey,
  kValue,
  kOutput,
  kQueryBias,
  kKeyBias,
  kValueBias,
  kOutputBias,
  kQueryNorm,
  kKeyNorm,
  kFfnNorm,
  kGate,
  kUp,
  kDown,
};

// Layer of what lies outside of the layers.
inline constexpr int32_t kNoLayer = -1;

// How ranks split a tensor: not at all, its outputs, or its inputs (whose products
// the ranks then sum).
enum class Sharding : uint8_t { kWhole, kRows, kColumns };

// A tensor the network needs.
struct ExpectedTensor {
  int32_t layer = kNoLayer;
  TensorRole role = TensorRole::kEmbedding;
  std::string hf_name;
  std::string gguf_name;
  std::vector<int64_t> shape;
  Sharding sharding = Sharding::kWhole;
  int64_t shard_unit = 1;  // rows or columns that stay together: a head's
  bool rotated = false;    // rows are turned by RoPE: q and k projections
};

// All tensors of the network, layer by layer.
// REQUIRES: ValidateModelConfig(config) is OK (checkpoint/architecture.h).
std::vector<ExpectedTensor> ExpectedTensors(const ModelConfig& config);

// "model.layers.3.self_attn.q_proj.weight"; kNoLayer for what lies outside.
std::string HfTensorName(int32_t layer, TensorRole role);

// "query", "up": for messages.
const char* RoleName(TensorRole role);

// Whether the role is a product of a layer: what is quantized.
bool IsLinear(TensorRole role);
// The linears of a layer, in the order of the file.
inline constexpr TensorRole kLinearRoles[] = {
    TensorRole::kQuery, TensorRole::kKey, TensorRole::kValue, TensorRole::kOutput,
    TensorRole::kGate,  TensorRole::kUp,  TensorRole::kDown};

}  // namespace qed

#endif  // QED_CHECKPOINT_NETWORK_TENSORS_H_

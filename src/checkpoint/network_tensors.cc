#include "checkpoint/network_tensors.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace qed {
namespace {

// Sizes that a side of a tensor can have.
enum class Side : uint8_t { kNone, kHidden, kInner, kQueries, kKeys, kHeadDim, kVocab };
// Which networks have the tensor.
enum class Where : uint8_t { kAlways, kQkvBias, kOutputBias, kHeadNorms, kUntied };

struct RoleRow {
  TensorRole role;
  const char* name;
  const char* hf_name;  // within the layer, if it is in one
  const char* gguf_name;
  Side rows;
  Side columns;  // kNone: a vector
  Sharding sharding;
  Where where = Where::kAlways;
  bool rotated = false;
};

using enum TensorRole;
using enum Sharding;

constexpr RoleRow kEmbeddingRow = {
    kEmbedding,    "embedding", "model.embed_tokens.weight", "token_embd.weight", Side::kVocab,
    Side::kHidden, kRows};

constexpr RoleRow kLayerRows[] = {
    {kAttentionNorm, "attention norm", "input_layernorm.weight", "attn_norm.weight", Side::kHidden,
     Side::kNone, kWhole},
    {kQuery, "query", "self_attn.q_proj.weight", "attn_q.weight", Side::kQueries, Side::kHidden,
     kRows, Where::kAlways, true},
    {kKey, "key", "self_attn.k_proj.weight", "attn_k.weight", Side::kKeys, Side::kHidden, kRows,
     Where::kAlways, true},
    {kValue, "value", "self_attn.v_proj.weight", "attn_v.weight", Side::kKeys, Side::kHidden,
     kRows},
    {kOutput, "output", "self_attn.o_proj.weight", "attn_output.weight", Side::kHidden,
     Side::kQueries, kColumns},
    {kQueryBias, "query bias", "self_attn.q_proj.bias", "attn_q.bias", Side::kQueries, Side::kNone,
     kRows, Where::kQkvBias, true},
    {kKeyBias, "key bias", "self_attn.k_proj.bias", "attn_k.bias", Side::kKeys, Side::kNone, kRows,
     Where::kQkvBias, true},
    {kValueBias, "value bias", "self_attn.v_proj.bias", "attn_v.bias", Side::kKeys, Side::kNone,
     kRows, Where::kQkvBias},
    {kOutputBias, "output bias", "self_attn.o_proj.bias", "attn_output.bias", Side::kHidden,
     Side::kNone, kWhole, Where::kOutputBias},
    {kQueryNorm, "query norm", "self_attn.q_norm.weight", "attn_q_norm.weight", Side::kHeadDim,
     Side::kNone, kWhole, Where::kHeadNorms},
    {kKeyNorm, "key norm", "self_attn.k_norm.weight", "attn_k_norm.weight", Side::kHeadDim,
     Side::kNone, kWhole, Where::kHeadNorms},
    {kFfnNorm, "feed-forward norm", "post_attention_layernorm.weight", "ffn_norm.weight",
     Side::kHidden, Side::kNone, kWhole},
    {kGate, "gate", "mlp.gate_proj.weight", "ffn_gate.weight", Side::kInner, Side::kHidden, kRows},
    {kUp, "up", "mlp.up_proj.weight", "ffn_up.weight", Side::kInner, Side::kHidden, kRows},
    {kDown, "down", "mlp.down_proj.weight", "ffn_down.weight", Side::kHidden, Side::kInner,
     kColumns},
};

constexpr RoleRow kLastRows[] = {
    {kFinalNorm, "final norm", "model.norm.weight", "output_norm.weight", Side::kHidden,
     Side::kNone, kWhole},
    {kHead, "head", "lm_head.weight", "output.weight", Side::kVocab, Side::kHidden, kRows,
     Where::kUntied},
};

int64_t SizeOf(Side side, const ModelConfig& c) {
  switch (side) {
    case Side::kNone:
      return 0;
    case Side::kHidden:
      return c.hidden_size;
    case Side::kInner:
      return c.intermediate_size;
    case Side::kQueries:
      return int64_t{c.num_heads} * c.head_dim;
    case Side::kKeys:
      return int64_t{c.num_kv_heads} * c.head_dim;
    case Side::kHeadDim:
      return c.head_dim;
    case Side::kVocab:
      return c.vocab_size;
  }
  return 0;
}

bool Has(Where where, const ModelConfig& c) {
  switch (where) {
    case Where::kAlways:
      return true;
    case Where::kQkvBias:
      return c.qkv_bias;
    case Where::kOutputBias:
      return c.output_bias;
    case Where::kHeadNorms:
      return c.qk_norm;
    case Where::kUntied:
      return !c.tied_embeddings;
  }
  return false;
}

const RoleRow& RowOf(TensorRole role) {
  if (role == kEmbedding) return kEmbeddingRow;
  for (const RoleRow& row : kLayerRows) {
    if (row.role == role) return row;
  }
  for (const RoleRow& row : kLastRows) {
    if (row.role == role) return row;
  }
  QED_CHECK(false) << static_cast<int>(role);
  return kEmbeddingRow;
}

void Add(const RoleRow& row, int32_t layer, const ModelConfig& config,
         std::vector<ExpectedTensor>& tensors) {
  if (!Has(row.where, config)) return;
  ExpectedTensor tensor = {.layer = layer,
                           .role = row.role,
                           .hf_name = HfTensorName(layer, row.role),
                           .gguf_name = row.gguf_name,
                           .shape = {SizeOf(row.rows, config)},
                           .sharding = row.sharding,
                           .shard_unit = 1,
                           .rotated = row.rotated};
  if (layer != kNoLayer) tensor.gguf_name.insert(0, "blk." + std::to_string(layer) + ".");
  if (row.columns != Side::kNone) tensor.shape.push_back(SizeOf(row.columns, config));
  const Side split = row.sharding == kColumns ? row.columns : row.rows;
  if (split == Side::kQueries || split == Side::kKeys) tensor.shard_unit = config.head_dim;
  tensors.push_back(std::move(tensor));
}

}  // namespace

std::vector<ExpectedTensor> ExpectedTensors(const ModelConfig& config) {
  std::vector<ExpectedTensor> tensors;
  Add(kEmbeddingRow, kNoLayer, config, tensors);
  for (int32_t layer = 0; layer < config.num_layers; ++layer) {
    for (const RoleRow& row : kLayerRows) Add(row, layer, config, tensors);
  }
  for (const RoleRow& row : kLastRows) Add(row, kNoLayer, config, tensors);
  return tensors;
}

std::string HfTensorName(int32_t layer, TensorRole role) {
  const RoleRow& row = RowOf(role);
  if (layer == kNoLayer) return row.hf_name;
  return "model.layers." + std::to_string(layer) + "." + row.hf_name;
}

const char* RoleName(TensorRole role) { return RowOf(role).name; }

bool IsLinear(TensorRole role) {
  return std::ranges::find(kLinearRoles, role) != std::end(kLinearRoles);
}

}  // namespace qed

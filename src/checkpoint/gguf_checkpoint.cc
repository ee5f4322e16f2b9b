#include "checkpoint/gguf_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "checkpoint/architecture.h"
#include "checkpoint/gguf.h"
#include "checkpoint/rope_scaling.h"
#include "checkpoint/tensor_set.h"

namespace qed {
namespace {

constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();
constexpr char kRopeFreqs[] = "rope_freqs.weight";

const RawTensor* FindTensor(const GgufFile& file, std::string_view name) {
  for (const RawTensor& tensor : file.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

// Int of a key, as the type the config wants.
Status ReadInt(const GgufFile& file, const std::string& key, std::optional<int64_t> fallback,
               int32_t& out) {
  QED_ASSIGN_OR_RETURN(const int64_t value, file.Int(key, 0, kMaxInt32, fallback));
  out = static_cast<int32_t>(value);
  return OkStatus();
}

Status ReadFloat(const GgufFile& file, const std::string& key, std::optional<double> fallback,
                 float& out) {
  QED_ASSIGN_OR_RETURN(const double value, file.Float(key, fallback));
  out = static_cast<float>(value);
  return OkStatus();
}

// Variants of these architectures that need code QED does not have.
Status RejectUnsupported(const GgufFile& file, const std::string& prefix) {
  QED_ASSIGN_OR_RETURN(const int64_t experts, file.Int(prefix + "expert_count", 0, kMaxInt32, 0));
  if (experts > 0) return Unsupported("is a mixture of experts; only dense models can be run");
  QED_ASSIGN_OR_RETURN(const int64_t window,
                       file.Int(prefix + "attention.sliding_window", 0, kMaxInt32, 0));
  if (window > 0) return Unsupported("uses sliding-window attention, which cannot be run");
  QED_ASSIGN_OR_RETURN(const int64_t parts, file.Int("split.count", 0, kMaxInt32, 0));
  if (parts > 1) return Unsupported("is one part of a split model; merge the parts first");
  return OkStatus();
}

Status ReadHeads(const GgufFile& file, const std::string& prefix, ModelConfig& config) {
  QED_RETURN_IF_ERROR(ReadInt(file, prefix + "attention.head_count", {}, config.num_heads));
  QED_RETURN_IF_ERROR(
      ReadInt(file, prefix + "attention.head_count_kv", config.num_heads, config.num_kv_heads));
  if (config.num_heads < 1) return Corrupt("has no attention heads");
  const int32_t derived = config.hidden_size / config.num_heads;
  QED_RETURN_IF_ERROR(ReadInt(file, prefix + "attention.key_length", derived, config.head_dim));
  int32_t value_dim = 0;
  int32_t rotated_dim = 0;
  QED_RETURN_IF_ERROR(ReadInt(file, prefix + "attention.value_length", config.head_dim, value_dim));
  QED_RETURN_IF_ERROR(ReadInt(file, prefix + "rope.dimension_count", config.head_dim, rotated_dim));
  if (value_dim != config.head_dim) {
    return Unsupported("has keys of " + std::to_string(config.head_dim) + " and values of " +
                       std::to_string(value_dim) + " per head; they must be equal");
  }
  if (rotated_dim != config.head_dim) {
    return Unsupported("rotates " + std::to_string(rotated_dim) + " of " +
                       std::to_string(config.head_dim) + " values per head; only all can be run");
  }
  return OkStatus();
}

// [D/2] factors, each a positive number.
Status ReadRopeFactors(const RawTensor& tensor, ModelConfig& config) {
  const int64_t wanted[] = {config.head_dim / 2};
  if (tensor.dtype != DType::kF32 || tensor.shape.size() != 1 || tensor.shape[0] != wanted[0]) {
    return Corrupt(std::string(kRopeFreqs) + " is " + std::string(DTypeName(tensor.dtype)) + " " +
                   ShapeText(tensor.shape) + " and must be F32 " + ShapeText(wanted));
  }
  config.rope_freq_factors.resize(static_cast<size_t>(wanted[0]));
  std::memcpy(config.rope_freq_factors.data(), tensor.data.data(), tensor.data.size());
  for (float factor : config.rope_freq_factors) {
    if (!(factor > 0.0f && std::isfinite(factor))) {
      return Corrupt(std::string(kRopeFreqs) + " holds a factor that is not positive");
    }
  }
  return OkStatus();
}

// As transformers defines it, whose configuration the keys were made from. Older files have
// the linear factor under a name of its own.
Status ReadRopeScaling(const GgufFile& file, const std::string& prefix, ModelConfig& config) {
  RopeScaling& scaling = config.rope_scaling;
  QED_ASSIGN_OR_RETURN(std::string type, file.String(prefix + "rope.scaling.type", "none"));
  float old_factor = 1.0F, log_multiplier = 0;
  QED_RETURN_IF_ERROR(ReadFloat(file, prefix + "rope.scale_linear", 1.0, old_factor));
  QED_RETURN_IF_ERROR(ReadFloat(file, prefix + "rope.scaling.factor", old_factor, scaling.factor));
  if (type == "none" && old_factor != 1.0F) type = "linear";
  if (type == "none" || (type == "linear" && scaling.factor == 1.0F)) return OkStatus();
  if (type == "linear") {
    scaling.kind = RopeScaling::Kind::kLinear;
    return FinishRopeScaling(config);
  }
  QED_RETURN_IF_ERROR(
      ReadFloat(file, prefix + "rope.scaling.yarn_log_multiplier", 0.0, log_multiplier));
  if (type != "yarn" || log_multiplier != 0) {
    return Unsupported("uses RoPE scaling of type " + Printable(type) +
                       (type == "yarn" ? " with yarn_log_multiplier" : "") +
                       "; linear, yarn and Llama-3's (rope_freqs.weight) can be run");
  }
  scaling.kind = RopeScaling::Kind::kYarn;
  QED_RETURN_IF_ERROR(ReadInt(file, prefix + "rope.scaling.original_context_length",
                              config.context_length, scaling.original_context));
  QED_RETURN_IF_ERROR(
      ReadFloat(file, prefix + "rope.scaling.yarn_beta_fast", 32.0, scaling.beta_fast));
  QED_RETURN_IF_ERROR(
      ReadFloat(file, prefix + "rope.scaling.yarn_beta_slow", 1.0, scaling.beta_slow));
  QED_RETURN_IF_ERROR(
      ReadFloat(file, prefix + "rope.scaling.attn_factor", 1.0, scaling.attention_factor));
  scaling.attention_factor *= YarnAttention(scaling.factor, 1.0F);
  return FinishRopeScaling(config);
}

Status ReadConfig(const GgufFile& file, const Architecture& architecture, ModelConfig& config) {
  const std::string prefix = std::string(architecture.gguf_name) + ".";
  QED_RETURN_IF_ERROR(RejectUnsupported(file, prefix));
  config.architecture = architecture.hf_name;
  QED_RETURN_IF_ERROR(ReadInt(file, prefix + "block_count", {}, config.num_layers));
  QED_RETURN_IF_ERROR(ReadInt(file, prefix + "embedding_length", {}, config.hidden_size));
  QED_RETURN_IF_ERROR(ReadInt(file, prefix + "feed_forward_length", {}, config.intermediate_size));
  QED_RETURN_IF_ERROR(ReadInt(file, prefix + "context_length", {}, config.context_length));
  QED_RETURN_IF_ERROR(ReadHeads(file, prefix, config));
  QED_RETURN_IF_ERROR(
      ReadFloat(file, prefix + "attention.layer_norm_rms_epsilon", {}, config.rms_norm_eps));
  QED_RETURN_IF_ERROR(ReadFloat(file, prefix + "rope.freq_base", 10000.0, config.rope_theta));
  QED_RETURN_IF_ERROR(ReadRopeScaling(file, prefix, config));
  config.qk_norm = architecture.qk_norm;
  config.tied_embeddings = FindTensor(file, "output.weight") == nullptr;
  config.qkv_bias = architecture.qkv_bias;
  if (architecture.optional_bias) {
    config.qkv_bias = FindTensor(file, "blk.0.attn_q.bias") != nullptr;
    config.output_bias = FindTensor(file, "blk.0.attn_output.bias") != nullptr;
  }
  if (const RawTensor* factors = FindTensor(file, kRopeFreqs)) {
    QED_RETURN_IF_ERROR(ReadRopeFactors(*factors, config));
  }
  return OkStatus();
}

// A token id of the metadata; -1 where there is none.
Status ReadTokenId(const GgufFile& file, std::string_view name, size_t vocab, int32_t& out) {
  const std::string key = "tokenizer.ggml." + std::string(name) + "_token_id";
  // Older converters wrote 2^32 - 1 for "none".
  QED_ASSIGN_OR_RETURN(const int64_t id, file.Int(key, -1, int64_t{0xFFFFFFFF}, -1));
  if (id == -1 || id == int64_t{0xFFFFFFFF}) {
    out = -1;
    return OkStatus();
  }
  if (id >= static_cast<int64_t>(vocab)) {
    return Corrupt(key + " is " + std::to_string(id) + ", outside the vocabulary of " +
                   std::to_string(vocab) + " tokens");
  }
  out = static_cast<int32_t>(id);
  return OkStatus();
}

Status ReadTokenizer(const GgufFile& file, TokenizerSpec& spec) {
  QED_ASSIGN_OR_RETURN(spec.model, file.String("tokenizer.ggml.model"));
  QED_ASSIGN_OR_RETURN(spec.pre, file.String("tokenizer.ggml.pre", ""));
  QED_ASSIGN_OR_RETURN(spec.tokens, file.Strings("tokenizer.ggml.tokens"));
  QED_ASSIGN_OR_RETURN(spec.token_types, file.Ints("tokenizer.ggml.token_type"));
  QED_ASSIGN_OR_RETURN(spec.merges, file.Strings("tokenizer.ggml.merges"));
  QED_ASSIGN_OR_RETURN(spec.chat_template, file.String("tokenizer.chat_template", ""));
  if (spec.tokens.empty()) return Corrupt("has no tokenizer.ggml.tokens");
  if (!spec.token_types.empty() && spec.token_types.size() != spec.tokens.size()) {
    return Corrupt("has " + std::to_string(spec.tokens.size()) + " tokens but " +
                   std::to_string(spec.token_types.size()) + " token types");
  }
  const size_t vocab = spec.tokens.size();
  QED_RETURN_IF_ERROR(ReadTokenId(file, "bos", vocab, spec.bos_token_id));
  QED_RETURN_IF_ERROR(ReadTokenId(file, "eos", vocab, spec.eos_token_id));
  QED_RETURN_IF_ERROR(ReadTokenId(file, "padding", vocab, spec.padding_token_id));
  // Files may leave the flag out where the pre-tokenizer, Llama-3's, implies it.
  constexpr std::string_view kWithBos[] = {"llama3",   "llama-v3",  "llama-bpe",
                                           "falcon3",  "falcon-h1", "pixtral",
                                           "midm-2.0", "lfm2",      "jina-v5-nano"};
  const bool implied = std::ranges::find(kWithBos, spec.pre) != std::end(kWithBos);
  QED_ASSIGN_OR_RETURN(spec.add_bos_token, file.Bool("tokenizer.ggml.add_bos_token", implied));
  return OkStatus();
}

// The vocabulary's size as tokens, key and embedding say it must be one number.
Status ReadVocabulary(const GgufFile& file, const Architecture& architecture,
                      Checkpoint& checkpoint) {
  QED_RETURN_IF_ERROR(ReadTokenizer(file, checkpoint.tokenizer));
  const int64_t tokens = static_cast<int64_t>(checkpoint.tokenizer.tokens.size());
  const std::string key = std::string(architecture.gguf_name) + ".vocab_size";
  QED_ASSIGN_OR_RETURN(const int64_t declared, file.Int(key, 0, kMaxInt32, tokens));
  const RawTensor* embedding = FindTensor(file, "token_embd.weight");
  const int64_t rows = embedding == nullptr ? tokens : embedding->shape[0];
  if (declared != tokens || rows != tokens) {
    return Corrupt("vocabulary contradicts itself: " + std::to_string(tokens) + " tokens, " +
                   std::to_string(declared) + " by " + key + ", " + std::to_string(rows) +
                   " rows of token_embd.weight");
  }
  ModelConfig& config = checkpoint.config;
  config.vocab_size = static_cast<int32_t>(std::min(tokens, kMaxInt32));
  config.bos_token_id = checkpoint.tokenizer.bos_token_id;
  // Chat models end a turn with their own token beside the end of the text.
  for (const char* name : {"eos", "eot"}) {
    int32_t id = -1;
    QED_RETURN_IF_ERROR(ReadTokenId(file, name, checkpoint.tokenizer.tokens.size(), id));
    auto& ids = config.eos_token_ids;
    if (id >= 0 && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return OkStatus();
}

}  // namespace

Result<Checkpoint> GgufCheckpoint(std::span<const std::byte> bytes) {
  QED_ASSIGN_OR_RETURN(GgufFile file, ParseGguf(bytes));
  QED_ASSIGN_OR_RETURN(const std::string name, file.String("general.architecture"));
  QED_ASSIGN_OR_RETURN(const Architecture* architecture, FindGgufArchitecture(name));
  Checkpoint checkpoint;
  checkpoint.format = "gguf";
  QED_RETURN_IF_ERROR(ReadConfig(file, *architecture, checkpoint.config));
  QED_RETURN_IF_ERROR(ReadVocabulary(file, *architecture, checkpoint));
  QED_RETURN_IF_ERROR(ValidateModelConfig(checkpoint.config));
  std::erase_if(file.tensors, [](const RawTensor& t) { return t.name == kRopeFreqs; });
  QED_RETURN_IF_ERROR(TakeTensors(std::move(file.tensors), NameStyle::kGguf,
                                  architecture->gguf_interleaved_rope, nullptr, checkpoint));
  return checkpoint;
}

}  // namespace qed

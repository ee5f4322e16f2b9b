// Networks of a few kilobytes, as GGUF files and HF folders, for tests of
// everything that opens a checkpoint. Weights are random but fixed.
#ifndef QED_TESTS_SUPPORT_TINY_MODEL_H_
#define QED_TESTS_SUPPORT_TINY_MODEL_H_

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "checkpoint/network_tensors.h"
#include "config/model_config.h"
#include "nlohmann/json.hpp"
#include "tests/support/gguf_writer.h"
#include "tests/support/safetensors_writer.h"

namespace qed {

// Two layers with grouped heads, whose size is not hidden_size / num_heads.
inline ModelConfig TinyConfig(const std::string& architecture = "LlamaForCausalLM") {
  ModelConfig config;
  config.architecture = architecture;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 16;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.vocab_size = 12;
  config.context_length = 128;
  config.qkv_bias = architecture == "Qwen2ForCausalLM";
  config.qk_norm = architecture == "Qwen3ForCausalLM";
  config.eos_token_ids = {2};
  config.bos_token_id = 1;
  return config;
}

// Values of a tensor in [-0.5, 0.5), different for each `stream`.
inline std::string RandomF32(int64_t count, uint64_t stream) {
  std::string bytes(static_cast<size_t>(count) * sizeof(float), '\0');
  for (int64_t i = 0; i < count; ++i) {
    const float value = UniformFloat(1, stream, static_cast<uint64_t>(i)) - 0.5f;
    Patch(bytes, static_cast<size_t>(i) * sizeof(float), value);
  }
  return bytes;
}

inline int64_t ValuesOf(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

inline GgufWriter TinyGguf(const ModelConfig& config = TinyConfig()) {
  const std::map<std::string, std::string> names = {
      {"LlamaForCausalLM", "llama"}, {"Qwen2ForCausalLM", "qwen2"}, {"Qwen3ForCausalLM", "qwen3"}};
  const std::string arch = names.at(config.architecture);
  GgufWriter writer;
  const auto add = [&](const char* key, int32_t value) {
    writer.Add(arch + "." + key, static_cast<uint32_t>(value));
  };
  writer.Add("general.architecture", arch);
  add("block_count", config.num_layers);
  add("context_length", config.context_length);
  add("embedding_length", config.hidden_size);
  add("feed_forward_length", config.intermediate_size);
  add("attention.head_count", config.num_heads);
  add("attention.head_count_kv", config.num_kv_heads);
  add("attention.key_length", config.head_dim);
  add("attention.value_length", config.head_dim);
  writer.Add(arch + ".attention.layer_norm_rms_epsilon", config.rms_norm_eps);
  writer.Add(arch + ".rope.freq_base", config.rope_theta);
  std::vector<std::string> tokens;
  for (int32_t i = 0; i < config.vocab_size; ++i) tokens.push_back(std::string(1, 'a' + i % 26));
  writer.Add("tokenizer.ggml.model", "gpt2");
  writer.Add("tokenizer.ggml.pre", "smollm");
  writer.AddStrings("tokenizer.ggml.tokens", tokens);
  writer.AddArray("tokenizer.ggml.token_type", std::vector<int32_t>(tokens.size(), 1));
  writer.AddStrings("tokenizer.ggml.merges", {});
  writer.Add("tokenizer.ggml.bos_token_id", uint32_t{1});
  writer.Add("tokenizer.ggml.eos_token_id", uint32_t{2});
  uint64_t stream = 0;
  for (const ExpectedTensor& tensor : ExpectedTensors(config)) {
    const std::vector<uint64_t> shape(tensor.shape.begin(), tensor.shape.end());
    writer.AddTensor(tensor.gguf_name, kGgmlF32, shape,
                     RandomF32(ValuesOf(tensor.shape), stream++));
  }
  return writer;
}

inline nlohmann::json TinyHfConfig(const ModelConfig& config = TinyConfig()) {
  return {{"architectures", {config.architecture}},
          {"num_hidden_layers", config.num_layers},
          {"num_attention_heads", config.num_heads},
          {"num_key_value_heads", config.num_kv_heads},
          {"head_dim", config.head_dim},
          {"hidden_size", config.hidden_size},
          {"intermediate_size", config.intermediate_size},
          {"vocab_size", config.vocab_size},
          {"max_position_embeddings", config.context_length},
          {"rms_norm_eps", config.rms_norm_eps},
          {"rope_theta", config.rope_theta},
          {"tie_word_embeddings", config.tied_embeddings},
          {"attention_bias", config.output_bias},
          {"bos_token_id", config.bos_token_id},
          {"eos_token_id", config.eos_token_ids}};
}

// The same values as TinyGguf's, but in HF's row order: what is interleaved in
// one file is not in the other.
inline std::map<std::string, SafetensorsTensor> TinyHfTensors(
    const ModelConfig& config = TinyConfig()) {
  std::map<std::string, SafetensorsTensor> tensors;
  uint64_t stream = 0;
  for (const ExpectedTensor& tensor : ExpectedTensors(config)) {
    tensors[tensor.hf_name] = {DType::kF32, tensor.shape,
                               RandomF32(ValuesOf(tensor.shape), stream++)};
  }
  return tensors;
}

inline void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline void WriteTinyHfFolder(const std::string& folder, const ModelConfig& config = TinyConfig()) {
  std::filesystem::create_directories(folder);
  WriteBytes(folder + "/config.json", TinyHfConfig(config).dump());
  WriteBytes(folder + "/model.safetensors", BuildSafetensors(TinyHfTensors(config)));
}

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_TINY_MODEL_H_

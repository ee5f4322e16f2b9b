#include "checkpoint/random_checkpoint.h"

#include <cstdint>
#include <optional>

#include "checkpoint/network_tensors.h"
#include "checkpoint/raw_tensor.h"

namespace qed {
namespace {

// As in the models' config.json files.
struct NamedShape {
  std::string_view name;
  std::string_view architecture;
  int32_t layers, heads, kv_heads, head_dim;
  int32_t hidden, intermediate, vocab, context;
  float eps, rope_theta;
  bool tied;
};

constexpr NamedShape kShapes[] = {
    {"qwen2.5-14b", "Qwen2ForCausalLM", 48, 40, 8, 128, 5120, 13824, 152064, 32768, 1e-6F, 1e6F,
     false},
    {"qwen2.5-7b", "Qwen2ForCausalLM", 28, 28, 4, 128, 3584, 18944, 152064, 32768, 1e-6F, 1e6F,
     false},
    {"qwen2.5-1.5b", "Qwen2ForCausalLM", 28, 12, 2, 128, 1536, 8960, 151936, 32768, 1e-6F, 1e6F,
     true},
    {"llama-3.1-8b", "LlamaForCausalLM", 32, 32, 8, 128, 4096, 14336, 128256, 131072, 1e-5F, 5e5F,
     false},
    {"qwen3-8b", "Qwen3ForCausalLM", 36, 32, 8, 128, 4096, 12288, 151936, 40960, 1e-6F, 1e6F,
     false},
    {"smollm2-135m", "LlamaForCausalLM", 30, 9, 3, 64, 576, 1536, 49152, 8192, 1e-5F, 1e5F, true},
    // Of no published model: all that the 14B one has, in the blink of an eye.
    {"tiny", "Qwen2ForCausalLM", 2, 10, 2, 64, 256, 512, 512, 4096, 1e-6F, 1e6F, false},
};

RandomFill FillFor(const ExpectedTensor& tensor, uint64_t stream) {
  constexpr float kBiasStep = 0x1p-10F;
  constexpr float kNormStep = 0x1p-7F;
  constexpr double kLogitGain = 4;  // else the likeliest tokens would be too near each other
  if (tensor.shape.size() == 1) {
    const bool norm = tensor.hf_name.ends_with("norm.weight");
    return {stream, norm ? 1.0F : 0.0F, norm ? kNormStep : kBiasStep};
  }
  // A tied head is the embedding.
  return {stream, 0.0F, RandomStep(tensor.shape[1], IsLinear(tensor.role) ? 1 : kLogitGain)};
}

}  // namespace

std::string RandomShapeNames() {
  std::string names;
  for (const NamedShape& shape : kShapes) {
    if (!names.empty()) names += ", ";
    names += shape.name;
  }
  return names;
}

Result<ModelConfig> RandomShape(std::string_view name) {
  for (const NamedShape& shape : kShapes) {
    if (shape.name != name) continue;
    ModelConfig config;
    config.architecture = shape.architecture;
    config.num_layers = shape.layers;
    config.num_heads = shape.heads;
    config.num_kv_heads = shape.kv_heads;
    config.head_dim = shape.head_dim;
    config.hidden_size = shape.hidden;
    config.intermediate_size = shape.intermediate;
    config.vocab_size = shape.vocab;
    config.context_length = shape.context;
    config.rms_norm_eps = shape.eps;
    config.rope_theta = shape.rope_theta;
    config.tied_embeddings = shape.tied;
    config.qkv_bias = shape.architecture == "Qwen2ForCausalLM";
    config.qk_norm = shape.architecture == "Qwen3ForCausalLM";
    if (name == "llama-3.1-8b") {
      config.rope_scaling.kind = RopeScaling::Kind::kLlama3;
      config.rope_scaling.factor = 8.0F;
    }
    return config;
  }
  return InvalidArgument("--random-weights " + Printable(name) + " is not known; known are " +
                         RandomShapeNames());
}

Checkpoint MakeRandomCheckpoint(const std::string& name, const ModelConfig& config) {
  Checkpoint checkpoint;
  checkpoint.path = "random " + name;
  checkpoint.format = "random";
  checkpoint.config = config;
  uint64_t stream = 0;
  for (const ExpectedTensor& expected : ExpectedTensors(config)) {
    checkpoint.tensors.emplace(expected.hf_name,
                               CheckpointTensor{.name = expected.hf_name,
                                                .layer = expected.layer,
                                                .role = expected.role,
                                                .file_name = expected.hf_name,
                                                .dtype = DType::kBF16,
                                                .shape = expected.shape,
                                                .data = {},
                                                .random = FillFor(expected, ++stream)});
  }
  return checkpoint;
}

}  // namespace qed

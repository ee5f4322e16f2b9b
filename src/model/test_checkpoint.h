// A random network in memory, for tests.
#ifndef QED_MODEL_TEST_CHECKPOINT_H_
#define QED_MODEL_TEST_CHECKPOINT_H_

#include <cmath>
#include <list>
#include <random>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/network_tensors.h"
#include "tensor/quant_format.h"

namespace qed {

struct TestCheckpoint {
  Checkpoint checkpoint;
  std::list<std::vector<std::byte>> storage;  // what the tensors view
};

// A small network of three layers with GQA group 3.
inline ModelConfig SmallConfig() {
  ModelConfig config;
  config.architecture = "LlamaForCausalLM";
  config.num_layers = 3;
  config.num_heads = 6;
  config.num_kv_heads = 2;
  config.head_dim = 32;
  config.hidden_size = 96;
  config.intermediate_size = 160;
  config.vocab_size = 300;
  config.context_length = 1024;
  config.tied_embeddings = true;
  return config;
}

// The same in sizes that a GPU's kernels take.
inline ModelConfig SmallGpuConfig() {
  ModelConfig config = SmallConfig();
  config.head_dim = 64;
  config.hidden_size = 256;
  config.intermediate_size = 448;
  config.vocab_size = 304;
  return config;
}

// Matrices are stored as `dtype`, vectors as F32.
inline TestCheckpoint RandomCheckpoint(const ModelConfig& config, DType dtype, uint32_t seed = 1) {
  TestCheckpoint test;
  test.checkpoint.path = "random";
  test.checkpoint.config = config;
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  for (const ExpectedTensor& expected : ExpectedTensors(config)) {
    const bool matrix = expected.shape.size() == 2;
    const int64_t columns = matrix ? expected.shape[1] : 1;
    const bool norm = expected.hf_name.find("norm") != std::string::npos;
    std::vector<float> values(static_cast<size_t>(expected.shape[0] * columns));
    const float scale = matrix ? 1.5f / std::sqrt(static_cast<float>(columns)) : 0.2f;
    for (float& v : values) v = scale * normal(generator) + (norm ? 1.0f : 0.0f);
    const DType stored = matrix ? dtype : DType::kF32;
    std::vector<std::byte>& bytes =
        test.storage.emplace_back(values.size() / BlockValues(stored) * BlockBytes(stored));
    QuantizeRow(stored, values, bytes);
    test.checkpoint.tensors[expected.hf_name] = {.name = expected.hf_name,
                                                 .layer = expected.layer,
                                                 .role = expected.role,
                                                 .file_name = expected.hf_name,
                                                 .dtype = stored,
                                                 .shape = expected.shape,
                                                 .data = bytes};
  }
  return test;
}

}  // namespace qed

#endif  // QED_MODEL_TEST_CHECKPOINT_H_

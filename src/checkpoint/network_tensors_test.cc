#include "checkpoint/network_tensors.h"

#include <set>

#include "checkpoint/random_checkpoint.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

ModelConfig WithEverything() {
  ModelConfig config = RandomShape("tiny").value();
  config.output_bias = config.qk_norm = true;
  return config;
}

TEST(NetworkTensorsTest, NamesAreUniqueAndFoundByLayerAndRole) {
  const ModelConfig config = WithEverything();
  std::set<std::string> hf, gguf;
  for (const ExpectedTensor& tensor : ExpectedTensors(config)) {
    EXPECT_EQ(HfTensorName(tensor.layer, tensor.role), tensor.hf_name);
    EXPECT_TRUE(hf.insert(tensor.hf_name).second) << tensor.hf_name;
    EXPECT_TRUE(gguf.insert(tensor.gguf_name).second) << tensor.gguf_name;
    EXPECT_EQ(IsLinear(tensor.role), tensor.hf_name.find("_proj.weight") != std::string::npos);
    EXPECT_EQ(tensor.layer == kNoLayer, tensor.hf_name.find("layers.") == std::string::npos);
  }
  EXPECT_EQ(hf.size(), 3 + 15 * 2u);
  EXPECT_TRUE(hf.contains("model.layers.1.mlp.down_proj.weight"));
  EXPECT_TRUE(gguf.contains("blk.1.ffn_down.weight"));
}

// A linear's outputs are split where the next one's inputs are, so that ranks need
// to exchange nothing between the two.
TEST(NetworkTensorsTest, SplitsOfNeighboursFit) {
  const ModelConfig config = WithEverything();
  for (const ExpectedTensor& tensor : ExpectedTensors(config)) {
    switch (tensor.role) {
      case TensorRole::kQuery:
      case TensorRole::kQueryBias:
      case TensorRole::kKey:
      case TensorRole::kValue:
        EXPECT_EQ(tensor.sharding, Sharding::kRows);
        EXPECT_EQ(tensor.shard_unit, config.head_dim);
        break;
      case TensorRole::kOutput:
        EXPECT_EQ(tensor.sharding, Sharding::kColumns);
        EXPECT_EQ(tensor.shard_unit, config.head_dim);
        EXPECT_EQ(tensor.shape[1], int64_t{config.num_heads} * config.head_dim);
        break;
      case TensorRole::kGate:
      case TensorRole::kUp:
        EXPECT_EQ(tensor.sharding, Sharding::kRows);
        break;
      case TensorRole::kDown:
        EXPECT_EQ(tensor.sharding, Sharding::kColumns);
        break;
      case TensorRole::kOutputBias:  // added once, after the sum
      case TensorRole::kAttentionNorm:
      case TensorRole::kFfnNorm:
        EXPECT_EQ(tensor.sharding, Sharding::kWhole);
        break;
      default:
        break;
    }
  }
}

}  // namespace
}  // namespace qed

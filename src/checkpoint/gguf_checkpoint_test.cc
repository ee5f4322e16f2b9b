#include <cmath>
#include <filesystem>
#include <string>

#include "checkpoint/checkpoint.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tensor/quant_format.h"
#include "tests/support/test_files.h"
#include "tests/support/tiny_model.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Result<Checkpoint> Open(GgufWriter writer) {
  TempDir dir;
  WriteBytes(dir.File("m.gguf"), writer.Build());
  return OpenCheckpoint(dir.File("m.gguf"));  // the mapping outlives the name
}

TEST(GgufCheckpointTest, Llama) {
  TempDir dir;
  const std::string path = dir.File("m.gguf");
  WriteBytes(path, TinyGguf().Build());
  auto checkpoint = OpenCheckpoint(path);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->path, path);
  EXPECT_EQ(checkpoint->format, "gguf");
  const ModelConfig& config = checkpoint->config;
  EXPECT_EQ(config.architecture, "LlamaForCausalLM");
  EXPECT_EQ(config.num_layers, 2);
  EXPECT_EQ(config.num_heads, 4);
  EXPECT_EQ(config.num_kv_heads, 2);
  EXPECT_EQ(config.head_dim, 16);
  EXPECT_EQ(config.hidden_size, 32);
  EXPECT_EQ(config.intermediate_size, 64);
  EXPECT_EQ(config.vocab_size, 12);
  EXPECT_EQ(config.context_length, 128);
  EXPECT_FLOAT_EQ(config.rms_norm_eps, 1e-5f);
  EXPECT_FLOAT_EQ(config.rope_theta, 10000.0f);
  EXPECT_FALSE(config.qkv_bias || config.output_bias || config.qk_norm || config.tied_embeddings);
  EXPECT_THAT(config.eos_token_ids, ElementsAre(2));
  EXPECT_EQ(config.bos_token_id, 1);
  EXPECT_EQ(checkpoint->tokenizer.source, path);
  EXPECT_EQ(checkpoint->tokenizer.model, "gpt2");
  EXPECT_EQ(checkpoint->tokenizer.pre, "smollm");
  EXPECT_EQ(checkpoint->tokenizer.tokens.size(), 12u);
  EXPECT_FALSE(checkpoint->tokenizer.add_bos_token);

  EXPECT_EQ(checkpoint->tensors.size(), 3u + 2 * 9);
  const CheckpointTensor* q = checkpoint->Find("model.layers.1.self_attn.q_proj.weight");
  ASSERT_NE(q, nullptr);
  EXPECT_EQ(q->file_name, "blk.1.attn_q.weight");
  EXPECT_THAT(q->shape, ElementsAre(64, 32));
  EXPECT_TRUE(q->interleaved_rope_rows);
  EXPECT_TRUE(checkpoint->Find("model.layers.1.self_attn.k_proj.weight")->interleaved_rope_rows);
  EXPECT_FALSE(checkpoint->Find("model.layers.1.self_attn.v_proj.weight")->interleaved_rope_rows);
  // Stream 0 of the writer is the first tensor, the embedding.
  const auto data = checkpoint->Find("model.embed_tokens.weight")->data;
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(data.data()), data.size()),
            RandomF32(12 * 32, 0));
  EXPECT_EQ(checkpoint->Find("lm_head.bias"), nullptr);
}

TEST(GgufCheckpointTest, HeadSizeIsDerivedWhereItIsNotGiven) {
  ModelConfig config = TinyConfig();
  config.head_dim = 8;
  GgufWriter writer = TinyGguf(config);
  writer.Remove("llama.attention.key_length");
  writer.Remove("llama.attention.value_length");
  auto checkpoint = Open(std::move(writer));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->config.head_dim, 8);
}

// The numbers that an HF folder's rope_scaling gives (hf_checkpoint_test.cc).
TEST(GgufCheckpointTest, ReadsRopeScaling) {
  GgufWriter yarn = TinyGguf();
  yarn.Add("llama.rope.scaling.type", "yarn");
  yarn.Add("llama.rope.scaling.factor", 4.0F);
  yarn.Add("llama.rope.scaling.original_context_length", uint32_t{64});
  auto checkpoint = Open(std::move(yarn));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const RopeScaling& scaling = checkpoint->config.rope_scaling;
  EXPECT_EQ(scaling.kind, RopeScaling::Kind::kYarn);
  EXPECT_EQ(scaling.factor, 4.0F);
  EXPECT_EQ(scaling.original_context, 64);
  EXPECT_EQ(scaling.beta_fast, 32.0F);
  EXPECT_EQ(scaling.beta_slow, 1.0F);
  EXPECT_NEAR(scaling.attention_factor, 0.1 * std::log(4.0) + 1, 1e-6);
  EXPECT_EQ(checkpoint->config.context_length, 256);

  for (const char* key : {"llama.rope.scaling.factor", "llama.rope.scale_linear"}) {
    GgufWriter linear = TinyGguf();
    if (std::string(key).ends_with("factor")) linear.Add("llama.rope.scaling.type", "linear");
    linear.Add(key, 2.0F);
    checkpoint = Open(std::move(linear));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    EXPECT_EQ(checkpoint->config.rope_scaling.kind, RopeScaling::Kind::kLinear);
    EXPECT_EQ(checkpoint->config.rope_scaling.factor, 2.0F);
    EXPECT_EQ(checkpoint->config.context_length, 256);
  }
}

TEST(GgufCheckpointTest, NoOutputTensorMeansTiedEmbeddings) {
  GgufWriter writer = TinyGguf();
  writer.RemoveTensor("output.weight");
  auto checkpoint = Open(std::move(writer));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_TRUE(checkpoint->config.tied_embeddings);
  EXPECT_EQ(checkpoint->Find("lm_head.weight"), nullptr);
}

TEST(GgufCheckpointTest, Qwen2HasBiasesAndPlainRows) {
  auto checkpoint = Open(TinyGguf(TinyConfig("Qwen2ForCausalLM")));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->config.architecture, "Qwen2ForCausalLM");
  EXPECT_TRUE(checkpoint->config.qkv_bias);
  EXPECT_FALSE(checkpoint->config.output_bias);
  EXPECT_NE(checkpoint->Find("model.layers.0.self_attn.k_proj.bias"), nullptr);
  EXPECT_FALSE(checkpoint->Find("model.layers.0.self_attn.q_proj.weight")->interleaved_rope_rows);
}

TEST(GgufCheckpointTest, Qwen2WithoutBiasesMissesThem) {
  GgufWriter writer = TinyGguf(TinyConfig("Qwen2ForCausalLM"));
  writer.RemoveTensor("blk.0.attn_q.bias");
  const Status status = Open(std::move(writer)).status();
  EXPECT_THAT(status.message(), HasSubstr("1 missing: blk.0.attn_q.bias"));
}

TEST(GgufCheckpointTest, Qwen3HasQkNorm) {
  auto checkpoint = Open(TinyGguf(TinyConfig("Qwen3ForCausalLM")));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_TRUE(checkpoint->config.qk_norm);
  EXPECT_THAT(checkpoint->Find("model.layers.1.self_attn.k_norm.weight")->shape, ElementsAre(16));
}

TEST(GgufCheckpointTest, LlamaWithAttentionBiases) {
  ModelConfig config = TinyConfig();
  config.qkv_bias = config.output_bias = true;
  auto checkpoint = Open(TinyGguf(config));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_TRUE(checkpoint->config.qkv_bias);
  EXPECT_TRUE(checkpoint->config.output_bias);
  EXPECT_TRUE(checkpoint->Find("model.layers.0.self_attn.q_proj.bias")->interleaved_rope_rows);
  EXPECT_FALSE(checkpoint->Find("model.layers.0.self_attn.v_proj.bias")->interleaved_rope_rows);
}

TEST(GgufCheckpointTest, RopeFreqsBecomeFactors) {
  GgufWriter writer = TinyGguf();
  std::string bytes(32, '\0');
  for (size_t i = 0; i < 8; ++i) Patch(bytes, 4 * i, static_cast<float>(i + 1));
  writer.AddTensor("rope_freqs.weight", kGgmlF32, {8}, bytes);
  auto checkpoint = Open(std::move(writer));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_THAT(checkpoint->config.rope_freq_factors, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ(checkpoint->tensors.size(), 3u + 2 * 9);
}

TEST(GgufCheckpointTest, EndOfTurnIsAnEndToo) {
  GgufWriter writer = TinyGguf();
  writer.Add("tokenizer.ggml.eot_token_id", uint32_t{5});
  writer.Add("tokenizer.ggml.padding_token_id", ~uint32_t{0});
  writer.Add("tokenizer.ggml.pre", "llama-v3");
  auto checkpoint = Open(std::move(writer));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_THAT(checkpoint->config.eos_token_ids, ElementsAre(2, 5));
  EXPECT_EQ(checkpoint->tokenizer.padding_token_id, -1);
  EXPECT_TRUE(checkpoint->tokenizer.add_bos_token);
}

TEST(GgufCheckpointTest, EverythingWrongWithTheTensorsComesInOneLine) {
  GgufWriter writer = TinyGguf();
  writer.RemoveTensor("blk.0.attn_v.weight");
  writer.AddTensor("blk.1.ffn_up.weight", kGgmlF32, {32, 64}, RandomF32(2048, 1));
  writer.AddTensor("blk.0.ffn_norm.weight", kGgmlQ8_0, {32}, std::string(34, '\0'));
  writer.AddTensor("blk.0.new\nfangled.weight", kGgmlF32, {1}, RandomF32(1, 1));
  const Status status = Open(std::move(writer)).status();
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_THAT(status.message(),
              HasSubstr("tensors do not fit LlamaForCausalLM: 1 missing: blk.0.attn_v.weight; "
                        "1 of the wrong shape: blk.1.ffn_up.weight is [32, 64] and must be "
                        "[64, 32]; 1 of the wrong type: blk.0.ffn_norm.weight is Q8_0; "
                        "1 not used: blk.0.new?fangled.weight"));
}

TEST(GgufCheckpointTest, LongListsAreCutShort) {
  GgufWriter writer = TinyGguf();
  for (int i = 0; i < 1000; ++i) {
    writer.AddTensor("extra." + std::to_string(i), kGgmlF32, {1}, RandomF32(1, 1));
  }
  const Status status = Open(std::move(writer)).status();
  EXPECT_THAT(status.message(), HasSubstr("1000 not used: extra.0, extra.1, extra.10, "));
  EXPECT_LT(status.message().size(), 500u);
}

TEST(OpenCheckpointTest, ErrorsStartWithThePath) {
  TempDir dir;
  const std::string absent = dir.File("none.gguf");
  EXPECT_EQ(OpenCheckpoint(absent).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(OpenCheckpoint(absent).status().message(), StartsWith(absent + ": no such file"));
  const std::string text = dir.File("text");
  WriteBytes(text, "just text");
  EXPECT_THAT(OpenCheckpoint(text).status().message(), StartsWith(text + ": is neither"));
  const std::string empty = dir.File("empty");
  WriteBytes(empty, "");
  EXPECT_THAT(OpenCheckpoint(empty).status().message(), StartsWith(empty + ": is neither"));
  EXPECT_THAT(OpenCheckpoint(dir.path()).status().message(),
              StartsWith(dir.path() + ": has no config.json"));
  EXPECT_FALSE(OpenCheckpoint("/dev/null").ok());
}

TEST(OpenCheckpointTest, TheDefaultModel) {
  QED_REQUIRE_FILE(DefaultModelPath(), "the default model");
  auto checkpoint = OpenCheckpoint(DefaultModelPath());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const ModelConfig& config = checkpoint->config;
  EXPECT_EQ(config.architecture, "LlamaForCausalLM");
  EXPECT_EQ(config.num_layers, 30);
  EXPECT_EQ(config.num_heads, 9);
  EXPECT_EQ(config.num_kv_heads, 3);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.hidden_size, 576);
  EXPECT_EQ(config.intermediate_size, 1536);
  EXPECT_EQ(config.vocab_size, 49152);
  EXPECT_EQ(config.context_length, 8192);
  EXPECT_FLOAT_EQ(config.rms_norm_eps, 1e-5f);
  EXPECT_FLOAT_EQ(config.rope_theta, 100000.0f);
  EXPECT_TRUE(config.tied_embeddings);
  EXPECT_TRUE(config.rope_freq_factors.empty());
  EXPECT_THAT(config.eos_token_ids, ElementsAre(2));
  EXPECT_EQ(checkpoint->tensors.size(), 272u);
  EXPECT_EQ(checkpoint->Find("model.embed_tokens.weight")->dtype, DType::kQ8_0);
  EXPECT_EQ(checkpoint->Find("model.layers.29.mlp.down_proj.weight")->dtype, DType::kQ4_1);
  EXPECT_EQ(checkpoint->tokenizer.pre, "smollm");
  EXPECT_EQ(checkpoint->tokenizer.merges.size(), 48900u);
  EXPECT_FALSE(checkpoint->tokenizer.add_bos_token);
}

}  // namespace
}  // namespace qed

#include "checkpoint/hf_checkpoint.h"

#include <functional>

#include "checkpoint/hf_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"
#include "tests/support/tiny_model.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

// Writes the tiny model in two shards with an index.
Json WriteShards(const std::string& folder) {
  std::filesystem::create_directories(folder);
  WriteBytes(folder + "/config.json", TinyHfConfig().dump());
  std::map<std::string, SafetensorsTensor> shards[2];
  Json index = {{"metadata", {{"total_size", 0}}}, {"weight_map", Json::object()}};
  int i = 0;
  for (const auto& [name, tensor] : TinyHfTensors()) {
    const int shard = i++ % 2;
    shards[shard][name] = tensor;
    index["weight_map"][name] = "part-" + std::to_string(shard) + ".safetensors";
  }
  WriteBytes(folder + "/part-0.safetensors", BuildSafetensors(shards[0]));
  WriteBytes(folder + "/part-1.safetensors", BuildSafetensors(shards[1]));
  WriteBytes(folder + "/model.safetensors.index.json", index.dump());
  return index;
}

void ExpectSameTensors(const Checkpoint& a, const Checkpoint& b) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    const CheckpointTensor* other = b.Find(name);
    ASSERT_NE(other, nullptr) << name;
    EXPECT_EQ(tensor.shape, other->shape);
    EXPECT_TRUE(
        std::equal(tensor.data.begin(), tensor.data.end(), other->data.begin(), other->data.end()))
        << name;
  }
}

TEST(HfCheckpointTest, EveryArchitectureOpens) {
  for (const char* architecture : {"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"}) {
    SCOPED_TRACE(architecture);
    TempDir dir;
    const ModelConfig wanted = TinyConfig(architecture);
    WriteTinyHfFolder(dir.path(), wanted);
    WriteBytes(dir.File("tokenizer.json"), "{\"model\": 1}");
    WriteBytes(dir.File("tokenizer_config.json"), "{}");
    auto checkpoint = OpenCheckpoint(dir.path());
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    EXPECT_EQ(checkpoint->format, "hf");
    EXPECT_EQ(checkpoint->path, dir.path());
    const ModelConfig& config = checkpoint->config;
    EXPECT_EQ(config.architecture, architecture);
    EXPECT_EQ(config.head_dim, wanted.head_dim);
    EXPECT_EQ(config.num_kv_heads, wanted.num_kv_heads);
    EXPECT_EQ(config.qkv_bias, wanted.qkv_bias);
    EXPECT_EQ(config.qk_norm, wanted.qk_norm);
    EXPECT_EQ(config.rope_scaling.factor, 1.0f);
    EXPECT_EQ(checkpoint->tensors.size(), ExpectedTensors(wanted).size());
    EXPECT_FALSE(checkpoint->Find("model.layers.0.self_attn.q_proj.weight")->interleaved_rope_rows);
    EXPECT_EQ(checkpoint->tokenizer.tokenizer_json, "{\"model\": 1}");
    EXPECT_EQ(checkpoint->tokenizer.tokenizer_config_json, "{}");
    EXPECT_EQ(checkpoint->tokenizer.source, dir.File("tokenizer.json"));
    EXPECT_FALSE(checkpoint->sampling_defaults.temperature);
    EXPECT_FALSE(checkpoint->sampling_defaults.top_k);
  }
}

TEST(HfCheckpointTest, ShardsHoldTheSameModel) {
  TempDir dir;
  WriteTinyHfFolder(dir.File("single"));
  WriteShards(dir.File("sharded"));
  auto single = OpenCheckpoint(dir.File("single"));
  auto sharded = OpenCheckpoint(dir.File("sharded"));
  ASSERT_TRUE(single.ok()) << single.status().message();
  ASSERT_TRUE(sharded.ok()) << sharded.status().message();
  EXPECT_EQ(sharded->files.size(), 2u);
  ExpectSameTensors(*single, *sharded);
}

TEST(HfCheckpointTest, HarmlessExtrasAreLeftOut) {
  TempDir dir;
  ModelConfig config = TinyConfig();
  config.tied_embeddings = true;
  WriteTinyHfFolder(dir.path(), config);
  auto tensors = TinyHfTensors(config);
  tensors["lm_head.weight"] = {DType::kF32, {12, 32}, RandomF32(12 * 32, 99)};
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {DType::kF32, {8}, RandomF32(8, 98)};
  WriteBytes(dir.File("model.safetensors"), BuildSafetensors(tensors));
  auto checkpoint = OpenCheckpoint(dir.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->Find("lm_head.weight"), nullptr);
}

TEST(HfCheckpointTest, GenerationConfig) {
  TempDir dir;
  WriteTinyHfFolder(dir.path());
  WriteBytes(dir.File("generation_config.json"),
             R"({"temperature": 0.6, "top_p": 0.95, "top_k": 20, "eos_token_id": [3, 4],
                 "min_p": 0.05, "repetition_penalty": 1.05})");
  auto checkpoint = OpenCheckpoint(dir.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const SamplingDefaults& defaults = checkpoint->sampling_defaults;
  EXPECT_EQ(defaults.temperature, 0.6f);
  EXPECT_EQ(defaults.top_p, 0.95f);
  EXPECT_EQ(defaults.top_k, 20);
  EXPECT_EQ(defaults.min_p, 0.05f);
  EXPECT_EQ(defaults.repetition_penalty, 1.05f);
  EXPECT_THAT(checkpoint->config.eos_token_ids, ElementsAre(3, 4));
  WriteBytes(dir.File("generation_config.json"), R"({"eos_token_id": 12})");
  EXPECT_THAT(OpenCheckpoint(dir.path()).status().message(),
              HasSubstr("generation_config.json: end-of-sequence id 12"));
  WriteBytes(dir.File("generation_config.json"), R"({"top_p": 0, "top_k": -1, "min_p": null})");
  EXPECT_FALSE(OpenCheckpoint(dir.path())->sampling_defaults.top_p) << "0 means off";
  WriteBytes(dir.File("generation_config.json"), R"({"min_p": 3})");
  EXPECT_THAT(OpenCheckpoint(dir.path()).status().message(), HasSubstr("min-p is 3"));
  WriteBytes(dir.File("generation_config.json"), R"({"temperature": "hot"})");
  EXPECT_THAT(OpenCheckpoint(dir.path()).status().message(), HasSubstr("temperature"));
}

struct FolderCase {
  const char* name;
  std::function<void(const std::string& folder, Json& index)> spoil;
  const char* wanted;
};

const FolderCase kShardCases[] = {
    {"no shard",
     [](const auto& folder, Json&) { std::filesystem::remove(folder + "/part-1.safetensors"); },
     "has no part-1.safetensors"},
    {"shard cut",
     [](const auto& folder, Json&) {
       std::filesystem::resize_file(folder + "/part-1.safetensors", 5000);
     },
     "part-1.safetensors: "},
    {"outside", [](const auto&, Json& i) { i["weight_map"]["a"] = "../a.safetensors"; }, "outside"},
    {"absolute", [](const auto&, Json& i) { i["weight_map"]["a"] = "/etc/passwd"; }, "outside"},
    {"number", [](const auto&, Json& i) { i["weight_map"]["a"] = 1; }, "names no file for a"},
    {"tensor nowhere", [](const auto&, Json& i) { i["weight_map"]["a"] = "part-0.safetensors"; },
     "names 22 tensors, but the files hold 21"},
    {"tensor elsewhere",
     [](const auto&, Json& i) { i["weight_map"]["lm_head.weight"] = "part-1.safetensors"; },
     "lm_head.weight is elsewhere"},
    {"tensor not in the map", [](const auto&, Json& i) { i["weight_map"].erase("lm_head.weight"); },
     "lm_head.weight is elsewhere"},
    {"no map", [](const auto&, Json& i) { i.erase("weight_map"); }, "lacks weight_map"},
    {"map as list", [](const auto&, Json& i) { i["weight_map"] = Json::array({1}); },
     "lacks weight_map"},
    {"empty map", [](const auto&, Json& i) { i["weight_map"] = Json::object(); }, "no files"},
    {"not an object", [](const auto&, Json& i) { i = 3; }, "JSON object"},
    {"too many files",
     [](const auto&, Json& i) {
       for (int n = 0; n < 2000; ++n) i["weight_map"][std::to_string(n)] = std::to_string(n);
     },
     "at most 1024"},
};

TEST(HfCheckpointTest, ShardsThatContradictTheIndex) {
  for (const FolderCase& c : kShardCases) {
    SCOPED_TRACE(c.name);
    TempDir dir;
    Json index = WriteShards(dir.path());
    c.spoil(dir.path(), index);
    WriteBytes(dir.File("model.safetensors.index.json"), index.dump());
    const Status status = OpenCheckpoint(dir.path()).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.message(), StartsWith(dir.path() + ": "));
    EXPECT_THAT(status.message(), HasSubstr(c.wanted));
  }
}

TEST(HfCheckpointTest, NoWeightsOrNoConfig) {
  TempDir dir;
  WriteTinyHfFolder(dir.path());
  std::filesystem::remove(dir.File("model.safetensors"));
  EXPECT_THAT(OpenCheckpoint(dir.path()).status().message(), HasSubstr("has neither"));
  std::filesystem::remove(dir.File("config.json"));
  EXPECT_THAT(OpenCheckpoint(dir.path()).status().message(), HasSubstr("has no config.json"));
}

TEST(HfCheckpointTest, ShapesThatContradictTheConfig) {
  TempDir dir;
  WriteTinyHfFolder(dir.path());
  Json config = TinyHfConfig();
  config["vocab_size"] = 13;
  WriteBytes(dir.File("config.json"), config.dump());
  EXPECT_THAT(OpenCheckpoint(dir.path()).status().message(),
              HasSubstr("2 of the wrong shape: model.embed_tokens.weight is [12, 32] and must be "
                        "[13, 32], lm_head.weight"));
}

Status ReadConfig(const Json& json, ModelConfig* config = nullptr) {
  Checkpoint checkpoint;
  const Status status = ReadHfConfig(json.dump(), checkpoint);
  if (config != nullptr) *config = checkpoint.config;
  return status;
}

TEST(HfConfigTest, Llama3RopeScaling) {
  const Json scaling = {{"factor", 32.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 8192},
                        {"rope_type", "llama3"}};
  Json old_type = scaling;
  old_type.erase("rope_type");
  old_type["type"] = "llama3";
  Json newest = scaling;
  newest["rope_theta"] = 500000.0;

  Json json = TinyHfConfig();
  json["rope_theta"] = 500000.0;
  json["rope_scaling"] = scaling;
  Json with_old_type = json;
  with_old_type["rope_scaling"] = old_type;
  Json with_parameters = TinyHfConfig();
  with_parameters.erase("rope_theta");
  with_parameters["rope_parameters"] = newest;

  for (const Json& variant : {json, with_old_type, with_parameters}) {
    ModelConfig config;
    ASSERT_TRUE(ReadConfig(variant, &config).ok()) << ReadConfig(variant).message();
    EXPECT_EQ(config.rope_theta, 500000.0f);
    EXPECT_EQ(config.rope_scaling.factor, 32.0f);
    EXPECT_EQ(config.rope_scaling.low_freq_factor, 1.0f);
    EXPECT_EQ(config.rope_scaling.high_freq_factor, 4.0f);
    EXPECT_EQ(config.rope_scaling.original_context, 8192);
  }
}

// The rows are what LlamaConfig of transformers 5.23 makes of these keys.
TEST(HfConfigTest, RopeScalingBesideRopeParameters) {
  const Json llama3 = {{"rope_type", "llama3"},
                       {"factor", 8.0},
                       {"low_freq_factor", 1.0},
                       {"high_freq_factor", 4.0},
                       {"original_max_position_embeddings", 64}};
  const Json plain = {{"rope_type", "default"}, {"rope_theta", 1e6}};
  struct Case {
    Json theta, parameters, scaling;
    float wanted_theta, wanted_factor;
  };
  const Case cases[] = {
      {5e5, plain, llama3, 5e5f, 8.0f},
      {nullptr, plain, llama3, 1e4f, 8.0f},
      {5e5, llama3, {{"rope_type", "default"}}, 5e5f, 1.0f},
      {5e5, plain, Json::object(), 1e6f, 1.0f},
      {5e5, plain, nullptr, 1e6f, 1.0f},
      {5e5, Json::object(), nullptr, 5e5f, 1.0f},
      {5e5, {{"rope_type", "default"}}, nullptr, 5e5f, 1.0f},
  };
  for (const Case& c : cases) {
    Json json = TinyHfConfig();
    json["rope_theta"] = c.theta;
    json["rope_parameters"] = c.parameters;
    json["rope_scaling"] = c.scaling;
    SCOPED_TRACE(json.dump());
    ModelConfig config;
    ASSERT_TRUE(ReadConfig(json, &config).ok()) << ReadConfig(json).message();
    EXPECT_EQ(config.rope_theta, c.wanted_theta);
    EXPECT_EQ(config.rope_scaling.factor, c.wanted_factor);
  }
  Json json = TinyHfConfig();
  json["rope_parameters"] = plain;
  json["rope_scaling"] = {{"rope_type", "longrope"}, {"factor", 2.0}};
  EXPECT_THAT(ReadConfig(json).message(), HasSubstr("rope_scaling: RoPE scaling of type longrope"));
}

TEST(HfConfigTest, DefaultsOfTheArchitectures) {
  Json json = TinyHfConfig();
  for (const char* key : {"head_dim", "num_key_value_heads", "rms_norm_eps", "rope_theta",
                          "tie_word_embeddings", "bos_token_id", "eos_token_id"}) {
    json[key] = nullptr;
  }
  ModelConfig config;
  ASSERT_TRUE(ReadConfig(json, &config).ok()) << ReadConfig(json).message();
  EXPECT_EQ(config.head_dim, 8);
  EXPECT_EQ(config.num_kv_heads, 4);
  EXPECT_FLOAT_EQ(config.rms_norm_eps, 1e-6f);
  EXPECT_FLOAT_EQ(config.rope_theta, 10000.0f);
  EXPECT_FALSE(config.tied_embeddings);
  EXPECT_EQ(config.bos_token_id, -1);
  EXPECT_TRUE(config.eos_token_ids.empty());
  json["architectures"] = {"Qwen3ForCausalLM"};
  ASSERT_TRUE(ReadConfig(json, &config).ok());
  EXPECT_EQ(config.head_dim, 128);
}

struct ConfigCase {
  const char* key;
  Json value;
  StatusCode code;
  const char* wanted;
};

TEST(HfConfigTest, WhatCannotBeRunIsNamed) {
  const StatusCode kCorrupt = StatusCode::kCorrupt;
  const StatusCode kUnsupported = StatusCode::kUnsupported;
  const ConfigCase cases[] = {
      {"architectures", nullptr, kCorrupt, "architectures"},
      {"architectures", Json::array(), kCorrupt, "architectures"},
      {"architectures", {1}, kCorrupt, "architectures"},
      {"architectures", {"MixtralForCausalLM"}, kUnsupported, "MixtralForCausalLM is not known"},
      {"architectures", {"a\nb"}, kUnsupported, "a?b"},
      {"hidden_size", nullptr, kCorrupt, "lacks hidden_size"},
      {"hidden_size", "32", kCorrupt, "hidden_size is not an integer"},
      {"hidden_size", 32.0, kCorrupt, "hidden_size is not an integer"},
      {"hidden_size", -32, kCorrupt, "hidden size is -32"},
      {"hidden_size", 4294967328, kCorrupt, "hidden_size is not a 32-bit"},
      {"hidden_size", 18446744073709551615u, kCorrupt, "hidden_size is not a 32-bit"},
      {"num_hidden_layers", 100000, kCorrupt, "number of layers"},
      {"num_attention_heads", 0, kCorrupt, "num_attention_heads"},
      {"num_key_value_heads", 3, kCorrupt, "4 heads cannot share 3"},
      {"head_dim", 7, kCorrupt, "odd"},
      {"vocab_size", 0, kCorrupt, "vocabulary size"},
      {"max_position_embeddings", nullptr, kCorrupt, "max_position_embeddings"},
      {"rms_norm_eps", "1e-5", kCorrupt, "rms_norm_eps is not a number"},
      {"rms_norm_eps", -1, kCorrupt, "epsilon"},
      {"rope_theta", 0, kCorrupt, "RoPE base"},
      {"rope_theta", 1e300, kCorrupt, "rope_theta"},
      {"tie_word_embeddings", 1, kCorrupt, "tie_word_embeddings"},
      {"eos_token_id", {2, "x"}, kCorrupt, "eos_token_id"},
      {"eos_token_id", {2, 12}, kCorrupt, "end-of-sequence id 12"},
      {"bos_token_id", 12, kCorrupt, "beginning-of-sequence id"},
      {"hidden_act", "gelu", kUnsupported, "hidden_act is gelu"},
      {"mlp_bias", true, kUnsupported, "mlp_bias"},
      {"num_local_experts", 8, kUnsupported, "mixture of experts"},
      {"partial_rotary_factor", 0.5, kUnsupported, "partial_rotary_factor"},
      {"layer_types", {"full_attention", "sliding_attention"}, kUnsupported, "layer_types"},
      {"rope_scaling", {{"rope_type", "longrope"}, {"factor", 4.0}}, kUnsupported, "longrope"},
      {"rope_scaling", {{"type", "dynamic"}, {"factor", 4.0}}, kUnsupported, "dynamic"},
      {"rope_scaling", {{"type", "linear"}, {"factor", 0.5}}, kCorrupt, "below 1"},
      {"rope_scaling", {{"type", "linear"}}, kCorrupt, "lacks factor"},
      {"rope_scaling", {{"type", "linear"}, {"factor", 1e30}}, kCorrupt, "impossible context"},
      {"rope_scaling",
       {{"type", "yarn"}, {"factor", 4.0}, {"beta_fast", 1}, {"beta_slow", 32}},
       kCorrupt,
       "YaRN"},
      {"rope_scaling",
       {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 0}},
       kCorrupt,
       "original context"},
      {"rope_scaling", {{"type", "yarn"}, {"factor", "4"}}, kCorrupt, "factor is not a number"},
      {"rope_scaling", {{"rope_type", "llama3"}}, kCorrupt, "lacks factor"},
      {"rope_scaling", 4, kCorrupt, "not an object"},
      {"rope_parameters", {{"full_attention", {{"rope_theta", 1.0}}}}, kUnsupported, "layers"},
  };
  for (const ConfigCase& c : cases) {
    SCOPED_TRACE(std::string(c.key) + " = " + c.value.dump());
    Json json = TinyHfConfig();
    json[c.key] = c.value;
    const Status status = ReadConfig(json);
    EXPECT_EQ(status.code(), c.code);
    EXPECT_THAT(status.message(), HasSubstr(c.wanted));
  }
  Json sliding = TinyHfConfig();
  sliding["sliding_window"] = 64;
  EXPECT_TRUE(ReadConfig(sliding).ok());
  sliding["use_sliding_window"] = true;
  EXPECT_EQ(ReadConfig(sliding).code(), StatusCode::kUnsupported);
  Checkpoint checkpoint;
  EXPECT_FALSE(ReadHfConfig("", checkpoint).ok());
  EXPECT_FALSE(ReadHfConfig("[]", checkpoint).ok());
}

}  // namespace
}  // namespace qed

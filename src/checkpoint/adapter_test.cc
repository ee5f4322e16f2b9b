#include "checkpoint/adapter.h"

#include <cmath>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tensor/quant_format.h"
#include "tests/support/test_files.h"
#include "tests/support/tiny_model.h"

namespace qed {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;
using Tensors = std::map<std::string, SafetensorsTensor>;

constexpr char kQuery[] = "model.layers.0.self_attn.q_proj";
constexpr char kDown[] = "model.layers.1.mlp.down_proj";

std::string Name(const std::string& module, char matrix) {
  return "base_model.model." + module + ".lora_" + matrix + ".weight";
}

class AdapterTest : public ::testing::Test {
 protected:
  AdapterTest() {
    WriteBytes(dir_.File("m.gguf"), TinyGguf().Build());
    checkpoint_ = *OpenCheckpoint(dir_.File("m.gguf"));
    config_ = {{"peft_type", "LORA"}, {"r", 4}, {"lora_alpha", 8}, {"bias", "none"}};
    AddPair(kQuery, 64, 4, 32);
    AddPair(kDown, 32, 4, 64);
  }
  void AddPair(const std::string& module, int64_t out, int64_t rank, int64_t in) {
    tensors_[Name(module, 'A')] = {DType::kF32, {rank, in}, RandomF32(rank * in, 1)};
    tensors_[Name(module, 'B')] = {DType::kF32, {out, rank}, RandomF32(out * rank, 2)};
  }
  Result<Adapter> Open() {
    std::filesystem::create_directories(dir_.File("lora"));
    WriteBytes(dir_.File("lora/adapter_config.json"), config_.dump());
    WriteBytes(dir_.File("lora/adapter_model.safetensors"), BuildSafetensors(tensors_));
    return OpenAdapter(dir_.File("lora"), checkpoint_);
  }
  void ExpectError(StatusCode code, const char* wanted) {
    const Status status = Open().status();
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_THAT(status.message(), StartsWith(dir_.File("lora") + ": "));
    EXPECT_THAT(status.message(), HasSubstr(wanted));
  }

  TempDir dir_;
  Checkpoint checkpoint_;
  Json config_;
  Tensors tensors_;
};

TEST_F(AdapterTest, ReadsPairs) {
  auto adapter = Open();
  ASSERT_TRUE(adapter.ok()) << adapter.status().message();
  ASSERT_EQ(adapter->deltas.size(), 2u);
  const LoraDelta& delta = adapter->deltas.at(std::string(kQuery) + ".weight");
  EXPECT_EQ(delta.rank, 4);
  EXPECT_EQ(delta.scale, 2.0f);
  ASSERT_EQ(delta.a.size(), 4u * 32);
  ASSERT_EQ(delta.b.size(), 64u * 4);
  EXPECT_EQ(std::memcmp(delta.b.data(), tensors_[Name(kQuery, 'B')].data.data(), 64 * 4 * 4), 0);
}

TEST_F(AdapterTest, HalfPrecisionIsWidened) {
  std::string half(4 * 32 * 2, '\0');
  for (size_t i = 0; i < 4 * 32; ++i) Patch(half, 2 * i, FloatToHalf(static_cast<float>(i)));
  tensors_[Name(kQuery, 'A')] = {DType::kF16, {4, 32}, half};
  for (size_t i = 0; i < 4 * 32; ++i) Patch(half, 2 * i, FloatToBFloat16(static_cast<float>(i)));
  tensors_[Name(kQuery, 'B')] = {DType::kBF16, {64, 4}, half + half};
  auto adapter = Open();
  ASSERT_TRUE(adapter.ok()) << adapter.status().message();
  const LoraDelta& delta = adapter->deltas.at(std::string(kQuery) + ".weight");
  EXPECT_EQ(delta.a[77], 77.0f);
  EXPECT_EQ(delta.b[77], 77.0f);
}

TEST_F(AdapterTest, RankStabilizedScale) {
  config_["use_rslora"] = true;
  EXPECT_EQ(Open()->deltas.begin()->second.scale, 4.0f);
}

TEST_F(AdapterTest, PatternsNameTheEndOfAModule) {
  AddPair(kQuery, 64, 2, 32);
  config_["rank_pattern"] = {{"q_proj", 2}};
  config_["alpha_pattern"] = {{"layers.0.self_attn.q_proj", 10}, {"proj", 99}};
  auto adapter = Open();
  ASSERT_TRUE(adapter.ok()) << adapter.status().message();
  EXPECT_EQ(adapter->deltas.at(std::string(kQuery) + ".weight").rank, 2);
  EXPECT_EQ(adapter->deltas.at(std::string(kQuery) + ".weight").scale, 5.0f);
  EXPECT_EQ(adapter->deltas.at(std::string(kDown) + ".weight").scale, 2.0f);
}

TEST_F(AdapterTest, PatternsThatCannotBeRead) {
  config_["rank_pattern"] = {{"q_proj", 2}, {"self_attn.q_proj", 3}};
  ExpectError(StatusCode::kCorrupt, "disagree");
  config_["rank_pattern"] = {{"layers\\.[0-9]+", 2}};
  ExpectError(StatusCode::kUnsupported, "plain module names");
  config_["rank_pattern"] = {{"q_proj", 0}};
  ExpectError(StatusCode::kCorrupt, "rank 0");
  config_["rank_pattern"] = {1, 2};
  ExpectError(StatusCode::kCorrupt, "rank_pattern is not an object");
}

TEST_F(AdapterTest, VariantsThatDoNotMerge) {
  const std::pair<const char*, Json> cases[] = {{"use_dora", true},
                                                {"bias", "all"},
                                                {"lora_bias", true},
                                                {"fan_in_fan_out", true},
                                                {"modules_to_save", {"lm_head"}},
                                                {"layer_replication", {{0, 1}}},
                                                {"trainable_token_indices", {1}},
                                                {"init_lora_weights", "pissa_niter_4"},
                                                {"peft_type", "IA3"}};
  const Json good = config_;
  for (const auto& [key, value] : cases) {
    SCOPED_TRACE(key);
    config_ = good;
    config_[key] = value;
    ExpectError(StatusCode::kUnsupported, key);
  }
  config_ = good;
  config_["modules_to_save"] = Json::array();
  config_["init_lora_weights"] = true;
  config_["use_dora"] = false;
  config_["layer_replication"] = nullptr;
  EXPECT_TRUE(Open().ok());
}

TEST_F(AdapterTest, ConfigsThatLie) {
  const Json good = config_;
  const std::pair<const char*, Json> cases[] = {
      {"r", nullptr}, {"r", 0}, {"r", "4"}, {"r", 1 << 20}, {"lora_alpha", "x"}, {"peft_type", 1}};
  for (const auto& [key, value] : cases) {
    SCOPED_TRACE(key);
    config_ = good;
    config_[key] = value;
    EXPECT_EQ(Open().status().code(), StatusCode::kCorrupt);
  }
  config_ = good;
  config_["r"] = 8;
  ExpectError(StatusCode::kCorrupt, "is [4, 32] and must be [8, 32]");
}

TEST_F(AdapterTest, TensorsThatDoNotFit) {
  const Tensors good = tensors_;
  const auto with = [&](const std::function<void(Tensors&)>& spoil) {
    tensors_ = good;
    spoil(tensors_);
  };
  with([](Tensors& t) { t.erase(Name(kQuery, 'A')); });
  ExpectError(StatusCode::kCorrupt, "has no lora_A");
  with([](Tensors& t) { t.erase(Name(kQuery, 'B')); });
  ExpectError(StatusCode::kCorrupt, "has no lora_B");
  with([](Tensors& t) { t.clear(); });
  ExpectError(StatusCode::kCorrupt, "holds no tensors");
  with([](Tensors& t) { t["stray"] = {DType::kF32, {1}, RandomF32(1, 1)}; });
  ExpectError(StatusCode::kUnsupported, "stray");
  with([](Tensors& t) {
    t["base_model.model.lora_A.weight"] = {DType::kF32, {1}, RandomF32(1, 1)};
  });
  ExpectError(StatusCode::kUnsupported, "not lora_A");
  with([](Tensors& t) { t[Name(kQuery, 'B')] = {DType::kF32, {4, 64}, RandomF32(256, 1)}; });
  ExpectError(StatusCode::kCorrupt, "is [4, 64] and must be [64, 4]");
  with([](Tensors& t) { t[Name(kQuery, 'B')] = {DType::kF32, {256}, RandomF32(256, 1)}; });
  ExpectError(StatusCode::kCorrupt, "is [256]");
  with([](Tensors& t) { t[Name(kQuery, 'B')] = {DType::kI32, {64, 4}, RandomF32(256, 1)}; });
  ExpectError(StatusCode::kUnsupported, "I32");
  with([this](Tensors&) { AddPair("model.layers.2.self_attn.q_proj", 64, 4, 32); });
  ExpectError(StatusCode::kCorrupt, "model.layers.2.self_attn.q_proj is not a linear layer");
  with([this](Tensors&) { AddPair("model.embed_tokens", 12, 4, 32); });
  ExpectError(StatusCode::kCorrupt, "not a linear layer");
  with([this](Tensors&) { AddPair("model.norm", 32, 4, 32); });
  ExpectError(StatusCode::kCorrupt, "not a linear layer");
}

TEST_F(AdapterTest, FilesThatAreNotThere) {
  EXPECT_EQ(OpenAdapter(dir_.File("none"), checkpoint_).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(Open().ok());
  std::filesystem::remove(dir_.File("lora/adapter_model.safetensors"));
  EXPECT_THAT(OpenAdapter(dir_.File("lora"), checkpoint_).status().message(),
              HasSubstr("has no adapter_model.safetensors"));
}

TEST(ApplyLoraTest, AddsTheScaledProductToTheRowsAsked) {
  // A = [1 2; 3 4], B = [1 0; 0 1; 1 1], scale 10.
  const LoraDelta delta = {.rank = 2, .scale = 10.0f, .a = {1, 2, 3, 4}, .b = {1, 0, 0, 1, 1, 1}};
  std::vector<float> weight = {0.5f, 0.5f, 0.5f, 0.5f};
  ApplyLora(delta, 1, 2, weight);
  EXPECT_THAT(weight, ::testing::ElementsAre(30.5f, 40.5f, 40.5f, 60.5f));
  ApplyLora(delta, 0, 0, {});
  EXPECT_DEATH(ApplyLora(delta, 2, 2, weight), "check failed");
}

}  // namespace
}  // namespace qed

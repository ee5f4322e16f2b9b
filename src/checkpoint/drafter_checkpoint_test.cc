#include "checkpoint/drafter_checkpoint.h"

#include <cmath>
#include <functional>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"
#include "tests/support/tiny_model.h"

namespace qed {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;
using Tensors = std::map<std::string, SafetensorsTensor>;

// Hidden size 32, 12 tokens; exit_dim 48, so that there is an input_proj, two layers.
class DrafterCheckpointTest : public ::testing::Test {
 protected:
  DrafterCheckpointTest() {
    WriteBytes(dir_.File("m.gguf"), TinyGguf().Build());
    model_ = *OpenCheckpoint(dir_.File("m.gguf"));
    config_ = {{"model_type", "recurrent_drafting_drafter"},
               {"vocab_size", 12},
               {"hidden_size", 32},
               {"exit_dim", 48},
               {"num_draft_layers", 2},
               {"rnn", true}};
    Add("rnn_w.weight", {32, 32});
    Add("rnn_u.weight", {32, 32});
    Add("rnn_u.bias", {32});
    Add("input_proj.weight", {48, 64});
    Add("input_proj.bias", {48});
    for (const char* layer : {"lm_head.0.linear", "lm_head.1.linear"}) {
      Add(std::string(layer) + ".weight", {48, 48});
      Add(std::string(layer) + ".bias", {48});
    }
    Add("lm_head.2.weight", {12, 48});
  }
  void Add(const std::string& name, const std::vector<int64_t>& shape) {
    tensors_[name] = {DType::kF32, shape, RandomF32(ValuesOf(shape), tensors_.size())};
  }
  void Rename(const std::string& from, const std::string& to) {
    Tensors renamed;
    for (auto& [name, tensor] : tensors_) {
      renamed[name.starts_with(from) ? to + name.substr(from.size()) : name] = tensor;
    }
    tensors_ = std::move(renamed);
  }
  Result<DrafterCheckpoint> Open(const char* file = "model.safetensors") {
    std::filesystem::remove_all(dir_.File("d"));
    std::filesystem::create_directories(dir_.File("d"));
    WriteBytes(dir_.File("d/config.json"), config_.dump());
    if (!vocabulary_.empty()) WriteBytes(dir_.File("d/vocabulary.json"), vocabulary_);
    WriteBytes(dir_.File("d/" + std::string(file)), BuildSafetensors(tensors_));
    return OpenDrafter(dir_.File("d"), model_);
  }
  void ExpectError(const char* wanted) {
    const Status status = Open().status();
    ASSERT_FALSE(status.ok()) << wanted;
    EXPECT_THAT(status.message(), StartsWith(dir_.File("d") + ": "));
    EXPECT_THAT(status.message(), HasSubstr(wanted));
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
  }

  TempDir dir_;
  Checkpoint model_;
  Json config_;
  Tensors tensors_;
  std::string vocabulary_;
};

TEST_F(DrafterCheckpointTest, NamesOfAllKindsGiveTheSameTensors) {
  const DrafterCheckpoint apple = Open().value();
  EXPECT_EQ(apple.num_layers, 2);
  EXPECT_EQ(apple.exit_dim, 48);
  EXPECT_TRUE(apple.rnn);
  EXPECT_EQ(apple.tensors.size(), 10u);
  const auto expect_same = [&](const DrafterCheckpoint& other) {
    ASSERT_EQ(other.tensors.size(), apple.tensors.size());
    for (const auto& [name, tensor] : apple.tensors) {
      ASSERT_TRUE(other.tensors.contains(name)) << name;
      EXPECT_TRUE(std::ranges::equal(other.tensors.at(name).data, tensor.data)) << name;
    }
  };
  const Tensors saved = tensors_;
  Rename("lm_head.", "lm_heads.");
  Rename("input_proj.", "input_projs.");
  expect_same(Open().value());

  tensors_ = saved;
  Rename("lm_head.2.", "drafter.lm_head.");
  Rename("lm_head.", "drafter.layers.");
  Rename("rnn_", "drafter.rnn_");
  Rename("input_proj.", "drafter.input_proj.");
  config_ = {{"architecture", "ReDrafterForLLaMALM"},
             {"vocab_size", 12},
             {"hidden_size", 32},
             {"redrafter_exit_dim", 48},
             {"redrafter_num_layers", 2},
             {"redrafter_is_rnn", true}};
  expect_same(Open("rank0.safetensors").value());
  // The model beside its drafter, and a padded vocabulary.
  tensors_["transformer.ln_f.weight"] = {DType::kF32, {32}, RandomF32(32, 5)};
  SafetensorsTensor& head = tensors_["drafter.lm_head.weight"];
  head.shape[0] = 16;
  head.data += RandomF32(int64_t{4} * 48, 9);
  expect_same(Open("rank0.safetensors").value());
}

TEST_F(DrafterCheckpointTest, HeadsOfACutVocabulary) {
  vocabulary_ = "[3, 5, 11]";
  Add("lm_head.2.weight", {3, 48});
  EXPECT_THAT(Open().value().vocabulary, ::testing::ElementsAre(3, 5, 11));
  for (const char* bad :
       {"[]", "{}", "[3, 3, 5]", "[3, 5, 12]", "[3, -1, 5]", "[1.5]", "[", "[\"a\"]"}) {
    vocabulary_ = bad;
    ExpectError("vocabulary.json");
  }
  vocabulary_ = "[3, 5]";
  ExpectError("must be [2, 48]");
}

TEST_F(DrafterCheckpointTest, BadDraftersAreToldInOneLine) {
  const std::vector<std::pair<const char*, std::function<void()>>> cases = {
      {"hidden size 64", [&] { config_["hidden_size"] = 64; }},
      {"13 tokens", [&] { config_["vocab_size"] = 13; }},
      {"another model's drafter", [&] { config_["base_model_fingerprint"] = "0123456789abcdef"; }},
      {"layers", [&] { config_["num_draft_layers"] = -1; }},
      {"layers", [&] { config_["num_draft_layers"] = 1000000000; }},
      {"exit_dim", [&] { config_["exit_dim"] = 1 << 30; }},
      {"redrafter_num_layers", [&] { config_.erase("num_draft_layers"); }},
      {"has no tensor rnn_u.weight", [&] { tensors_.erase("rnn_u.weight"); }},
      {"has no tensor lm_head.3.weight",
       [&] {
         config_["num_draft_layers"] = 3;
         tensors_.erase("lm_head.2.weight");
         Add("lm_head.2.linear.weight", {48, 48});
         Add("lm_head.2.linear.bias", {48});
       }},
      {"must be [32, 32]",
       [&] {
         Add("rnn_w.weight", {32, 16});
       }},
      {"must be [12, 48]",
       [&] {
         Add("lm_head.2.weight", {11, 48});
       }},
      {"is none of a drafter", [&] { Add("surprise", {1}); }},
      {"is none of a drafter", [&] { config_["rnn"] = false; }},
      {"not a finite number",
       [&] {
         Patch(tensors_["lm_head.1.linear.bias"].data, 40, std::numeric_limits<float>::quiet_NaN());
       }},
      {"readable are F32, F16 and BF16",
       [&] {
         tensors_["rnn_u.bias"].dtype = DType::kF8E4M3;
         tensors_["rnn_u.bias"].data.resize(32);
       }},
  };
  const Json config = config_;
  const Tensors tensors = tensors_;
  for (const auto& [wanted, spoil] : cases) {
    config_ = config;
    tensors_ = tensors;
    spoil();
    ExpectError(wanted);
  }
}

TEST_F(DrafterCheckpointTest, MissingFilesAreNamed) {
  EXPECT_THAT(OpenDrafter(dir_.File("none"), model_).status().message(), HasSubstr("config.json"));
  ASSERT_TRUE(Open().ok());
  std::filesystem::rename(dir_.File("d/model.safetensors"), dir_.File("d/model.pt"));
  EXPECT_THAT(OpenDrafter(dir_.File("d"), model_).status().message(), HasSubstr("model.pt"));
}

TEST_F(DrafterCheckpointTest, FingerprintsTellModelsApart) {
  config_["base_model_fingerprint"] = ModelFingerprint(model_);
  EXPECT_TRUE(Open().ok());
  EXPECT_EQ(ModelFingerprint(model_).size(), 16u);
  Checkpoint other = model_;
  std::string norm(other.tensors.at("model.norm.weight").data.size(), '\x3e');
  other.tensors.at("model.norm.weight").data = std::as_bytes(std::span(norm));
  EXPECT_NE(ModelFingerprint(other), ModelFingerprint(model_));
}

}  // namespace
}  // namespace qed

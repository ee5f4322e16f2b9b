#include "cli/hub_model.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelInTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text = "x") {
    std::ofstream(dir_.File(name)) << text;
  }
  std::string Found() const { return ModelIn(dir_.path()); }
  const TempDir dir_;
};

TEST_F(ModelInTest, AFolderWithAllThatAModelNeeds) {
  Write("config.json");
  Write("model.safetensors");
  EXPECT_EQ(Found(), "");
  Write("tokenizer.json");
  EXPECT_EQ(Found(), dir_.path());
}

TEST_F(ModelInTest, ShardsMustAllBeThere) {
  Write("config.json");
  Write("tokenizer.json");
  Write("model.safetensors.index.json",
        R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})");
  Write("model-1.safetensors");
  EXPECT_EQ(Found(), "");
  Write("model-2.safetensors");
  EXPECT_EQ(Found(), dir_.path());
  Write("model.safetensors.index.json", R"({"weight_map": {"a": "../model-1.safetensors"}})");
  EXPECT_EQ(Found(), "");
}

TEST_F(ModelInTest, OneGgufFileIsAModelTwoAreNone) {
  EXPECT_EQ(Found(), "");
  Write("a.gguf");
  EXPECT_EQ(Found(), dir_.File("a.gguf"));
  Write("b.gguf");
  EXPECT_EQ(Found(), "");
}

TEST(ChooseModelFiles, WeightsAndWhatBelongsToThem) {
  EXPECT_THAT(
      *ChooseModelFiles({"README.md", "config.json", "consolidated.safetensors", "merges.txt",
                         "model-1.safetensors", "onnx/model.json", "pytorch_model.bin"}),
      ElementsAre("config.json", "merges.txt", "model-1.safetensors"));
  EXPECT_THAT(*ChooseModelFiles({"README.md", "config.json", "a.gguf"}), ElementsAre("a.gguf"));
  EXPECT_THAT(ChooseModelFiles({"a.gguf", "b.gguf"}).status().message(),
              HasSubstr("(a.gguf, b.gguf)"));
  EXPECT_FALSE(ChooseModelFiles({"pytorch_model.bin"}).ok());
}

TEST(ResolveModel, PathsStayAsTheyAre) {
  const TempDir dir;
  for (const std::string& name :
       {dir.path(), std::string("none.gguf"), std::string("/a/b"), std::string("a/b/c")}) {
    EXPECT_EQ(*ResolveModel(name), name);
  }
}

}  // namespace
}  // namespace qed

#include "cli/default_model.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

TEST(DefaultModelTest, TheFirstFolderThatHasItWins) {
  TempDir dir;
  for (const char* folder : {"a", "b", "c"}) std::filesystem::create_directory(dir.File(folder));
  for (const char* folder : {"b", "c"}) {
    std::ofstream(dir.File(folder) + "/SmolLM2-135M-Instruct.Q4_1.gguf") << "model";
  }
  EXPECT_EQ(FindDefaultModel({dir.File("none"), dir.File("a"), dir.File("b"), dir.File("c")}),
            dir.File("b") + "/SmolLM2-135M-Instruct.Q4_1.gguf");
  EXPECT_EQ(FindDefaultModel({dir.File("none"), dir.File("a")}), "");
}

TEST(DefaultModelTest, AFolderIsNotAModel) {
  TempDir dir;
  std::filesystem::create_directory(dir.File("SmolLM2-135M-Instruct.Q4_1.gguf"));
  EXPECT_EQ(FindDefaultModel({dir.File("")}), "");
}

TEST(DefaultModelTest, WithoutAModelTheErrorSaysHowToGetIt) {
  const Status status = CheckModelGiven("");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), ::testing::HasSubstr("scripts/get-model"));
  EXPECT_TRUE(CheckModelGiven("m.gguf").ok());
}

TEST(ChooseDrafterTest, AutoTakesTheFolderNamedLikeTheModel) {
  const TempDir dir;
  std::filesystem::create_directory(dir.File("m.drafter"));
  EXPECT_EQ(ChooseDrafter("auto", dir.File("m.gguf")), dir.File("m.drafter"));
  EXPECT_EQ(ChooseDrafter("auto", dir.File("other.gguf")), "");
  EXPECT_EQ(ChooseDrafter("none", dir.File("m.gguf")), "");
  EXPECT_EQ(ChooseDrafter("somewhere", dir.File("m.gguf")), "somewhere");
}

TEST(ChooseAdapterTest, AutoTakesTheFolderNamedLikeTheModel) {
  TempDir dir;
  std::filesystem::create_directory(dir.File("m.Q4_1.adapter"));
  std::ofstream(dir.File("file.adapter")) << "not a folder";
  EXPECT_EQ(ChooseAdapter("auto", dir.File("m.Q4_1.gguf")), dir.File("m.Q4_1.adapter"));
  EXPECT_EQ(ChooseAdapter("auto", dir.File("other.gguf")), "");
  EXPECT_EQ(ChooseAdapter("auto", dir.File("file.gguf")), "");
  EXPECT_EQ(ChooseAdapter("auto", dir.File("m.Q4_1")), "") << "an HF folder";
}

TEST(ChooseAdapterTest, NoneAndFolders) {
  TempDir dir;
  std::filesystem::create_directory(dir.File("m.adapter"));
  EXPECT_EQ(ChooseAdapter("none", dir.File("m.gguf")), "");
  EXPECT_EQ(ChooseAdapter("some/folder", dir.File("m.gguf")), "some/folder");
}

}  // namespace
}  // namespace qed

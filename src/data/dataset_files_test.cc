#include "data/dataset_files.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SplitOf, KnowsTheNamesThatHubsUse) {
  EXPECT_EQ(SplitOf("data/tir-00000-of-00020.parquet"), "tir");
  EXPECT_EQ(SplitOf("data/train-00001-of-00002-0123456789abcdef.parquet"), "train");
  EXPECT_EQ(SplitOf("default/test/0000.parquet"), "test");
  EXPECT_EQ(SplitOf("genselect.jsonl"), "genselect");
  EXPECT_EQ(SplitOf("a-b-00000-of-00001.csv"), "a-b");
  EXPECT_EQ(SplitOf("2024.tsv"), "2024");
  EXPECT_EQ(SplitOf("README.md"), "");
  EXPECT_EQ(SplitOf("config.json"), "");
}

class FindSplitTest : public ::testing::Test {
 protected:
  std::string Touch(const std::string& name) {
    std::filesystem::create_directories(std::filesystem::path(dir_.File(name)).parent_path());
    std::ofstream(dir_.File(name)) << "{}\n";
    return dir_.File(name);
  }
  const TempDir dir_;
};

TEST_F(FindSplitTest, ShardsComeInTheirOrder) {
  const std::string second = Touch("data/tir-00001-of-00002.parquet");
  const std::string first = Touch("data/tir-00000-of-00002.parquet");
  Touch(".cache/huggingface/download/data/old-00000-of-00001.parquet");
  EXPECT_THAT(*FindSplit(dir_.path(), ""), ElementsAre(first, second));
  const std::string cot = Touch("data/cot-00000-of-00001.parquet");
  EXPECT_THAT(*FindSplit(dir_.path(), "tir"), ElementsAre(first, second));
  EXPECT_THAT(*FindSplit(dir_.path(), "cot"), ElementsAre(cot));
  EXPECT_THAT(FindSplit(dir_.path(), "").status().message(),
              HasSubstr("several splits; name one with --split: cot, tir"));
  EXPECT_THAT(FindSplit(dir_.path(), "x").status().message(),
              HasSubstr("has no split x; name one with --split: cot, tir"));
}

TEST_F(FindSplitTest, FilesAndNothing) {
  const std::string file = Touch("a.jsonl");
  EXPECT_THAT(*FindSplit(file, "tir"), ElementsAre(file));
  EXPECT_EQ(FindSplit(dir_.File("none"), "").status().code(), StatusCode::kNotFound);
  const TempDir empty;
  EXPECT_THAT(FindSplit(empty.path(), "").status().message(), HasSubstr("holds no tables"));
}

}  // namespace
}  // namespace qed

// Parquet files that the module writes, reads and refuses.
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "base/rng.h"
#include "data/parquet_module.h"
#include "data/text_table_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ParquetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto module = LoadParquetModule();
    if (!module.ok()) GTEST_SKIP() << "skipped: " << module.status().message();
  }

  void Write(const std::vector<std::string>& texts) {
    auto writer = CreateTextTable(path_, "text");
    ASSERT_TRUE(writer.ok()) << writer.status().message();
    for (const std::string& text : texts) ASSERT_TRUE((*writer)->Append(text).ok());
    ASSERT_TRUE((*writer)->Finish().ok());
  }

  const TempDir dir_;
  const std::string path_ = dir_.File("a.parquet");
};

TEST_F(ParquetTest, WhatWasWrittenIsRead) {
  std::vector<std::string> texts = {"", "one\ntwo \"three\" \u00e9"};
  for (int i = 0; i < 500; ++i) texts.push_back(std::string(static_cast<size_t>(i) * 200, 'x'));
  Write(texts);
  const auto read = ReadTextColumn(path_, "text", 0);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, texts);
  EXPECT_EQ(ReadTextColumn(path_, "text", 3)->size(), 3u);
  EXPECT_THAT(ReadTextColumn(path_, "texts", 0).status().message(),
              HasSubstr("a.parquet row 1 has no text in the column \"texts\"; its columns: text"));
}

// A changed byte is an error of one line, or it is in nothing that is read.
TEST_F(ParquetTest, DamagedFilesNeverGiveOtherTexts) {
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back("text " + std::to_string(i * 7919));
  Write(texts);
  const std::string whole = *ReadFile(path_);
  int errors = 0;
  for (size_t at = 4; at < whole.size(); at += 1 + whole.size() / 400) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << damaged;
    const auto read = ReadTextColumn(path_, "text", 0);
    if (read.ok()) {
      EXPECT_EQ(*read, texts) << at;
    } else {
      ++errors;
      EXPECT_THAT(read.status().message(), HasSubstr("a.parquet")) << at;
      EXPECT_THAT(read.status().message(), Not(HasSubstr("\n"))) << at;
    }
  }
  EXPECT_GT(errors, 100);
}

TEST_F(ParquetTest, CutFilesAreErrors) {
  Write({"one", "two"});
  const std::string whole = *ReadFile(path_);
  for (size_t size = 4; size < whole.size(); size += 3) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    EXPECT_FALSE(ReadTextColumn(path_, "text", 0).ok()) << size;
  }
}

}  // namespace
}  // namespace qed

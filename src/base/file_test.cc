#include "base/file.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

void Put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

TEST(FileTest, ReadsWholeFilesUpToTheLimit) {
  TempDir dir;
  const std::string path = dir.File("a");
  const std::string content = std::string(100000, 'x') + '\0' + "end";
  Put(path, content);
  EXPECT_EQ(*ReadFile(path), content);
  EXPECT_EQ(*ReadFile(path, content.size()), content);
  auto too_large = ReadFile(path, content.size() - 1);
  EXPECT_EQ(too_large.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(too_large.status().message(), HasSubstr(path));
}

TEST(FileTest, AbsentFilesAndFoldersAreNamed) {
  TempDir dir;
  auto absent = ReadFile(dir.File("none"));
  EXPECT_EQ(absent.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(absent.status().message(), HasSubstr(dir.File("none")));
  EXPECT_EQ(ReadFile(dir.path()).status().code(), StatusCode::kIoError);
  EXPECT_EQ(MappedFile::Open(dir.File("none")).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(MappedFile::Open(dir.path()).status().code(), StatusCode::kInvalidArgument);
}

TEST(FileTest, WriteFileAtomicReplacesAndLeavesNothingBeside) {
  TempDir dir;
  const std::string path = dir.File("a");
  ASSERT_TRUE(WriteFileAtomic(path, "old").ok());
  ASSERT_TRUE(WriteFileAtomic(path, std::string("new\0x", 5)).ok());
  EXPECT_EQ(*ReadFile(path), std::string("new\0x", 5));
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    ++entries;
  }
  EXPECT_EQ(entries, 1);
}

TEST(FileTest, WriteFileAtomicReportsAFolderThatIsNotThere) {
  TempDir dir;
  const Status status = WriteFileAtomic(dir.File("no/such/file"), "x");
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("no/such/file"));
  // A folder in the target's place stays, and the temporary file goes.
  std::filesystem::create_directory(dir.File("d"));
  EXPECT_FALSE(WriteFileAtomic(dir.File("d"), "x").ok());
  EXPECT_TRUE(std::filesystem::is_directory(dir.File("d")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(AtomicFileTest, HasItsNameOnlyWhenWhole) {
  TempDir dir;
  const std::string path = dir.File("a");
  Put(path, "old");
  {
    auto file = AtomicFile::Create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Write("ne").ok());
    EXPECT_EQ(*ReadFile(path), "old");
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
  auto file = AtomicFile::Create(path);
  ASSERT_TRUE((*file)->Write("ne").ok());
  ASSERT_TRUE((*file)->Write("w").ok());
  ASSERT_TRUE((*file)->Commit().ok());
  EXPECT_EQ(*ReadFile(path), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(FileTest, MapsBytesAndKeepsThemAfterUnlink) {
  TempDir dir;
  const std::string path = dir.File("a");
  Put(path, "hello");
  auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok());
  std::filesystem::remove(path);
  ASSERT_EQ((*file)->bytes().size(), 5u);
  EXPECT_EQ(static_cast<char>((*file)->bytes()[1]), 'e');
  EXPECT_EQ((*file)->path(), path);
}

TEST(FileTest, MapsAnEmptyFile) {
  TempDir dir;
  Put(dir.File("a"), "");
  auto file = MappedFile::Open(dir.File("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST(AppendFileTest, AppendsLinesAcrossOpens) {
  TempDir dir;
  const std::string path = dir.File("a");
  for (const char* line : {"one", "", "three"}) {
    auto file = AppendFile::Open(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->AppendLine(line).ok());
  }
  EXPECT_EQ(*ReadFile(path), "one\n\nthree\n");
}

TEST(AppendFileTest, CutsOffATornLastLine) {
  TempDir dir;
  const std::string path = dir.File("a");
  struct Case {
    std::string before, after;
  };
  const Case cases[] = {
      {"", ""},
      {"torn", ""},
      {"whole\n", "whole\n"},
      {"whole\ntorn", "whole\n"},
      {"\n", "\n"},
      {"whole\n" + std::string(10000, 't'), "whole\n"},
      {std::string(4096, 't'), ""},
      {std::string(4095, 'w') + "\n" + std::string(4096, 't'), std::string(4095, 'w') + "\n"},
  };
  for (const Case& c : cases) {
    Put(path, c.before);
    auto file = AppendFile::Open(path);
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(*ReadFile(path), c.after);
    ASSERT_TRUE((*file)->AppendLine("next").ok());
    EXPECT_EQ(*ReadFile(path), c.after + "next\n");
  }
}

TEST(AppendFileTest, OnlyRegularFilesInFoldersThatExist) {
  EXPECT_EQ(AppendFile::Open("/dev/null").status().code(), StatusCode::kInvalidArgument);
  TempDir dir;
  EXPECT_EQ(AppendFile::Open(dir.File("no/such")).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace qed

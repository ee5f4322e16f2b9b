#include "data/text_table_writer.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "data/table_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Names(const TempDir& dir) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    names.push_back(entry.path().filename());
  }
  return names;
}

TEST(TextTableWriter, AFileHasItsNameWhenItIsWhole) {
  const TempDir dir;
  auto writer = CreateTextTable(dir.File("a.jsonl"), "text");
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  ASSERT_TRUE((*writer)->Append("one\ntwo").ok());
  ASSERT_TRUE((*writer)->Append("\"three\"").ok());
  EXPECT_FALSE(std::filesystem::exists(dir.File("a.jsonl")));
  ASSERT_TRUE((*writer)->Finish().ok());
  EXPECT_THAT(Names(dir), ElementsAre("a.jsonl"));
  EXPECT_THAT(*ReadTextColumn(dir.File("a.jsonl"), "text", 0),
              ElementsAre("one\ntwo", "\"three\""));
}

TEST(TextTableWriter, NothingIsLeftOfWhatWasNotFinished) {
  const TempDir dir;
  { ASSERT_TRUE((*CreateTextTable(dir.File("a.jsonl"), "text"))->Append("one").ok()); }
  EXPECT_THAT(Names(dir), ElementsAre());
}

TEST(TextTableWriter, OtherNamesAndFoldersAreErrors) {
  const TempDir dir;
  EXPECT_EQ(CreateTextTable(dir.File("a.txt"), "text").status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_THAT(CreateTextTable(dir.File("none/a.jsonl"), "text").status().message(),
              HasSubstr("none/a.jsonl"));
}

// A disk without room, as a limit of the process on its files.
TEST(TextTableWriter, AFullDiskIsOneLineAndLeavesNothing) {
  const TempDir dir;
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = {};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small = {4096, limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  {
    auto writer = CreateTextTable(dir.File("a.jsonl"), "text");
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append(std::string(100'000, 'x')).ok());
    const Status status = (*writer)->Finish();
    EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
    EXPECT_THAT(status.message(), HasSubstr("a.jsonl"));
  }
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, before);
  EXPECT_THAT(Names(dir), ElementsAre());
}

}  // namespace
}  // namespace qed

#include "fetch/part_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/file.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

constexpr int64_t kChunk = PartFile::kChunkBytes;

std::string RandomBytes(int64_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::string bytes(static_cast<size_t>(size), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// Writes [begin, end) of `content` in pieces of odd sizes.
void WriteRange(PartFile& part, const std::string& content, int64_t begin, int64_t end) {
  for (int64_t size = 1; begin < end; begin += size, size = std::min<int64_t>(size * 3, 100'003)) {
    size = std::min(size, end - begin);
    ASSERT_TRUE(part.Write(begin, std::string_view(content).substr(static_cast<size_t>(begin),
                                                                   static_cast<size_t>(size)))
                    .ok());
  }
}

TEST(PartFile, RangesInAnyOrderMakeTheFile) {
  const TempDir dir;
  const std::string content = RandomBytes(5 * kChunk + 17);
  auto part = *PartFile::Open(dir.File("a"), std::ssize(content));
  EXPECT_FALSE(part->resumed());
  std::vector<PartFile::Range> ranges;
  while (const auto range = part->Take(2 * kChunk)) ranges.push_back(*range);
  ASSERT_EQ(ranges.size(), 3u);
  std::reverse(ranges.begin(), ranges.end());
  for (const auto& range : ranges) {
    EXPECT_FALSE(part->complete());
    WriteRange(*part, content, range.begin, range.end);
  }
  EXPECT_TRUE(part->complete());
  EXPECT_EQ(part->done_bytes(), std::ssize(content));
  part->Seal();
  EXPECT_EQ(*ReadFile(dir.File("a")), content);
  EXPECT_FALSE(std::filesystem::exists(dir.File("a.done")));
}

TEST(PartFile, WhatIsWholeSurvivesAndWhatIsNotIsFetchedAgain) {
  const TempDir dir;
  const std::string content = RandomBytes(4 * kChunk);
  {
    auto part = *PartFile::Open(dir.File("a"), std::ssize(content));
    const auto range = *part->Take(4 * kChunk);
    WriteRange(*part, content, 0, 2 * kChunk + 500);
    part->GiveBack({2 * kChunk + 500, range.end});
    EXPECT_EQ(part->Take(kChunk)->begin, 2 * kChunk);
  }
  std::ofstream(dir.File("a.done"), std::ios::app) << "99\nx\n3";  // a torn last line
  auto part = *PartFile::Open(dir.File("a"), std::ssize(content));
  EXPECT_TRUE(part->resumed());
  EXPECT_EQ(part->done_bytes(), 2 * kChunk);
  const auto range = *part->Take(100 * kChunk);
  EXPECT_EQ(range.begin, 2 * kChunk);
  EXPECT_EQ(range.end, 4 * kChunk);
  WriteRange(*part, content, range.begin, range.end);
  EXPECT_TRUE(part->complete());
  EXPECT_EQ(*ReadFile(dir.File("a")), content);
}

TEST(PartFile, LeavingsOfAnotherFileAreNotUsed) {
  const TempDir dir;
  {
    auto part = *PartFile::Open(dir.File("a"), 2 * kChunk);
    ASSERT_TRUE(part->Take(kChunk).has_value());
    WriteRange(*part, RandomBytes(kChunk), 0, kChunk);
  }
  auto part = *PartFile::Open(dir.File("a"), 3 * kChunk);
  EXPECT_FALSE(part->resumed());
  EXPECT_EQ(part->Take(3 * kChunk)->begin, 0);
  part->Remove();
  EXPECT_FALSE(std::filesystem::exists(dir.File("a")));
}

TEST(PartFile, AFileMayBeEmpty) {
  const TempDir dir;
  auto part = *PartFile::Open(dir.File("a"), 0);
  EXPECT_FALSE(part->Take(1).has_value());
  EXPECT_TRUE(part->complete());
  EXPECT_EQ(*ReadFile(dir.File("a")), "");
}

}  // namespace
}  // namespace qed

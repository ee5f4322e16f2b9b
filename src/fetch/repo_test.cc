#include "fetch/repo.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(ParseRepo, TakesNamesAndRevisions) {
  const auto repo = ParseRepo("Qwen/Qwen2.5-1.5B_x@refs/pr/1", RepoType::kModel);
  ASSERT_TRUE(repo.ok());
  EXPECT_EQ(repo->id, "Qwen/Qwen2.5-1.5B_x");
  EXPECT_EQ(repo->revision, "refs/pr/1");
  EXPECT_EQ(repo->CacheFolder(), "models--Qwen--Qwen2.5-1.5B_x");
  EXPECT_EQ(repo->UrlPath(), "/Qwen/Qwen2.5-1.5B_x");
  const auto old = ParseRepo("gsm8k", RepoType::kDataset);
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(old->revision, "main");
  EXPECT_EQ(old->CacheFolder(), "datasets--gsm8k");
  EXPECT_EQ(old->ApiPath(), "/api/datasets/gsm8k");
}

TEST(ParseRepo, RefusesWhatCanBeNoName) {
  for (const char* text :
       {"",         "/",       "a/",     "/a",       "a/b/c",   "../a", "a/..",     "./a",
        "~/a",      "a b/c",   "a--b/c", "-a/b",     "a/b.",    "a/b@", "a/b@../x", "a/b@/x",
        "a/b@x//y", "a/b@x@y", "a\n/b",  "a/b@x\ny", "a/b?x=1", "a/b#x"}) {
    EXPECT_FALSE(ParseRepo(text, RepoType::kModel).ok()) << text;
  }
  EXPECT_FALSE(ParseRepo(std::string(97, 'a') + "/b", RepoType::kModel).ok());
}

TEST(LooksLikeRepo, PathsAreNone) {
  for (const char* text : {"Qwen/Qwen3-8B", "a/b@main", "a/b@refs/pr/1"}) {
    EXPECT_TRUE(LooksLikeRepo(text)) << text;
  }
  for (const char* text : {"model", "model@main", "./a/b", "/a/b", "a/b/c", "../a", "~/b", ""}) {
    EXPECT_FALSE(LooksLikeRepo(text)) << text;
  }
}

TEST(CheckFileName, NothingLiesOutsideItsFolder) {
  for (const char* name : {"config.json", "data/tir-00000-of-00001.parquet", ".gitattributes",
                           "a/b/c", "a b.txt", "..a", "a..", "\xC3\xA9"}) {
    EXPECT_TRUE(CheckFileName(name).ok()) << name;
  }
  for (const char* name : {"", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", "a//b", "a/",
                           "./a", "a/./b", "a\nb", "a\\..\\b", "a\x7f"}) {
    const Status status = CheckFileName(name);
    EXPECT_FALSE(status.ok()) << name;
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
  }
  EXPECT_FALSE(CheckFileName(std::string(300, 'a')).ok());
}

}  // namespace
}  // namespace qed

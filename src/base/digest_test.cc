#include "base/digest.h"

#include <fstream>

#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

TEST(Digest, PublishedExamples) {
  // FIPS 180-4's examples, and git hash-object of the empty file and of "hello\n".
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Digest million(DigestKind::kSha256);
  for (int i = 0; i < 1000; ++i) million.Update(std::string(1000, 'a'));
  EXPECT_EQ(million.Hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  Digest sha1(DigestKind::kSha1);
  sha1.Update("abc");
  EXPECT_EQ(sha1.Hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");

  const TempDir dir;
  std::ofstream(dir.File("empty"));
  std::ofstream(dir.File("hello")) << "hello\n";
  EXPECT_EQ(*FileGitHash(dir.File("empty")), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(*FileGitHash(dir.File("hello")), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(*FileSha256(dir.File("empty")), Sha256Hex(""));
  EXPECT_FALSE(FileSha256(dir.File("none")).ok());
}

}  // namespace
}  // namespace qed

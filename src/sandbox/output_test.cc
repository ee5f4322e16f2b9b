#include "sandbox/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/unique_fd.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

std::string Shown(const std::string& written, int32_t max_characters) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  OutputStream stream(max_characters);
  size_t at = 0;
  while (at < written.size()) {
    const ssize_t n = ::write(out.get(), written.data() + at, written.size() - at);
    if (n > 0) at += static_cast<size_t>(n);
    stream.Read(in.get());
  }
  out.Reset();
  while (stream.Read(in.get())) {
  }
  return stream.Finish();
}

TEST(OutputStreamTest, EndsWithOneNewlineOrIsEmpty) {
  EXPECT_EQ(Shown("", 10), "");
  EXPECT_EQ(Shown(" \n\n", 10), "");
  EXPECT_EQ(Shown("1", 10), "1\n");
  EXPECT_EQ(Shown("1\n", 10), "1\n");
  EXPECT_EQ(Shown("  1 \n \n", 10), "  1\n");
}

TEST(OutputStreamTest, CutsAfterSoManyCharacters) {
  EXPECT_EQ(Shown("1234\n", 5), "1234\n");
  EXPECT_EQ(Shown("12345\n", 5), "12345<output cut>");
  EXPECT_EQ(Shown("1234567", 5), "12345<output cut>");
  EXPECT_EQ(Shown(std::string(1 << 20, 'x'), 3), "xxx<output cut>");
  EXPECT_EQ(Shown("x", 0), "<output cut>");
  EXPECT_EQ(Shown("", 0), "");
}

TEST(OutputStreamTest, CountsCodePointsNotBytes) {
  EXPECT_EQ(Shown("\u03c0\u03c0\u03c0", 3), "\u03c0\u03c0\u03c0<output cut>");
  EXPECT_EQ(Shown("\u03c0\u03c0\u03c0", 4), "\u03c0\u03c0\u03c0\n");
  EXPECT_EQ(Shown("\U0001F600\U0001F600", 1), "\U0001F600<output cut>");
}

TEST(OutputStreamTest, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(Shown("a\xFFz", 10), "a\uFFFDz\n");
  EXPECT_EQ(Shown("\xC0\xAF", 10), "\uFFFD\uFFFD\n");                        // overlong
  EXPECT_EQ(Shown("\xED\xA0\x80", 10), "\uFFFD\uFFFD\uFFFD\n");              // surrogate
  EXPECT_EQ(Shown("\xF4\x90\x80\x80!", 10), "\uFFFD\uFFFD\uFFFD\uFFFD!\n");  // above U+10FFFF
  EXPECT_EQ(Shown("\xE2\x82", 10), "\uFFFD\uFFFD\n");                        // torn
}

}  // namespace
}  // namespace qed

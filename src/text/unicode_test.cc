#include "text/unicode.h"

#include <vector>

#include "gtest/gtest.h"
#include "text/byte_alphabet.h"

namespace qed {
namespace {

TEST(UnicodeTest, EveryScalarValueSurvivesEncodingAndDecoding) {
  for (uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    AppendUtf8(code, text);
    const DecodedChar c = DecodeUtf8(text, 0);
    ASSERT_EQ(c.code, code);
    ASSERT_EQ(c.length, text.size());
    ASSERT_EQ(PreviousChar("x" + text, text.size() + 1), 1u) << code;
  }
}

TEST(UnicodeTest, InvalidBytesDecodeOneByOneAndComeBack) {
  // Overlong, surrogate, above U+10FFFF, stray continuation, cut short.
  for (const std::string text : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xE4\xBD",
                                 "\xFF", "\xF0\x9F\x98"}) {
    std::string back;
    for (size_t pos = 0; pos < text.size();) {
      const DecodedChar c = DecodeUtf8(text, pos);
      EXPECT_EQ(c.code, kInvalidByte + static_cast<uint8_t>(text[pos]));
      EXPECT_FALSE(IsLetter(c.code) || IsNumber(c.code) || IsSpace(c.code) || IsWord(c.code));
      AppendUtf8(c.code, back);
      pos += c.length;
    }
    EXPECT_EQ(back, text);
    EXPECT_EQ(PreviousChar(text, text.size()), text.size() - 1);
  }
}

TEST(UnicodeTest, IncompleteSuffixIsWhatCouldStillBecomeACharacter) {
  EXPECT_EQ(IncompleteUtf8Suffix(""), 0u);
  EXPECT_EQ(IncompleteUtf8Suffix("abc"), 0u);
  EXPECT_EQ(IncompleteUtf8Suffix("a\xC3"), 1u);
  EXPECT_EQ(IncompleteUtf8Suffix("a\xE4\xBD"), 2u);
  EXPECT_EQ(IncompleteUtf8Suffix("\xF0\x9F\x98"), 3u);
  EXPECT_EQ(IncompleteUtf8Suffix("\xF0\x9F\x98\x80"), 0u);
  EXPECT_EQ(IncompleteUtf8Suffix("\xE4\xBD\xA0"), 0u);
  EXPECT_EQ(IncompleteUtf8Suffix("\x80\x80"), 0u);      // continues nothing
  EXPECT_EQ(IncompleteUtf8Suffix("\xED\xA0"), 0u);      // a surrogate: never valid
  EXPECT_EQ(IncompleteUtf8Suffix("\xF4\x90"), 0u);      // above U+10FFFF
  EXPECT_EQ(IncompleteUtf8Suffix("\xE4\xBD\xE4"), 1u);  // only the last lead byte
}

TEST(UnicodeTest, ReplacesEachMaximalInvalidPieceOnce) {
  const auto valid = [](std::string_view text) {
    std::string out;
    AppendValidUtf8(text, out);
    return out;
  };
  EXPECT_EQ(valid("a\xE4\xBD\xA0z"), "a\xE4\xBD\xA0z");
  EXPECT_EQ(valid("\xE4\xBDz"), "\uFFFDz");                // one for the two-byte beginning
  EXPECT_EQ(valid("\xF0\x9F\x98"), "\uFFFD");              // one for three
  EXPECT_EQ(valid("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // no byte begins anything
  EXPECT_EQ(valid("\x80\xFF"), "\uFFFD\uFFFD");
}

TEST(UnicodeTest, Classes) {
  EXPECT_TRUE(IsLetter('a') && IsLetter('Z') && IsLetter(0xE9) && IsLetter(0x4F60));
  EXPECT_FALSE(IsLetter('@') || IsLetter('[') || IsLetter('`') || IsLetter('{') || IsLetter('1'));
  EXPECT_TRUE(IsNumber('0') && IsNumber('9') && IsNumber(0xB2) && IsNumber(0x2167));
  EXPECT_FALSE(IsNumber('/') || IsNumber(':') || IsNumber('a'));
  EXPECT_TRUE(IsNumeric(0x11DE0));  // a digit of Unicode 17: Rust knows it,
  EXPECT_FALSE(IsNumber(0x11DE0));  // the regular expressions do not
  for (const uint32_t space : {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2003,
                               0x2028, 0x202F, 0x205F, 0x3000}) {
    EXPECT_TRUE(IsSpace(space)) << space;
  }
  EXPECT_FALSE(IsSpace(0x200B) || IsSpace(0x180E) || IsSpace(0xFEFF) || IsSpace(0x1C));
  EXPECT_TRUE(IsWord('_') && IsWord('a') && IsWord('7') && IsWord(0x301));
  EXPECT_FALSE(IsWord('-') || IsWord(' '));
}

TEST(ByteAlphabetTest, EveryByteHasItsOwnPrintableCharacter) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  const std::string text = BytesToAlphabet(bytes);
  EXPECT_EQ(AlphabetToBytes(text), bytes);
  EXPECT_EQ(BytesToAlphabet(" \n"), "ĠĊ");
  EXPECT_EQ(AlphabetToBytes("a b"), std::nullopt);  // a space is not in it
  EXPECT_EQ(AlphabetToBytes("\xFF"), std::nullopt);
}

}  // namespace
}  // namespace qed

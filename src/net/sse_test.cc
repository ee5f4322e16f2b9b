#include "net/sse.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

std::vector<SseEvent> ParseInPieces(std::string_view text, size_t piece) {
  SseParser parser;
  std::vector<SseEvent> events;
  for (size_t i = 0; i < text.size(); i += piece) {
    EXPECT_TRUE(parser.Feed(text.substr(i, piece), events).ok());
  }
  return events;
}

TEST(SseTest, FormatsOneDataLinePerLine) {
  EXPECT_EQ(FormatSse("{}"), "data: {}\n\n");
  EXPECT_EQ(FormatSse("a\nb", "token", "7"), "event: token\nid: 7\ndata: a\ndata: b\n\n");
  EXPECT_EQ(FormatSse(""), "data: \n\n");
  EXPECT_EQ(FormatSse("a\r\nb\r"), "data: a\ndata: b\ndata: \n\n");
  EXPECT_EQ(FormatSseComment("still\nhere"), ": still here\n\n");
}

TEST(SseTest, ParsesWhateverThePieces) {
  const std::string text = FormatSse("one") + FormatSseComment("alive") +
                           "event: b\r\ndata: two\r\ndata:  three\r\nid: 9\r\n\r\n" +
                           "data\rretry: 5\runknown: x\r\r" + "event: no data\n\n" +
                           "data: [DONE]\n\ndata: never closed";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    const std::vector<SseEvent> events = ParseInPieces(text, piece);
    ASSERT_EQ(events.size(), 4u) << piece;
    EXPECT_EQ(events[0].data, "one");
    EXPECT_EQ(events[1].event, "b");
    EXPECT_EQ(events[1].data, "two\n three");
    EXPECT_EQ(events[1].id, "9");
    EXPECT_EQ(events[2].data, "");
    EXPECT_EQ(events[3].data, "[DONE]");
    EXPECT_EQ(events[3].event, "");
  }
}

TEST(SseTest, SkipsAByteOrderMarkOnlyAtTheStart) {
  const auto events = ParseInPieces(
      "\xEF\xBB\xBF"
      "data: a\n\n\xEF\xBB\xBF"
      "data: b\n\n",
      1);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].data, "a");
}

TEST(SseTest, FormattedEventsComeBack) {
  for (const char* data : {"", "x", "a\nb", "\n", "  two spaces", ": colon"}) {
    const auto events = ParseInPieces(FormatSse(data), 3);
    ASSERT_EQ(events.size(), 1u) << data;
    EXPECT_EQ(events[0].data, data);
  }
}

TEST(SseTest, EndlessEventsAreRefused) {
  SseParser line(1000), lines(1000);
  std::vector<SseEvent> events;
  EXPECT_EQ(line.Feed(std::string(2000, 'x'), events).code(), StatusCode::kResourceExhausted);
  std::string many;
  for (int i = 0; i < 300; ++i) many += "data: xxxxx\n";
  EXPECT_EQ(lines.Feed(many, events).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(events.empty());
}

}  // namespace
}  // namespace qed

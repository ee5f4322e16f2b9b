#include "net/request_parser.h"

#include <random>

#include "gtest/gtest.h"

namespace qed {
namespace {

using State = RequestParser::State;

RequestLimits SmallLimits() {
  RequestLimits limits;
  limits.max_target_bytes = 100;
  limits.max_header_bytes = 400;
  limits.max_body_bytes = 1000;
  return limits;
}

// Feeds `text` in pieces until the parser is done; `rest` is what it left.
void FeedAll(RequestParser& parser, std::string_view text, size_t piece, std::string* rest) {
  std::string buffer;
  while (parser.state() == State::kHeaders || parser.state() == State::kBody) {
    if (text.empty()) break;
    buffer += text.substr(0, piece);
    text.remove_prefix(std::min(piece, text.size()));
    buffer.erase(0, parser.Feed(buffer));
  }
  if (rest != nullptr) *rest = buffer + std::string(text);
}

HttpRequest ParseWhole(std::string_view text, size_t piece = 1 << 20, std::string* rest = nullptr) {
  RequestParser parser(SmallLimits());
  FeedAll(parser, text, piece, rest);
  EXPECT_EQ(parser.state(), State::kDone) << parser.error() << "\n" << text;
  return parser.state() == State::kDone ? parser.Take() : HttpRequest();
}

int ErrorStatus(std::string_view text, size_t piece = 1 << 20) {
  RequestParser parser(SmallLimits());
  FeedAll(parser, text, piece, nullptr);
  EXPECT_EQ(parser.state(), State::kFailed) << text;
  EXPECT_FALSE(parser.error().empty() && parser.state() == State::kFailed);
  return parser.error_status();
}

TEST(RequestParserTest, ReadsARequestInPiecesOfAnySize) {
  const std::string text =
      "\r\nPOST /a%20b/c?x=1&y=a+b&z HTTP/1.1\r\nHost: h\r\nX-Session-ID:  s 1 \r\n"
      "Content-Length: 5\r\n\r\nhello";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    std::string rest;
    const HttpRequest request = ParseWhole(text + "GET /next", piece, &rest);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/a%20b/c?x=1&y=a+b&z");
    EXPECT_EQ(request.path, "/a b/c");
    ASSERT_EQ(request.query.size(), 3u);
    EXPECT_EQ(request.query[1], (std::pair<std::string, std::string>("y", "a b")));
    EXPECT_EQ(request.query[2], (std::pair<std::string, std::string>("z", "")));
    ASSERT_NE(request.headers.Find("x-session-id"), nullptr);
    EXPECT_EQ(*request.headers.Find("x-session-id"), "s 1");
    EXPECT_EQ(request.body, "hello");
    EXPECT_EQ(rest, "GET /next");
  }
}

TEST(RequestParserTest, JoinsChunksAndDropsTrailers) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3;ext=\"x\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    std::string rest;
    const HttpRequest request = ParseWhole(text + "x", piece, &rest);
    EXPECT_EQ(request.body, "abc0123456789");
    EXPECT_EQ(request.headers.Find("X-Trailer"), nullptr);
    EXPECT_EQ(rest, "x");
  }
}

TEST(RequestParserTest, FormsOfTheTarget) {
  EXPECT_EQ(ParseWhole("GET http://h:1/a?b HTTP/1.1\r\nHost: h\r\n\r\n").path, "/a");
  EXPECT_EQ(ParseWhole("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path, "*");
  EXPECT_EQ(ErrorStatus("GET a HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus("GET /?a=%f HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

TEST(RequestParserTest, KeepsTheConnectionAsTheVersionSays) {
  const auto keeps = [](std::string_view text) {
    RequestParser parser(SmallLimits());
    FeedAll(parser, text, 1 << 20, nullptr);
    EXPECT_EQ(parser.state(), State::kDone) << text;
    return parser.keep_alive();
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(RequestParserTest, SaysWhenTheClientWaitsForContinue) {
  RequestParser parser(SmallLimits());
  parser.Feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(parser.state(), State::kBody);
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_EQ(ErrorStatus("POST / HTTP/1.1\r\nHost: h\r\nExpect: a miracle\r\n\r\n"), 417);
}

TEST(RequestParserTest, LimitsHaveTheirStatus) {
  const std::string host = " HTTP/1.1\r\nHost: h\r\n";
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{1} << 20}) {
    EXPECT_EQ(ErrorStatus("GET /" + std::string(100, 'a') + host + "\r\n", piece), 414);
    EXPECT_EQ(ErrorStatus("GET /" + std::string(5000, 'a'), piece), 414);
    EXPECT_EQ(ErrorStatus("GET /" + host + "A: " + std::string(5000, 'a'), piece), 431);
    std::string many;
    for (int i = 0; i < 100; ++i) many += "A: b\r\n";
    EXPECT_EQ(ErrorStatus("GET /" + host + many + "\r\n", piece), 431);
    // What is not kept counts too: white space before a value, a name's folded line.
    const std::string head = "GET /" + host + "A:", tail = "\r\n \r\n\r\n";
    const std::string spaces(400 - head.size() - tail.size(), ' ');
    ParseWhole(head + spaces + tail, piece);
    EXPECT_EQ(ErrorStatus(head + spaces + ' ' + tail, piece), 431);
    EXPECT_EQ(ErrorStatus("POST /" + host + "Content-Length: 1001\r\n\r\n", piece), 413);
    EXPECT_EQ(ErrorStatus("POST /" + host + "Content-Length: 18446744073709551615\r\n\r\n", piece),
              413);
    const std::string chunked = "POST /" + host + "Transfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(ErrorStatus(chunked + "FFFFFFFFFFFFFFFF\r\n", piece), 413);
    std::string chunks;
    for (int i = 0; i < 11; ++i) chunks += "64\r\n" + std::string(100, 'x') + "\r\n";
    EXPECT_EQ(ErrorStatus(chunked + chunks, piece), 413);
    EXPECT_EQ(ErrorStatus(chunked + "1;" + std::string(5000, 'e'), piece), 400);
    EXPECT_EQ(ErrorStatus(chunked + "0\r\nA: " + std::string(5000, 'e'), piece), 400);
  }
}

TEST(RequestParserTest, RefusesWhatCouldBeReadInTwoWays) {
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(ErrorStatus(post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + "Content-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + "Content-Length: 0x3\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + "Transfer-Encoding: gzip\r\n\r\n"), 501);
  EXPECT_EQ(ErrorStatus(post + "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(ErrorStatus(post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + "Host: other\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + "A b: c\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(post + ": c\r\n\r\n"), 400);
}

TEST(RequestParserTest, OtherProtocols) {
  EXPECT_EQ(ErrorStatus("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(ErrorStatus("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(ErrorStatus("GET / FTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9) + "\r\n\r\n"), 400);
  EXPECT_EQ(ErrorStatus(std::string(50, '\0')), 400);
}

// Whatever arrives, the parser ends, waits for more, or names an error status.
TEST(RequestParserTest, RandomBytesNeverConfuseIt) {
  const std::string words[] = {"GET ",
                               "POST ",
                               "/",
                               "/a?b=%20",
                               " HTTP/1.1\r\n",
                               "Host: h\r\n",
                               "Content-Length: 7\r\n",
                               "Transfer-Encoding: chunked\r\n",
                               "\r\n",
                               "\n",
                               "5\r\nhello\r\n",
                               "0\r\n\r\n",
                               "\r",
                               ": ",
                               "Expect: x\r\n",
                               std::string(1, '\0'),
                               "\xff\xfe",
                               "Connection: close\r\n",
                               std::string(300, 'q'),
                               "7;a=b\r\n"};
  int done = 0, failed = 0;
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string text = random() % 2 == 0 ? "POST / HTTP/1.1\r\nHost: h\r\n" : "";
    for (int i = 0; i < 12; ++i) text += words[random() % std::size(words)];
    RequestParser parser(SmallLimits());
    FeedAll(parser, text, 1 + random() % 50, nullptr);
    if (parser.state() == State::kFailed) {
      EXPECT_GE(parser.error_status(), 400);
      EXPECT_LE(parser.error_status(), 505);
      ++failed;
    } else if (parser.state() == State::kDone) {
      EXPECT_LE(parser.Take().body.size(), SmallLimits().max_body_bytes);
      ++done;
    }
  }
  EXPECT_GT(failed, 1000);
  EXPECT_GT(done, 100);
}

}  // namespace
}  // namespace qed

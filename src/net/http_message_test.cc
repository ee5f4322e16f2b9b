#include "net/http_message.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(HttpMessageTest, HeaderNamesCompareWithoutCase) {
  const HttpHeaders headers = {{"X-Session-ID", "a"}, {"Accept", "b"}, {"accept", "c"}};
  ASSERT_NE(headers.Find("x-session-id"), nullptr);
  EXPECT_EQ(*headers.Find("x-session-id"), "a");
  EXPECT_EQ(*headers.Find("ACCEPT"), "b");
  EXPECT_EQ(headers.Count("Accept"), 2u);
  EXPECT_EQ(headers.Find("Accep"), nullptr);
}

TEST(HttpMessageTest, PercentDecoding) {
  EXPECT_EQ(PercentDecode("a%20b%2Fc+d"), "a b/c+d");
  EXPECT_EQ(PercentDecode("a+b%2b", true), "a b+");
  EXPECT_EQ(PercentDecode("%C3%a9"), "\xC3\xA9");
  EXPECT_EQ(PercentDecode("%00"), std::string(1, '\0'));
  for (const char* bad : {"%", "%2", "%zz", "a%2", "%%20"}) EXPECT_FALSE(PercentDecode(bad)) << bad;
}

TEST(HttpMessageTest, EncodingUndoneByDecoding) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
  EXPECT_EQ(PercentEncode("a/b c-._~"), "a%2Fb%20c-._~");
}

TEST(HttpMessageTest, UrlsInTheirParts) {
  const auto check = [](const char* text, const char* host, const char* port, const char* target) {
    const Result<Url> url = ParseUrl(text);
    ASSERT_TRUE(url.ok()) << url.status().message();
    EXPECT_EQ(url->host, host);
    EXPECT_EQ(url->port, port);
    EXPECT_EQ(url->target, target);
  };
  check("http://127.0.0.1:6000", "127.0.0.1", "6000", "/");
  check("HTTP://example.org", "example.org", "80", "/");
  check("http://a:1/b/c?d=e", "a", "1", "/b/c?d=e");
  check("http://a?x", "a", "80", "/?x");
  check("http://[::1]:65535/", "::1", "65535", "/");
  EXPECT_EQ(ParseUrl("http://[::1]:8080/x")->Authority(), "[::1]:8080");
  EXPECT_EQ(ParseUrl("http://localhost")->Authority(), "localhost:80");
}

TEST(HttpMessageTest, UnusableUrlsSayWhy) {
  const auto message = [](std::string_view text) {
    const Result<Url> url = ParseUrl(text);
    EXPECT_FALSE(url.ok()) << text;
    return url.ok() ? std::string() : url.status().message();
  };
  EXPECT_NE(message("ftp://a/").find("begin with http:// or https://"), std::string::npos);
  EXPECT_NE(message("localhost:6000").find("begin with http://"), std::string::npos);
  EXPECT_NE(message("http://u:p@a/").find("user name"), std::string::npos);
  EXPECT_NE(message("http://a/#b").find("fragment"), std::string::npos);
  EXPECT_NE(message("http://").find("no host"), std::string::npos);
  EXPECT_NE(message("http://:80").find("no host"), std::string::npos);
  EXPECT_NE(message("http://[::1").find("]"), std::string::npos);
  for (const char* bad : {"http://a:", "http://a:0", "http://a:65536", "http://a:1x", "http://a:+1",
                          "http://[::1]x", "http://a:999999999999"}) {
    EXPECT_NE(message(bad).find("port"), std::string::npos) << bad;
  }
  EXPECT_NE(message("http://a b/").find("spaces"), std::string::npos);
  EXPECT_NE(message("http://a\r\nX: y/").find("control"), std::string::npos);
  EXPECT_NE(message("http://a\"b").find("unusual"), std::string::npos);
  EXPECT_NE(message("http://" + std::string(5000, 'a')).find("4096"), std::string::npos);
}

TEST(HttpMessageTest, ErrorsAreJson) {
  const HttpResponse response = JsonError(400, "say \"x\"\nnot \xFF");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, "{\"error\":\"say \\\"x\\\"\\nnot \xEF\xBF\xBD\"}");
  EXPECT_EQ(*response.headers.Find("content-type"), "application/json");
}

}  // namespace
}  // namespace qed

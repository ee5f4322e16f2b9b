#include "net/http_client.h"

#include <sys/socket.h>

#include <functional>
#include <thread>

#include "gtest/gtest.h"
#include "net/test_support.h"

namespace qed {
namespace {

using std::chrono::milliseconds;

std::string ReadRequest(const UniqueFd& fd) {
  std::string text;
  char byte = 0;
  while (!text.ends_with("\r\n\r\n") && ::recv(fd.get(), &byte, 1, 0) == 1) text += byte;
  return text;
}

void SendText(const UniqueFd& fd, std::string_view text) {
  ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

// A server that takes one connection, reads a request, sends `answer` and closes.
class CannedServer {
 public:
  explicit CannedServer(std::string answer)
      : thread_([this, answer = std::move(answer)] {
          const UniqueFd fd = listener_.Accept();
          request_ = ReadRequest(fd);
          SendText(fd, answer);
          ::shutdown(fd.get(), SHUT_WR);
          ReadRequest(fd);  // until the client has gone too
        }) {}
  ~CannedServer() {
    if (thread_.joinable()) thread_.join();
  }
  std::string url() const { return listener_.url(); }
  std::string request() {
    thread_.join();
    return request_;
  }

 private:
  RawListener listener_;
  std::string request_;
  std::thread thread_;
};

HttpReply Get(const std::string& answer, const std::function<void(HttpFetch&)>& change = nullptr) {
  CannedServer server(answer);
  HttpClient client;
  HttpFetch fetch = FetchOf(server.url());
  if (change) change(fetch);
  return client.Fetch(fetch);
}

TEST(HttpClientTest, SendsWhatItWasTold) {
  CannedServer server("HTTP/1.1 204 No Content\r\n\r\n");
  {
    HttpClient client;
    HttpFetch fetch = FetchOf(server.url() + "/a?b");
    fetch.method = "PUT";
    fetch.headers.Add("X-Session-ID", "s");
    EXPECT_EQ(client.Fetch(fetch).response.status, 204);
  }
  const std::string authority = server.url().substr(7);
  EXPECT_EQ(server.request(), "PUT /a?b HTTP/1.1\r\nHost: " + authority +
                                  "\r\nX-Session-ID: s\r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpClientTest, ReadsBodiesOfEveryKind) {
  EXPECT_EQ(Get("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").response.body, "abc");
  EXPECT_EQ(Get("HTTP/1.1 200 OK\r\n\r\nto the end").response.body, "to the end");
  EXPECT_EQ(
      Get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")
          .response.body,
      "abc");
  const HttpReply interim =
      Get("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(interim.response.status, 404);
  EXPECT_EQ(interim.response.body, "no");
}

TEST(HttpClientTest, ANobodyThereWasNeverSent) {
  std::string url;
  {
    RawListener listener;
    url = listener.url();
  }
  HttpClient client;
  const HttpReply reply = client.Fetch(FetchOf(url));
  EXPECT_EQ(reply.status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(reply.never_sent);
  EXPECT_NE(reply.status.message().find(url.substr(7)), std::string::npos);
}

TEST(HttpClientTest, AServerThatEndsWithoutAnAnswerMayHaveRunIt) {
  for (const char* answer :
       {"", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "HTTP/1.1 200"}) {
    const HttpReply reply = Get(answer);
    EXPECT_EQ(reply.status.code(), StatusCode::kUnavailable) << reply.status.message();
    EXPECT_FALSE(reply.never_sent);
  }
}

TEST(HttpClientTest, OtherProtocolsAndEndlessLinesAreErrors) {
  EXPECT_EQ(Get("220 ftp ready\r\n\r\n").status.code(), StatusCode::kCorrupt);
  EXPECT_EQ(Get("HTTP/1.1 200 OK\r\nA: " + std::string(200'000, 'a')).status.code(),
            StatusCode::kCorrupt);
}

TEST(HttpClientTest, LongBodiesAreRefused) {
  const auto limit = [](HttpFetch& fetch) { fetch.max_response_bytes = 10; };
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901",
                             "HTTP/1.1 200 OK\r\n\r\n12345678901"}) {
    EXPECT_EQ(Get(answer, limit).status.code(), StatusCode::kResourceExhausted);
  }
  EXPECT_TRUE(Get("HTTP/1.1 200 OK\r\n\r\n1234567890", limit).status.ok());
}

TEST(HttpClientTest, DataIsHandedOverAsItComes) {
  std::string data;
  const HttpReply reply =
      Get("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", [&](HttpFetch& f) {
        f.on_data = [&data](std::string_view piece) {
          data += piece;
          return true;
        };
      });
  EXPECT_TRUE(reply.status.ok());
  EXPECT_EQ(data, "hello");
  EXPECT_EQ(reply.response.body, "");
  const auto refuse = [](HttpFetch& f) { f.on_data = [](std::string_view) { return false; }; };
  EXPECT_EQ(Get("HTTP/1.1 200 OK\r\n\r\nhello", refuse).status.code(), StatusCode::kCancelled);
  EXPECT_EQ(Get("HTTP/1.1 500 No\r\n\r\nwhy", refuse).response.body, "why");
}

TEST(HttpClientTest, DeadlinesEndACall) {
  RawListener silent;
  HttpClient client;
  HttpFetch fetch = FetchOf(silent.url());
  fetch.deadline = Clock::Real().Now() + milliseconds(50);
  const HttpReply late = client.Fetch(fetch);
  EXPECT_EQ(late.status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(late.never_sent);
  fetch.deadline = Clock::Time::max();
  fetch.read_timeout = milliseconds(50);
  EXPECT_EQ(client.Fetch(fetch).status.code(), StatusCode::kDeadlineExceeded);
}

TEST(HttpClientTest, CancellingEndsACallFromAnotherThread) {
  RawListener silent;
  HttpClient client;
  HttpFetch fetch = FetchOf(silent.url());
  const auto token = std::make_shared<CancelToken>();
  fetch.cancel = token;
  UniqueFd fd;  // stays open, without an answer
  std::thread other([&] {
    fd = silent.Accept();
    ReadRequest(fd);
    token->Cancel();
  });
  EXPECT_EQ(client.Fetch(fetch).status.code(), StatusCode::kCancelled);
  other.join();
  const HttpReply next = client.Fetch(fetch);
  EXPECT_EQ(next.status.code(), StatusCode::kCancelled);
}

TEST(HttpClientTest, AConnectionThatTheServerClosedIsReplaced) {
  RawListener listener;
  std::thread server([&] {
    for (int i = 0; i < 2; ++i) {
      const UniqueFd fd = listener.Accept();
      ReadRequest(fd);
      SendText(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(i));
    }
  });
  HttpClient client;
  EXPECT_EQ(client.Fetch(FetchOf(listener.url())).response.body, "0");
  EXPECT_EQ(client.Fetch(FetchOf(listener.url())).response.body, "1");
  server.join();
}

TEST(HttpClientTest, AnAnswerBeforeTheBodyWasSentIsTaken) {
  RawListener listener;
  std::thread server([&] {
    const UniqueFd fd = listener.Accept();
    ReadRequest(fd);
    SendText(fd, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    ReadRequest(fd);
  });
  {
    HttpClient client;
    HttpFetch fetch = FetchOf(listener.url());
    fetch.method = "POST";
    fetch.body = std::string(size_t{8} << 20, 'x');
    EXPECT_EQ(client.Fetch(fetch).response.status, 413);
  }
  server.join();
}

}  // namespace
}  // namespace qed

#include "net/http_loop.h"

#include <netdb.h>

#include <future>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_server.h"
#include "net/test_support.h"

namespace qed {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

// The reply to one call.
HttpReply Call(HttpLoop& loop, HttpFetch fetch) {
  std::promise<HttpReply> promise;
  loop.Post([&] {
    loop.Start(std::move(fetch), [&](HttpReply reply) { promise.set_value(std::move(reply)); });
  });
  return promise.get_future().get();
}

std::unique_ptr<HttpServer> Serve(HttpHandler handler) {
  return *HttpServer::Start({}, std::move(handler));
}

TEST(HttpLoopTest, AnswersComeWhole) {
  const auto server = Serve([](HttpRequest request, std::shared_ptr<HttpResponder> responder) {
    responder->Respond({.status = 418, .headers = {{"X-Was", request.path}}, .body = request.body});
  });
  HttpLoop loop;
  HttpFetch fetch = FetchOf(server->url() + "/tea");
  fetch.method = "POST";
  fetch.body = std::string(1 << 20, 'x');
  const HttpReply reply = Call(loop, fetch);
  EXPECT_TRUE(reply.status.ok()) << reply.status.message();
  EXPECT_EQ(reply.response.status, 418);
  EXPECT_EQ(*reply.response.headers.Find("X-Was"), "/tea");
  EXPECT_EQ(reply.response.body, fetch.body);
}

TEST(HttpLoopTest, HostsMayBeNames) {
  addrinfo* found = nullptr;
  if (getaddrinfo("localhost", nullptr, nullptr, &found) != 0) {
    GTEST_SKIP() << "this machine does not know the name localhost (/etc/hosts)";
  }
  freeaddrinfo(found);
  const auto server = Serve([](HttpRequest, std::shared_ptr<HttpResponder> responder) {
    responder->Respond({.status = 418, .headers = {}, .body = ""});
  });
  HttpLoop loop;
  HttpFetch fetch = FetchOf(server->url());
  fetch.url.host = "localhost";
  const HttpReply reply = Call(loop, fetch);
  EXPECT_TRUE(reply.status.ok()) << reply.status.message();
  EXPECT_EQ(reply.response.status, 418);
}

TEST(HttpLoopTest, HundredsOfStreamsOnOneThread) {
  constexpr int kStreams = 300;
  std::mutex mutex;
  std::vector<std::shared_ptr<HttpResponder>> responders;
  std::promise<void> all_there;
  const auto server = Serve([&](HttpRequest, std::shared_ptr<HttpResponder> responder) {
    responder->BeginStream(200, {});
    responder->Write("first,");
    const std::lock_guard lock(mutex);
    responders.push_back(std::move(responder));
    if (responders.size() == kStreams) all_there.set_value();
  });
  HttpLoop loop;
  std::vector<std::string> texts(kStreams);
  std::promise<void> all_done;
  int done = 0;
  loop.Post([&] {
    for (int i = 0; i < kStreams; ++i) {
      HttpFetch fetch = FetchOf(server->url());
      fetch.on_data = [&texts, i](std::string_view piece) {
        texts[static_cast<size_t>(i)] += piece;
        return true;
      };
      loop.Start(std::move(fetch), [&](const HttpReply& reply) {
        EXPECT_TRUE(reply.status.ok()) << reply.status.message();
        if (++done == kStreams) all_done.set_value();
      });
    }
  });
  all_there.get_future().wait();
  const int threads = CountThreads();
  for (const auto& responder : responders) {
    responder->Write("second");
    responder->End();
  }
  all_done.get_future().wait();
  EXPECT_LT(threads, 10);
  for (const std::string& text : texts) EXPECT_EQ(text, "first,second");
}

TEST(HttpLoopTest, ACancelledCallClosesItsConnectionAndIsSilent) {
  std::promise<void> gone;
  std::shared_ptr<HttpResponder> kept;
  const auto server = Serve([&](HttpRequest, std::shared_ptr<HttpResponder> responder) {
    responder->OnDisconnect([&] { gone.set_value(); });
    responder->BeginStream(200, {});
    responder->Write("a");
    kept = std::move(responder);
  });
  HttpLoop loop;
  HttpLoop::CallId id = 0;
  loop.Post([&] {
    HttpFetch fetch = FetchOf(server->url());
    fetch.on_data = [&](std::string_view) {
      loop.Cancel(id);
      return true;
    };
    id = loop.Start(std::move(fetch), [](const HttpReply&) { ADD_FAILURE() << "called back"; });
  });
  gone.get_future().wait();
}

TEST(HttpLoopTest, WhatGoesWrongIsOneLine) {
  HttpLoop loop;
  uint16_t closed_port = 0;
  { closed_port = RawListener().port(); }
  const std::string closed = "127.0.0.1:" + std::to_string(closed_port);
  HttpReply reply = Call(loop, FetchOf("http://" + closed));
  EXPECT_EQ(reply.status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(reply.never_sent);
  EXPECT_THAT(reply.status.message(), HasSubstr(closed + ": cannot connect"));

  reply = Call(loop, FetchOf("http://no-such-name.invalid"));
  EXPECT_EQ(reply.status.code(), StatusCode::kUnavailable);

  RawListener silent;
  HttpFetch fetch = FetchOf(silent.url());
  fetch.read_timeout = milliseconds(50);
  EXPECT_EQ(Call(loop, fetch).status.code(), StatusCode::kDeadlineExceeded);
  fetch.read_timeout = milliseconds(0);
  fetch.deadline = Clock::Real().Now() + milliseconds(50);
  EXPECT_EQ(Call(loop, fetch).status.code(), StatusCode::kDeadlineExceeded);

  const auto server = Serve([](HttpRequest request, std::shared_ptr<HttpResponder> responder) {
    if (request.path == "/long") {
      return responder->Respond({.status = 200, .headers = {}, .body = std::string(5000, 'x')});
    }
    responder->BeginStream(200, {});
    responder->Write("half of it");
  });
  reply = Call(loop, FetchOf(server->url() + "/cut"));
  EXPECT_EQ(reply.status.code(), StatusCode::kUnavailable);
  EXPECT_FALSE(reply.never_sent);
  fetch = FetchOf(server->url() + "/long");
  fetch.max_response_bytes = 1000;
  EXPECT_EQ(Call(loop, fetch).status.code(), StatusCode::kResourceExhausted);
}

TEST(HttpLoopTest, TimersComeInTheirOrderAndTheEndDropsWhatIsLeft) {
  std::promise<std::string> promise;
  std::string order;
  RawListener silent;
  {
    HttpLoop loop;
    loop.Post([&] {
      loop.After(milliseconds(500), [&] { promise.set_value(order + "b"); });
      loop.After(milliseconds(1), [&] { order += "a"; });
      loop.After(std::chrono::hours(1), [] { ADD_FAILURE() << "too early"; });
    });
    EXPECT_EQ(promise.get_future().get(), "ab");
    loop.Post([&loop, fetch = FetchOf(silent.url())] {
      loop.Start(fetch, [](const HttpReply&) { ADD_FAILURE() << "called back"; });
    });
  }
}

}  // namespace
}  // namespace qed

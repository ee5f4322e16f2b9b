#include "net/http_server.h"

#include <atomic>
#include <future>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "base/descriptor_limit.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "net/test_support.h"

namespace qed {
namespace {

using std::chrono::milliseconds;

constexpr char kGet[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

std::unique_ptr<HttpServer> StartServer(HttpHandler handler, HttpServerConfig config = {}) {
  Result<std::unique_ptr<HttpServer>> server = HttpServer::Start(config, std::move(handler));
  QED_CHECK(server.ok()) << server.status().message();
  return *std::move(server);
}

HttpResponse TextResponse(std::string text) {
  HttpResponse response;
  response.body = std::move(text);
  return response;
}

void Echo(HttpRequest request, std::shared_ptr<HttpResponder> responder) {
  responder->Respond(TextResponse(request.method + " " + request.path + " " + request.body));
}

HttpFetch Post(const HttpServer& server, const std::string& path, const std::string& body) {
  HttpFetch fetch;
  fetch.method = "POST";
  fetch.url = *ParseUrl(server.url() + path);
  fetch.body = body;
  fetch.deadline = Clock::Real().Now() + std::chrono::seconds(30);
  return fetch;
}

int StatusOf(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

// Handlers put their responders here; the test answers.
class Inbox {
 public:
  HttpHandler handler() {
    return [this](HttpRequest, std::shared_ptr<HttpResponder> responder) {
      const std::lock_guard<std::mutex> lock(mutex_);
      responders_.push_back(std::move(responder));
      arrived_.notify_all();
    };
  }
  std::shared_ptr<HttpResponder> Take() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!arrived_.wait_for(lock, std::chrono::seconds(20),
                           [this] { return !responders_.empty(); })) {
      ADD_FAILURE() << "no request came";
      return nullptr;
    }
    std::shared_ptr<HttpResponder> responder = std::move(responders_.front());
    responders_.erase(responders_.begin());
    return responder;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::shared_ptr<HttpResponder>> responders_;
};

// Something that happens on another thread.
class Event {
 public:
  void Set() { promise_.set_value(); }
  bool Wait() { return future_.wait_for(std::chrono::seconds(20)) == std::future_status::ready; }

 private:
  std::promise<void> promise_;
  std::future<void> future_ = promise_.get_future();
};

TEST(HttpServerTest, AnswersRequests) {
  const auto server = StartServer(Echo);
  HttpClient client;
  for (int i = 0; i < 3; ++i) {
    const HttpReply reply = client.Fetch(Post(*server, "/a%20b?c", "body" + std::to_string(i)));
    ASSERT_TRUE(reply.status.ok()) << reply.status.message();
    EXPECT_EQ(reply.response.status, 200);
    EXPECT_EQ(reply.response.body, "POST /a b body" + std::to_string(i));
  }
  EXPECT_EQ(server->stats().requests, 3);
  EXPECT_EQ(server->stats().connections, 1);  // the client used one again and again
}

TEST(HttpServerTest, AnAddressInUseIsAnErrorThatNamesIt) {
  const auto server = StartServer(Echo);
  HttpServerConfig config;
  config.port = server->port();
  const Result<std::unique_ptr<HttpServer>> second = HttpServer::Start(config, Echo);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find(std::to_string(config.port)), std::string::npos);
  config.host = "no such host";
  EXPECT_FALSE(HttpServer::Start(config, Echo).ok());
}

TEST(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Inbox inbox;
  const auto server = StartServer(inbox.handler());
  RawClient client(server->port());
  client.Send(std::string(kGet) + "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" +
              "GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + kGet);
  for (const char* text : {"one", "two", "three"}) {
    std::thread([responder = inbox.Take(), text] {
      responder->Respond(TextResponse(text));
    }).join();
  }
  const std::string answers = client.ReadToEnd();  // none to the fourth, behind "close"
  EXPECT_LT(answers.find("one"), answers.find("two"));
  EXPECT_LT(answers.find("two"), answers.find("three"));
  EXPECT_TRUE(answers.ends_with("three")) << answers;
  EXPECT_EQ(server->stats().requests, 3);
}

TEST(HttpServerTest, HeadHasTheHeadersOfABodyAndNone) {
  const auto server = StartServer(Echo);
  RawClient client(server->port());
  client.Send(
      "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string answers = client.ReadToEnd();
  EXPECT_NE(answers.find("Content-Length: 8\r\n\r\nHTTP/1.1 200"), std::string::npos) << answers;
}

TEST(HttpServerTest, TellsAWaitingClientToGoOn) {
  const auto server = StartServer(Echo);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hi");
  EXPECT_EQ(StatusOf(client.ReadUntil("POST / hi")), 200);
}

TEST(HttpServerTest, OldClientsGetAStreamThatEndsWithTheConnection) {
  const auto server = StartServer([](HttpRequest, std::shared_ptr<HttpResponder> responder) {
    responder->BeginStream(200, {});
    responder->Write("a");
    responder->Write("b");
    responder->End();
  });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string answer = client.ReadToEnd();
  EXPECT_EQ(answer.find("Transfer-Encoding"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nab")) << answer;
}

TEST(HttpServerTest, ChunksArriveAsTheyAreWritten) {
  Inbox inbox;
  const auto server = StartServer(inbox.handler());
  RawClient client(server->port());
  client.Send(std::string(kGet) + kGet);
  const std::shared_ptr<HttpResponder> responder = inbox.Take();
  responder->BeginStream(200, {{"Content-Type", "text/event-stream"}});
  EXPECT_NE(client.ReadUntil("\r\n\r\n").find("text/event-stream"), std::string::npos);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(responder->Write("data: " + std::to_string(i) + "\n\n"));
    EXPECT_EQ(client.ReadUntil("\n\n\r\n"), "9\r\ndata: " + std::to_string(i) + "\n\n\r\n");
  }
  EXPECT_TRUE(responder->Write(""));  // would end the stream if it were sent
  responder->End();
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "0\r\n\r\n");
  EXPECT_FALSE(responder->Write("late"));
  responder->Respond(TextResponse("late"));
  inbox.Take()->Respond(TextResponse("second"));
  EXPECT_EQ(StatusOf(client.ReadUntil("second")), 200);
}

TEST(HttpServerTest, HeadersCannotBeForgedByTheirValues) {
  const auto server = StartServer([](HttpRequest, std::shared_ptr<HttpResponder> responder) {
    HttpResponse response;
    response.headers.Add("X-Name", "a\r\nX-Forged: b");
    responder->Respond(response);
  });
  RawClient client(server->port());
  client.Send(kGet);
  EXPECT_NE(client.ReadUntil("\r\n\r\n").find("X-Name: a  X-Forged: b\r\n"), std::string::npos);
}

TEST(HttpServerTest, ADroppedAnswerIsAnError) {
  const auto server =
      StartServer([](HttpRequest request, std::shared_ptr<HttpResponder> responder) {
        if (request.path != "/stream") return;
        responder->BeginStream(200, {});
        responder->Write("part");
      });
  HttpClient client;
  EXPECT_EQ(client.Fetch(Post(*server, "/", "")).response.status, 500);
  const HttpReply cut = client.Fetch(Post(*server, "/stream", ""));
  EXPECT_EQ(cut.status.code(), StatusCode::kUnavailable);
  EXPECT_FALSE(cut.never_sent);
}

// ---- Peers that go away

enum class Leaving { kClose, kReset, kHalf };

class HttpServerLeavingTest : public ::testing::TestWithParam<Leaving> {};

TEST_P(HttpServerLeavingTest, IsReportedOnce) {
  Inbox inbox;
  const auto server = StartServer(inbox.handler());
  RawClient client(server->port());
  client.Send(kGet);
  const std::shared_ptr<HttpResponder> responder = inbox.Take();
  responder->BeginStream(200, {});
  responder->Write("first");
  client.ReadUntil("first\r\n");
  Event gone;
  responder->OnDisconnect([&gone] { gone.Set(); });
  EXPECT_FALSE(responder->disconnected());
  switch (GetParam()) {
    case Leaving::kClose:
      client.Close();
      break;
    case Leaving::kReset:
      client.Reset();
      break;
    case Leaving::kHalf:
      client.CloseSending();
      break;
  }
  ASSERT_TRUE(gone.Wait());
  EXPECT_TRUE(responder->disconnected());
  Event soon;
  responder->OnDisconnect([&soon] { soon.Set(); });
  EXPECT_TRUE(soon.Wait());
  if (GetParam() == Leaving::kHalf) {  // it may still read
    EXPECT_TRUE(responder->Write("second"));
    responder->End();
    EXPECT_EQ(client.ReadToEnd(), "6\r\nsecond\r\n0\r\n\r\n");
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, HttpServerLeavingTest,
                         ::testing::Values(Leaving::kClose, Leaving::kReset, Leaving::kHalf));

TEST(HttpServerTest, AHalfClosedPeerGetsTheAnswersToWhatItSent) {
  Inbox inbox;
  const auto server = StartServer(inbox.handler());
  RawClient client(server->port());
  client.Send(std::string(kGet) + kGet + "GET / HT");
  client.CloseSending();
  inbox.Take()->Respond(TextResponse("one"));
  inbox.Take()->Respond(TextResponse("two"));
  const std::string answers = client.ReadToEnd();
  EXPECT_NE(answers.find("one"), std::string::npos);
  EXPECT_TRUE(answers.ends_with("two")) << answers;
}

TEST(HttpServerTest, NoDisconnectIsReportedAfterTheAnswer) {
  std::atomic<int> calls{0};
  const auto server = StartServer([&](HttpRequest, std::shared_ptr<HttpResponder> responder) {
    responder->OnDisconnect([&calls] { ++calls; });
    responder->Respond(TextResponse("done"));
  });
  {
    RawClient client(server->port());
    client.Send(kGet);
    client.ReadUntil("done");
  }
  server->Stop();
  EXPECT_EQ(calls, 0);
}

TEST(HttpServerTest, AStreamThatNobodyReadsIsCut) {
  Inbox inbox;
  HttpServerConfig config;
  config.max_unsent_bytes = 100'000;
  const auto server = StartServer(inbox.handler(), config);
  RawClient client(server->port());
  client.ShrinkReceiveBuffer();
  client.Send(kGet);
  const std::shared_ptr<HttpResponder> responder = inbox.Take();
  Event gone;
  responder->OnDisconnect([&gone] { gone.Set(); });
  responder->BeginStream(200, {});
  size_t taken = 0;
  while (taken < (size_t{1} << 30) && responder->Write(std::string(10'000, 'x'))) taken += 10'000;
  EXPECT_LT(taken, size_t{64} << 20);  // what the sockets hold, and the limit
  EXPECT_TRUE(gone.Wait());
  EXPECT_FALSE(responder->Write("more"));
}

TEST(HttpServerTest, AnAnswerThatNobodyReadsTimesOut) {
  HttpServerConfig config;
  config.write_timeout = milliseconds(100);
  Inbox inbox;
  const auto server = StartServer(inbox.handler(), config);
  RawClient client(server->port());
  client.ShrinkReceiveBuffer();
  client.Send(kGet);
  inbox.Take()->Respond(TextResponse(std::string(size_t{64} << 20, 'x')));
  while (server->stats().connections > 0) std::this_thread::yield();
}

// ---- Limits

TEST(HttpServerTest, LongBodiesAreRefusedBeforeTheyAreSent) {
  const auto server = StartServer(Echo);
  RawClient declared(server->port());
  declared.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\n\r\n");
  EXPECT_EQ(StatusOf(declared.ReadToEnd()), 413);
  RawClient waiting(server->port());
  waiting.Send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(StatusOf(waiting.ReadToEnd()), 413);
  EXPECT_EQ(server->stats().malformed, 2);
}

TEST(HttpServerTest, AGigabyteIsCutOffAtTheLimit) {
  HttpServerConfig config;
  config.max_body_bytes = 1 << 20;
  const auto server = StartServer(Echo, config);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  size_t sent = 0;
  while (sent < (size_t{1} << 30) && client.Send(chunk)) sent += 65536;
  EXPECT_LT(sent, size_t{1} << 30);
  EXPECT_EQ(server->stats().malformed, 1);
  EXPECT_EQ(server->stats().requests, 0);
}

// ---- What clients that send or read slowly may hold together

constexpr size_t kMiB = size_t{1} << 20;

std::string BodyHead(size_t size) {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
}

TEST(HttpServerTest, UnfinishedBodiesShareABudget) {
  HttpServerConfig config;
  config.max_buffered_bytes = 8 * kMiB;
  const auto server = StartServer(Echo, config);
  std::vector<std::unique_ptr<RawClient>> clients;
  int refused = 0;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<RawClient>(server->port()));
    if (!clients.back()->Send(BodyHead(2 * kMiB) + std::string(2 * kMiB - 1, 'x'))) ++refused;
  }
  // Whoever was refused hears it, the others are waited for.
  for (const auto& client : clients) {
    if (!client->IsSilent(50)) refused += StatusOf(client->ReadUntil("\r\n")) == 503;
  }
  EXPECT_GE(refused, 8);
  // A small request is served meanwhile, and a large one when there is room again.
  HttpClient client;
  EXPECT_EQ(client.Fetch(Post(*server, "/", "small")).response.body, "POST / small");
  clients.clear();
  HttpReply reply;
  for (int i = 0; i < 500 && reply.response.body.empty(); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    reply = client.Fetch(Post(*server, "/", std::string(2 * kMiB, 'x')));
  }
  EXPECT_EQ(reply.response.body.size(), 2 * kMiB + 7);
}

TEST(HttpServerTest, BodiesCountUntilTheyAreAnswered) {
  HttpServerConfig config;
  config.max_buffered_bytes = 3 * kMiB;
  std::mutex mutex;
  std::vector<std::pair<HttpRequest, std::shared_ptr<HttpResponder>>> held;
  const auto server = StartServer(
      [&](HttpRequest request, std::shared_ptr<HttpResponder> responder) {
        const std::lock_guard<std::mutex> lock(mutex);
        held.emplace_back(std::move(request), std::move(responder));
      },
      config);
  RawClient first(server->port());
  first.Send(BodyHead(kMiB) + std::string(kMiB, 'x'));
  for (int i = 0; i < 2000 && server->stats().requests == 0; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  RawClient second(server->port());
  second.Send(BodyHead(3 * kMiB) + std::string(3 * kMiB, 'x'));
  EXPECT_EQ(StatusOf(second.ReadUntil("\r\n")), 503);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    ASSERT_EQ(held.size(), 1U);
    held[0].second->Respond(TextResponse("done"));
    held.clear();
  }
  EXPECT_EQ(StatusOf(first.ReadUntil("done")), 200);
  RawClient third(server->port());
  third.Send(BodyHead(2 * kMiB) + std::string(2 * kMiB, 'x'));
  for (int i = 0; i < 2000 && server->stats().requests == 1; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(server->stats().requests, 2);
  const std::lock_guard<std::mutex> lock(mutex);
  held.clear();
}

TEST(HttpServerTest, AnswersThatNobodyReadsShareABudget) {
  HttpServerConfig config;
  config.max_buffered_bytes = 16 * kMiB;
  const auto server = StartServer(
      [](HttpRequest request, std::shared_ptr<HttpResponder> responder) {
        const size_t size = request.path == "/large" ? 12 * kMiB : 100;
        responder->Respond(TextResponse(std::string(size, 'x')));
      },
      config);
  RawClient deaf(server->port());
  deaf.ShrinkReceiveBuffer();
  deaf.Send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(deaf.IsSilent(20'000));  // it has begun
  RawClient other(server->port());
  other.Send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(StatusOf(other.ReadUntil("\r\n")), 503);
  RawClient small(server->port());
  small.Send(kGet);
  EXPECT_EQ(StatusOf(small.ReadUntil("xxx")), 200);
}

TEST(HttpServerTest, AnAnswerThatIsReadByDripsTimesOut) {
  HttpServerConfig config;
  config.write_timeout = milliseconds(300);
  const auto server = StartServer(
      [](HttpRequest, std::shared_ptr<HttpResponder> responder) {
        responder->Respond(TextResponse(std::string(32 * kMiB, 'x')));
      },
      config);
  RawClient client(server->port());
  client.ShrinkReceiveBuffer();
  client.Send(kGet);
  // A little in each time-out, so that some of it always moves.
  bool open = true;
  for (int i = 0; i < 200 && open; ++i) {
    std::this_thread::sleep_for(milliseconds(50));
    client.ReadUntil("x");
    open = server->stats().connections > 0;
  }
  EXPECT_FALSE(open);
}

TEST(HttpServerTest, LongTargetsAndHeadersAreRefused) {
  const auto server = StartServer(Echo);
  RawClient target(server->port());
  target.Send("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(StatusOf(target.ReadToEnd()), 414);
  RawClient header(server->port());
  header.Send("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(20000, 'a') + "\r\n\r\n");
  EXPECT_EQ(StatusOf(header.ReadToEnd()), 431);
}

TEST(HttpServerTest, SlowSendersAreCutOff) {
  HttpServerConfig config;
  config.header_timeout = config.body_timeout = config.idle_timeout = milliseconds(200);
  const auto server = StartServer(Echo, config);
  // Each byte comes in good time, but the whole never does.
  const auto drip = [&](const std::string& start) {
    RawClient client(server->port());
    client.Send(start);
    while (client.IsSilent(20) && client.Send("a")) {
    }
    return client.ReadToEnd();
  };
  EXPECT_EQ(StatusOf(drip("GET / HTTP/1.1\r\nHost: ")), 408);
  EXPECT_EQ(StatusOf(drip("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")), 408);
  RawClient silent(server->port());
  EXPECT_EQ(silent.ReadToEnd(), "");
  RawClient idle(server->port());
  idle.Send(kGet);
  EXPECT_TRUE(idle.ReadToEnd().ends_with("GET / "));
}

TEST(HttpServerTest, TooManyConnectionsAreToldSo) {
  HttpServerConfig config;
  config.max_connections = 2;
  const auto server = StartServer(Echo, config);
  RawClient first(server->port());
  auto second = std::make_unique<RawClient>(server->port());
  for (RawClient* client : {&first, second.get()}) {
    client->Send(kGet);
    EXPECT_EQ(StatusOf(client->ReadUntil("GET / ")), 200);
  }
  RawClient third(server->port());
  EXPECT_EQ(StatusOf(third.ReadToEnd()), 503);
  EXPECT_EQ(server->stats().rejected, 1);
  third.Close();
  second.reset();
  while (server->stats().connections > 1) std::this_thread::yield();
  RawClient fourth(server->port());
  fourth.Send(kGet);
  EXPECT_EQ(StatusOf(fourth.ReadUntil("GET / ")), 200);
}

TEST(HttpServerTest, SurvivesAThousandMalformedRequests) {
  HttpServerConfig config;
  config.header_timeout = config.body_timeout = milliseconds(50);
  const auto server = StartServer(Echo, config);
  std::mt19937 random(11);
  const std::string words[] = {"GET ",
                               "/ ",
                               "HTTP/1.1\r\n",
                               "Host: h\r\n",
                               "\r\n",
                               "Content-Length: ",
                               "-1",
                               "99",
                               "Transfer-Encoding: chunked\r\n",
                               "zz\r\n",
                               "%",
                               "\xff",
                               std::string(2, '\0'),
                               std::string(5000, 'a'),
                               ":",
                               " ",
                               "PUT "};
  for (int round = 0; round < 1000; ++round) {
    RawClient client(server->port());
    std::string text = random() % 2 == 0 ? "POST / HTTP/1.1\r\nHost: h\r\n" : "";
    for (int i = 0; i < 10; ++i) text += words[random() % std::size(words)];
    client.Send(text);
    if (random() % 3 == 0) client.Reset();
    if (random() % 3 == 1) client.CloseSending();
  }
  HttpClient client;
  EXPECT_EQ(client.Fetch(Post(*server, "/", "alive")).response.body, "POST / alive");
}

TEST(HttpServerTest, AThousandIdleStreamsNeedNoThreads) {
  constexpr int kStreams = 1000;
  constexpr uint64_t kDescriptors = 2 * kStreams + 100;
  if (RaiseDescriptorLimit(kDescriptors) < kDescriptors)
    GTEST_SKIP() << "too few descriptors are allowed";
  Inbox inbox;
  const auto server = StartServer(inbox.handler());
  const int threads = CountThreads();
  std::vector<std::unique_ptr<RawClient>> clients;
  std::vector<std::shared_ptr<HttpResponder>> responders;
  for (int i = 0; i < kStreams; ++i) {
    clients.push_back(std::make_unique<RawClient>(server->port()));
    clients.back()->Send(kGet);
    responders.push_back(inbox.Take());
    responders.back()->BeginStream(200, {});
  }
  EXPECT_EQ(CountThreads(), threads);
  EXPECT_EQ(server->stats().connections, kStreams);
  for (int i = 0; i < kStreams; ++i) {
    EXPECT_TRUE(responders[static_cast<size_t>(i)]->Write(std::to_string(i) + ";"));
    responders[static_cast<size_t>(i)]->End();
  }
  for (int i = 0; i < kStreams; ++i) {
    const std::string answer = clients[static_cast<size_t>(i)]->ReadUntil("0\r\n\r\n");
    EXPECT_NE(answer.find(std::string("\n").append(std::to_string(i)).append(";")),
              std::string::npos);
  }
}

TEST(HttpServerTest, ManyClientsAtOnceGetTheirOwnAnswers) {
  const auto server = StartServer(Echo);
  HttpClient client;
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string body = std::to_string(t) + "/" + std::to_string(i);
        right += client.Fetch(Post(*server, "/", body)).response.body == "POST / " + body;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 1600);
}

// ---- The end

TEST(HttpServerTest, DrainLetsRunningRequestsEnd) {
  Inbox inbox;
  const auto server = StartServer(inbox.handler());
  RawClient idle(server->port());
  RawClient client(server->port());
  client.Send(kGet);
  const std::shared_ptr<HttpResponder> responder = inbox.Take();
  EXPECT_FALSE(server->Drain(milliseconds(10)));
  EXPECT_EQ(idle.ReadToEnd(), "");
  responder->Respond(TextResponse("late but whole"));
  const std::string answer = client.ReadToEnd();
  EXPECT_TRUE(answer.ends_with("late but whole"));
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  client.Close();
  EXPECT_TRUE(server->Drain(std::chrono::seconds(20)));
  HttpClient after;
  const HttpReply refused = after.Fetch(Post(*server, "/", ""));
  EXPECT_EQ(refused.status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(refused.never_sent);
}

TEST(HttpServerTest, StopTellsRunningRequestsAndRespondersOutliveIt) {
  Inbox inbox;
  auto server = StartServer(inbox.handler());
  RawClient client(server->port());
  client.Send(kGet);
  const std::shared_ptr<HttpResponder> responder = inbox.Take();
  std::atomic<bool> told{false};
  responder->OnDisconnect([&told] { told = true; });
  server->Stop();
  EXPECT_TRUE(told);
  server.reset();
  EXPECT_TRUE(responder->disconnected());
  responder->Respond(TextResponse("nobody hears this"));
  EXPECT_EQ(client.ReadToEnd(), "");
}

}  // namespace
}  // namespace qed

// The generator against servers that a script plays: deaths, refusals, nonsense.
#include "remote/remote_generator.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <sstream>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_server.h"
#include "net/sse.h"

namespace qed {
namespace {

using ::testing::HasSubstr;
using Responder = std::shared_ptr<HttpResponder>;

std::string Token(int id) {
  std::ostringstream event;
  event << R"({"choices": [{"text": "<)" << id << R"(>", "token_ids": [)" << id
        << R"(], "prompt_token_ids": [1]}]})";
  return FormatSse(event.str());
}
std::string End() { return FormatSse(R"({"choices": [{"text": "", "finish_reason": "stop"}]})"); }

// A server of kind qed whose completions `script` plays; the number of the request
// comes with it. Its tokens are letters.
class ScriptedServer {
 public:
  using Script = std::function<void(int number, const std::string& body, const Responder&)>;

  explicit ScriptedServer(Script script, const std::string& owner = "qed")
      : script_(std::move(script)), owner_(owner) {
    server_ = *HttpServer::Start(
        {}, [this](HttpRequest request, Responder responder) { Handle(request, responder); });
  }

  std::string url() const { return server_->url(); }
  int completions() const { return completions_.load(); }
  void Stop() { server_->Stop(); }

 private:
  void Handle(const HttpRequest& request, const Responder& responder) {
    if (request.path == "/v1/models") {
      std::ostringstream models;
      models << R"({"data": [{"id": "m", "max_model_len": 500, "owned_by": ")" << owner_ << "\"}]}";
      return responder->Respond(JsonResponse(200, models.str()));
    }
    if (request.path == "/tokenize") {
      return responder->Respond(JsonResponse(200, R"({"tokens": [5, 6, 7]})"));
    }
    if (request.path != "/v1/completions") return responder->Respond(JsonError(404, "no"));
    script_(completions_++, request.body, responder);
  }

  const Script script_;
  const std::string owner_;
  std::atomic<int> completions_{0};
  std::unique_ptr<HttpServer> server_;
};

// Ends a stream after `tokens` with a proper end.
void Stream(const Responder& responder, const std::vector<int>& tokens) {
  responder->BeginStream(200, {{"Content-Type", "text/event-stream"}});
  for (const int token : tokens) responder->Write(Token(token));
  responder->Write(End());
  responder->Write(FormatSse("[DONE]"));
  responder->End();
}

std::unique_ptr<RemoteGenerator> Connect(const std::vector<std::string>& urls,
                                         RemoteOptions options = {}) {
  for (const std::string& url : urls) options.servers.push_back(*ParseServerAddress(url, ""));
  auto generator = RemoteGenerator::Connect(std::move(options));
  EXPECT_TRUE(generator.ok()) << generator.status().message();
  return generator.ok() ? *std::move(generator) : nullptr;
}

Segment Generate(GenerationStream& stream, const std::string& text = "p", int32_t tokens = 10) {
  std::promise<Segment> promise;
  stream.Generate(text, tokens, [&](Segment segment) { promise.set_value(std::move(segment)); });
  return promise.get_future().get();
}

TEST(RemoteGeneratorTest, ASampleOutlivesItsServer) {
  std::mutex mutex;  // guards what follows
  Responder dying;
  std::string second_body;
  const auto last_body = [&] {
    const std::lock_guard lock(mutex);
    return second_body;
  };
  ScriptedServer dies([&](int, const std::string&, const Responder& responder) {
    const std::lock_guard lock(mutex);
    dying = responder;
    responder->BeginStream(200, {});
    responder->Write(Token(2) + Token(3) + "data: {\"choices\": [{\"te");
  });
  ScriptedServer lives([&](int, const std::string& body, const Responder& responder) {
    const std::lock_guard lock(mutex);
    second_body = body;
    Stream(responder, {3, 4});
  });
  const auto generator = Connect({dies.url(), lives.url()});
  auto stream = *generator->Open({});
  std::promise<Segment> promise;
  stream->Generate("p", 10, [&](Segment got) { promise.set_value(std::move(got)); });
  while (generator->tokens_generated() < 2) std::this_thread::yield();
  {
    const std::lock_guard lock(mutex);
    dying.reset();  // The last pointer to the answer: the connection is cut.
  }
  const Segment segment = promise.get_future().get();
  EXPECT_EQ(segment.finish, Segment::Finish::kStop) << segment.error.message();
  EXPECT_EQ(segment.text, "<2><3><4>");
  EXPECT_EQ(segment.num_tokens, 3);
  EXPECT_EQ(generator->tokens_generated(), 3);
  EXPECT_THAT(last_body(), HasSubstr("\"generated_ranges\":[[1,2]]"));
  EXPECT_THAT(last_body(), HasSubstr("\"prompt\":[1,2]"));
  // The next stretch stays where this one was, and sends ids.
  EXPECT_EQ(Generate(*stream, "out").text, "<3><4>");
  EXPECT_THAT(last_body(), HasSubstr("\"prompt\":[1,2,3,4,5,6,7]"));
  EXPECT_EQ(dies.completions(), 1);
}

TEST(RemoteGeneratorTest, BusyServersAreAskedLater) {
  ScriptedServer server([](int number, const std::string&, const Responder& responder) {
    if (number == 0) {
      return responder->Respond({.status = 429, .headers = {{"Retry-After", "0.01"}}, .body = ""});
    }
    if (number == 1) return responder->Respond({.status = 429, .headers = {}, .body = ""});
    Stream(responder, {2});
  });
  const auto generator = Connect({server.url()});
  auto stream = *generator->Open({});
  EXPECT_EQ(Generate(*stream).text, "<2>");
  EXPECT_EQ(server.completions(), 3);
}

TEST(RemoteGeneratorTest, NonsenseCountsAsAFailure) {
  const std::vector<std::string> nonsense = {
      "data: {\n\n",
      "data: {\"choices\": 7}\n\n",
      "data: {\"error\": {\"message\": \"engine died\"}}\n\n",
      Token(2) + Token(3) + Token(4),  // more than asked for
      "data: " + std::string(5 << 20, 'x'),
      "<html>",
  };
  ScriptedServer server([&](int number, const std::string&, const Responder& responder) {
    const auto index = static_cast<size_t>(number);
    if (index >= nonsense.size()) return Stream(responder, {8});
    responder->BeginStream(200, {});
    responder->Write(nonsense[index]);
    responder->End();
  });
  ScriptedServer other([&](int, const std::string&, const Responder& responder) {
    responder->Respond({.status = 500, .headers = {}, .body = ""});
  });
  const auto generator = Connect({server.url(), other.url()});
  auto stream = *generator->Open({});
  const Segment segment = Generate(*stream, "p", 2);
  // Of too many tokens those that were asked for are right.
  EXPECT_EQ(segment.text, "<2><8>") << segment.error.message();
}

TEST(RemoteGeneratorTest, AnEndThatNobodyKnowsEndsItsSampleAlone) {
  ScriptedServer server([](int number, const std::string&, const Responder& responder) {
    if (number > 0) return Stream(responder, {8});
    responder->BeginStream(200, {});
    responder->Write(Token(2));
    responder->Write(
        FormatSse(R"({"choices": [{"text": "", "finish_reason": "content_filter"}]})"));
    responder->End();
  });
  const auto generator = Connect({server.url()});
  const Segment segment = Generate(**generator->Open({}));
  EXPECT_EQ(segment.finish, Segment::Finish::kError);
  EXPECT_EQ(segment.error.code(), StatusCode::kInvalidArgument) << "of one sample";
  EXPECT_THAT(segment.error.message(), HasSubstr("content_filter"));
  EXPECT_EQ(segment.text, "<2>") << "what there was is kept";
  EXPECT_EQ(server.completions(), 1);
  EXPECT_EQ(Generate(**generator->Open({})).text, "<8>");
}

TEST(RemoteGeneratorTest, GarbageOfAServerThatWorksEndsItsSampleAlone) {
  ScriptedServer server([](int number, const std::string& body, const Responder& responder) {
    if (number > 0 && body.find("bad") == std::string::npos) return Stream(responder, {8});
    responder->BeginStream(200, {});
    responder->Write("data: {\"choices\": [{\"text\": \"\xF0\x9F\"}]}\n\n");
    responder->End();
  });
  const auto generator = Connect({server.url()});
  // Before the server has shown that it can do better, it is to blame.
  EXPECT_EQ(Generate(**generator->Open({})).text, "<8>");
  const Segment segment = Generate(**generator->Open({}), "bad");
  EXPECT_EQ(segment.error.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(segment.error.message(), HasSubstr("UTF-8"));
  EXPECT_EQ(Generate(**generator->Open({})).text, "<8>");
}

TEST(RemoteGeneratorTest, NobodyWaitsForAServerThatDoesNotAnswer) {
  RemoteOptions options;
  options.patience = 0.1;
  std::unique_ptr<RemoteGenerator> generator;
  {
    ScriptedServer server(
        [](int, const std::string&, const Responder& responder) { Stream(responder, {8}); });
    generator = Connect({server.url()}, options);
    const auto stream = *generator->Open({});
    EXPECT_EQ(Generate(*stream).text, "<8>");
    EXPECT_THAT(generator->Places(), HasSubstr(" (0)"));
    server.Stop();
    const Clock::Time begin = Clock::Real().Now();
    EXPECT_EQ(generator->CountTokens("a new text"), 4) << "guessed";
    std::promise<Segment> promise;
    stream->Generate("a new text", 5, [&](Segment segment) { promise.set_value(segment); });
    EXPECT_LT(Seconds(Clock::Real().Now() - begin), 5) << "the caller is free again";
    const Segment segment = promise.get_future().get();
    EXPECT_EQ(segment.error.code(), StatusCode::kUnavailable);
    EXPECT_THAT(segment.error.message(), HasSubstr("no server answers any more"));
    EXPECT_THAT(generator->Places(), HasSubstr(" (away)"));
  }
}

TEST(RemoteGeneratorTest, RefusalsEndTheRunOrTheSample) {
  ScriptedServer server([](int number, const std::string&, const Responder& responder) {
    if (number == 0) {
      return responder->Respond(
          JsonResponse(400, R"({"error": {"message": "unknown field min_p", "param": "min_p"}})"));
    }
    if (number == 1) {
      return responder->Respond(JsonResponse(400, R"({"message": "over the context length"})"));
    }
    responder->Respond(JsonResponse(401, R"({"error": "no key"})"));
  });
  const auto generator = Connect({server.url()});
  Segment segment = Generate(**generator->Open({}));
  EXPECT_EQ(segment.error.code(), StatusCode::kUnavailable);
  EXPECT_THAT(segment.error.message(), HasSubstr("min_p"));
  segment = Generate(**generator->Open({}));
  EXPECT_EQ(segment.error.code(), StatusCode::kInvalidArgument);
  segment = Generate(**generator->Open({}));
  EXPECT_EQ(segment.error.code(), StatusCode::kUnavailable);
  EXPECT_THAT(segment.error.message(), HasSubstr("401"));
}

TEST(RemoteGeneratorTest, WithoutAnyServerStreamsFailInOneLine) {
  std::mutex mutex;
  std::string news;
  RemoteOptions options;
  options.patience = 0.1;
  options.on_news = [&](const std::string& line) {
    const std::lock_guard lock(mutex);
    news += line + "\n";
  };
  std::unique_ptr<RemoteGenerator> generator;
  {
    ScriptedServer server([](int, const std::string&, const Responder&) {});
    generator = Connect({server.url()}, options);
  }
  const Segment segment = Generate(**generator->Open({}));
  EXPECT_EQ(segment.finish, Segment::Finish::kError);
  EXPECT_EQ(segment.error.code(), StatusCode::kUnavailable);
  EXPECT_THAT(segment.error.message(), HasSubstr("no server answers any more; 127.0.0.1"));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(news, HasSubstr("cannot connect"));
}

TEST(RemoteGeneratorTest, CancelClosesTheConnectionAndKeepsTheText) {
  std::promise<void> gone;
  std::mutex mutex;
  std::vector<Responder> kept;
  ScriptedServer server([&](int, const std::string&, const Responder& responder) {
    responder->OnDisconnect([&] { gone.set_value(); });
    responder->BeginStream(200, {});
    responder->Write(Token(2));
    const std::lock_guard lock(mutex);
    kept.push_back(responder);
  });
  RemoteOptions options;
  options.samples_per_server = 1;
  const auto generator = Connect({server.url()}, options);
  auto running = *generator->Open({});
  auto queued = *generator->Open({});
  std::promise<Segment> first, second;
  running->Generate("p", 10, [&](Segment segment) { first.set_value(std::move(segment)); });
  queued->Generate("p", 10, [&](Segment segment) { second.set_value(std::move(segment)); });
  while (generator->tokens_generated() == 0) std::this_thread::yield();
  queued->Cancel();
  EXPECT_EQ(second.get_future().get().finish, Segment::Finish::kCancelled);
  running->Cancel();
  const Segment segment = first.get_future().get();
  EXPECT_EQ(segment.finish, Segment::Finish::kCancelled);
  EXPECT_EQ(segment.text, "<2>");
  gone.get_future().wait();
  EXPECT_EQ(server.completions(), 1);
  running->Cancel();  // Nothing runs: no harm.
}

TEST(RemoteGeneratorTest, SamplesSpreadOverServersUpToTheirRoom) {
  constexpr int kSamples = 40;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Responder> waiting;
  const auto hold = [&](int, const std::string&, const Responder& responder) {
    const std::lock_guard lock(mutex);
    waiting.push_back(responder);
    changed.notify_all();
  };
  ScriptedServer a(hold), b(hold);
  RemoteOptions options;
  options.samples_per_server = 4;
  const auto generator = Connect({a.url(), b.url()}, options);
  EXPECT_EQ(generator->max_concurrent(), 8);
  std::vector<std::unique_ptr<GenerationStream>> streams;
  std::atomic<int> done = 0;
  for (int i = 0; i < kSamples; ++i) {
    streams.push_back(*generator->Open({}));
    streams.back()->Generate("p", 10, [&](const Segment& segment) {
      EXPECT_EQ(segment.text, "<2>");
      ++done;
      changed.notify_all();
    });
  }
  bool looked = false;
  for (int answered = 0; answered < kSamples; ++answered) {
    Responder next;
    {
      std::unique_lock lock(mutex);
      const size_t at_work = std::min<size_t>(8, static_cast<size_t>(kSamples - answered));
      changed.wait(lock, [&] { return waiting.size() >= at_work; });
      EXPECT_EQ(waiting.size(), at_work);
      next = waiting.front();
      waiting.erase(waiting.begin());
    }
    if (!std::exchange(looked, true)) {
      EXPECT_EQ(a.completions(), 4);
      EXPECT_EQ(b.completions(), 4);
    }
    Stream(next, {2});
  }
  while (done < kSamples) std::this_thread::yield();
}

TEST(RemoteGeneratorTest, OnlyServersThatAreAlikeAreJoined) {
  const auto idle = [](int, const std::string&, const Responder&) {};
  ScriptedServer ours(idle), other(idle, "someone");
  RemoteOptions options;
  options.servers = {*ParseServerAddress(ours.url(), ""), *ParseServerAddress(other.url(), "")};
  auto generator = RemoteGenerator::Connect(options);
  EXPECT_EQ(generator.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(generator.status().message(), HasSubstr("must have the same"));

  options.servers.pop_back();
  options.model = "another";
  EXPECT_THAT(RemoteGenerator::Connect(options).status().message(), HasSubstr("no model another"));

  options.model = "";
  options.connect_patience = 0;
  options.servers.clear();
  {
    ScriptedServer gone(idle);
    options.servers.push_back(*ParseServerAddress(gone.url(), ""));
  }
  EXPECT_EQ(RemoteGenerator::Connect(options).status().code(), StatusCode::kUnavailable);
}

TEST(RemoteGeneratorTest, CountsTokens) {
  ScriptedServer server([](int, const std::string&, const Responder&) {});
  const auto generator = Connect({server.url()});
  EXPECT_EQ(generator->CountTokens("whatever"), 3);
  EXPECT_EQ(generator->max_seq_len(), 500);
}

}  // namespace
}  // namespace qed

#include "sandbox/remote_sandbox.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "net/http_server.h"
#include "sandbox/protocol.h"
#include "sandbox/server.h"
#include "sandbox/test_support.h"

namespace qed {
namespace {

// A server whose answers to /execute the test makes.
class FakeServer {
 public:
  using Answer = std::function<void(const HttpRequest&, std::shared_ptr<HttpResponder>)>;

  explicit FakeServer(Answer answer) : answer_(std::move(answer)) {
    server_ = *HttpServer::Start({}, [this](HttpRequest request, auto responder) {
      if (request.path == "/p/health") return responder->Respond(JsonResponse(200, "{}"));
      if (request.method == "DELETE") {
        ++deletes;
        return responder->Respond(JsonError(404, "none"));
      }
      ++executes;
      answer_(request, std::move(responder));
    });
  }
  ~FakeServer() { server_->Stop(); }

  std::unique_ptr<RemoteSandbox> Connect() {
    auto sandbox = RemoteSandbox::Connect(server_->url() + "/p/", 10);
    QED_CHECK(sandbox.ok()) << sandbox.status().message();
    return *std::move(sandbox);
  }

  std::atomic<int> executes{0};
  std::atomic<int> deletes{0};

 private:
  const Answer answer_;
  std::unique_ptr<HttpServer> server_;
};

TEST(RemoteSandboxTest, RequestAndReplyCrossUnchanged) {
  ExecuteRequest seen;
  FakeServer server([&seen](const HttpRequest& request, auto responder) {
    Result<ExecuteRequest> parsed =
        ParseExecuteRequest(request.body, request.headers.Find(kSessionHeader));
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    seen = *std::move(parsed);
    ExecuteResult result;
    result.process_status = kTimeout;
    result.out = "o\n\xCF\x80";
    result.err = "e";
    result.new_session_created = true;
    responder->Respond(JsonResponse(200, FormatExecuteResult(result)));
  });
  ExecuteRequest request{"id/1", "x = '\xCF\x80'", 2.5, 77};
  request.std_input = "in";
  request.traceback_verbosity = TracebackVerbosity::kContext;
  const Result<ExecuteResult> result = server.Connect()->Execute(request);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(seen.session_id, request.session_id);
  EXPECT_EQ(seen.generated_code, request.generated_code);
  EXPECT_EQ(seen.timeout, request.timeout);
  EXPECT_EQ(seen.max_output_characters, 77);
  EXPECT_EQ(seen.std_input, "in");
  EXPECT_EQ(seen.traceback_verbosity, TracebackVerbosity::kContext);
  EXPECT_EQ(result->process_status, kTimeout);
  EXPECT_EQ(result->out, "o\n\xCF\x80");
  EXPECT_EQ(result->err, "e");
  EXPECT_TRUE(result->new_session_created);
}

TEST(RemoteSandboxTest, OverloadIsWaitedOut) {
  FakeServer server([&server](const HttpRequest&, auto responder) {
    if (server.executes == 1) {
      HttpResponse busy = JsonError(503, "busy");
      busy.headers.Add("Retry-After", "0.01");
      return responder->Respond(busy);
    }
    responder->Respond(JsonResponse(200, FormatExecuteResult({})));
  });
  EXPECT_TRUE(server.Connect()->Execute({"s", "1"}).ok());
  EXPECT_EQ(server.executes, 2);
}

TEST(RemoteSandboxTest, WhatMayHaveRunIsNotRepeated) {
  FakeServer server([](const HttpRequest& request, std::shared_ptr<HttpResponder> responder) {
    if (request.headers.Find(kSessionHeader)->starts_with("cut")) {
      responder->BeginStream(200, {});
      responder->Write("{");
    } else if (request.headers.Find(kSessionHeader)->starts_with("error")) {
      responder->Respond(JsonError(500, "it\nbroke"));
    } else {
      responder->Respond(JsonResponse(200, "{\"process_status\": \"odd\"}"));
    }
  });
  const auto sandbox = server.Connect();
  EXPECT_EQ(sandbox->Execute({"cut", "1"}).status().code(), StatusCode::kUnavailable);
  const Status error = sandbox->Execute({"error", "1"}).status();
  EXPECT_EQ(error.code(), StatusCode::kUnavailable);
  EXPECT_NE(error.message().find("500 Internal Server Error: it broke"), std::string::npos);
  EXPECT_EQ(sandbox->Execute({"odd", "1"}).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(server.executes, 3);
}

TEST(RemoteSandboxTest, ClosingASessionEndsItsCall) {
  std::mutex mutex;
  std::vector<std::shared_ptr<HttpResponder>> kept;
  FakeServer server([&](const HttpRequest&, std::shared_ptr<HttpResponder> responder) {
    const std::lock_guard<std::mutex> lock(mutex);
    kept.push_back(std::move(responder));
  });
  const auto sandbox = server.Connect();
  std::thread closer([&] {
    while (server.executes == 0) std::this_thread::yield();
    sandbox->CloseSession("s");
  });
  EXPECT_EQ(sandbox->Execute({"s", "1"}).status().code(), StatusCode::kCancelled);
  closer.join();
  EXPECT_EQ(server.deletes, 1);
}

TEST(RemoteSandboxTest, AServerThatIsNotThereIsNamed) {
  const auto nobody = RemoteSandbox::Connect("http://127.0.0.1:1", 0.2);
  ASSERT_FALSE(nobody.ok());
  EXPECT_NE(nobody.status().message().find("127.0.0.1:1"), std::string::npos);
  EXPECT_EQ(RemoteSandbox::Connect("ftp://a", 1).status().code(), StatusCode::kInvalidArgument);
}

// ---- With the real server

TEST(RemoteSandboxTest, WorksAsALocalOneDoes) {
  SandboxServerConfig config;
  config.port = 0;
  Result<std::unique_ptr<SandboxServer>> server = SandboxServer::Start(config, SandboxConfig());
  ASSERT_TRUE(server.ok()) << server.status().message();
  const auto connected = RemoteSandbox::Connect((*server)->url(), 10);
  ASSERT_TRUE(connected.ok()) << connected.status().message();
  RemoteSandbox& remote = **connected;
  const std::string code = "import random\nx = random.random()\nx";
  for (const char* id : {"p1/s2", "with space \xCF\x80"}) {
    const Result<ExecuteResult> first = remote.Execute({id, code});
    ASSERT_TRUE(first.ok()) << first.status().message();
    EXPECT_TRUE(first->new_session_created);
    EXPECT_EQ(remote.Execute({id, "x"})->out, first->out);
    remote.CloseSession(id);
    remote.CloseSession(id);
    EXPECT_TRUE(remote.Execute({id, "1"})->new_session_created);
  }
  // The same numbers as at home.
  EXPECT_EQ(remote.Execute({"p2", code})->out, RunIn(SharedSandbox(), "p2", code).out);
  SharedSandbox().CloseSession("p2");
  std::thread closer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    remote.CloseSession("long");
  });
  EXPECT_EQ(remote.Execute({"long", "import time\ntime.sleep(100)", 200}).status().code(),
            StatusCode::kCancelled);
  closer.join();
  (*server)->Drain();
}

}  // namespace
}  // namespace qed

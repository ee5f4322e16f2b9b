// With replicas of which the process is a shell that sleeps and the server is the test's.
#include "serve/replicas/replica_front.h"

#include <csignal>
#include <deque>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "net/sse.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using Responder = std::shared_ptr<HttpResponder>;
using Answer = std::function<void(const Responder&)>;

const std::string kRole =
    FormatSse(R"({"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]})");
const std::string kText =
    FormatSse(R"({"choices":[{"delta":{"content":"4"},"finish_reason":null}]})");

Answer Whole(int status, const std::string& body) {
  return [=](const Responder& responder) {
    HttpResponse response = JsonResponse(status, body);
    if (status >= 429) response.headers.Add("Retry-After", "7");
    responder->Respond(response);
  };
}

// Events; `end`: and their end, else the connection is cut behind them.
Answer Stream(const std::string& events, bool end) {
  return [=](const Responder& responder) {
    responder->BeginStream(200, {{"Content-Type", "text/event-stream"}});
    responder->Write(events);
    if (end) return responder->End();
    // The bytes go out before the cut.
    std::thread([responder] { std::this_thread::sleep_for(200ms); }).detach();
  };
}

// What a replica serves. Thread-safe.
class FakeReplica {
 public:
  FakeReplica() {
    server_ = *HttpServer::Start(
        {}, [this](HttpRequest request, Responder responder) { Handle(request, responder); });
  }

  uint16_t port() const { return server_->port(); }
  void Say(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  void BeWell(bool well) { well_ = well; }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Handle(const HttpRequest& request, const Responder& responder) {
    if (request.path == "/health") return Whole(well_ ? 200 : 503, "{}")(responder);
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      answer = answer_;
    }
    answer(responder);
  }

  mutable std::mutex mutex_;
  Answer answer_ = Whole(200, R"({"id": "fake"})");
  std::vector<HttpRequest> requests_;
  std::atomic<bool> well_ = true;
  std::unique_ptr<HttpServer> server_;
};

ChildProcess::Command Shell(const std::string& script) {
  return {
      .program = "/bin/sh", .words = {"sh", "-c", script}, .environment = {"PATH=/usr/bin:/bin"}};
}

class ReplicaFrontTest : public testing::Test {
 protected:
  // REQUIRES: not started yet.
  void Start(int32_t count, double stall_seconds = 30) {
    while (replicas_.size() < static_cast<size_t>(count)) replicas_.emplace_back();
    ReplicaPoolConfig pool;
    pool.count = count;
    pool.max_ahead = 2;
    pool.stall_seconds = stall_seconds;
    pool.api_key = "inner";
    pool.command = [this](int32_t i) {
      return Shell("echo serving x at http://127.0.0.1:" +
                   std::to_string(replicas_[static_cast<size_t>(i)].port()) + "; exec sleep 1000");
    };
    Start(std::move(pool));
    ASSERT_TRUE(front_->WaitReady(stop_).ok());
  }
  void Start(ReplicaPoolConfig pool) {
    pool.log = [this](int32_t replica, const std::string& line) {
      const std::lock_guard lock(mutex_);
      log_.push_back(std::to_string(replica) + ": " + line);
    };
    ServeConfig serve;
    serve.port = 0;
    Result<std::unique_ptr<ReplicaFront>> front =
        ReplicaFront::Start(serve, std::move(pool), "do it");
    ASSERT_TRUE(front.ok()) << front.status().message();
    front_ = *std::move(front);
  }

  HttpReply Fetch(const std::string& method, const std::string& target, std::string body = "") {
    HttpFetch fetch;
    fetch.method = method;
    fetch.url = *ParseUrl(front_->url() + target);
    fetch.body = std::move(body);
    if (!fetch.body.empty()) fetch.headers.Add("Content-Type", "application/json");
    fetch.deadline = Clock::Real().Now() + 20s;
    return client_.Fetch(fetch);
  }
  HttpReply Ask(const std::string& prompt = "x") {
    return Fetch("POST", "/v1/completions", json({{"prompt", prompt}}).dump());
  }
  json Health() { return json::parse(Fetch("GET", "/health").response.body); }
  // Of a replica, from /health, once `field` is `value`. Fails the test after 20 s.
  json Await(int32_t replica, const char* field, const json& value) {
    json found;
    for (int i = 0; i < 800; ++i) {
      found = Health()["replicas"][static_cast<size_t>(replica)];
      if (found[field] == value) return found;
      std::this_thread::sleep_for(25ms);
    }
    ADD_FAILURE() << field << " never came to be " << value << ": " << found;
    return found;
  }
  std::string Metrics() { return Fetch("GET", "/metrics").response.body; }
  size_t RequestsOf(size_t replica) { return replicas_[replica].requests().size(); }

  std::deque<FakeReplica> replicas_;
  HttpClient client_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<std::string> log_;
  std::unique_ptr<ReplicaFront> front_;
};

TEST_F(ReplicaFrontTest, SendsRequestsOnAndAnswersBack) {
  Start(1);
  replicas_[0].Say([](const Responder& responder) {
    responder->Respond({.status = 418,
                        .headers = {{"X-Own", "1"}, {"Content-Type", "text/plain"}},
                        .body = "tea"});
  });
  const HttpReply reply = Fetch("POST", "/some%20where?x=1", R"({"prompt": "y"})");
  ASSERT_TRUE(reply.status.ok()) << reply.status.message();
  EXPECT_EQ(reply.response.status, 418);
  EXPECT_EQ(reply.response.body, "tea");
  EXPECT_EQ(*reply.response.headers.Find("X-Own"), "1");
  for (const char* once : {"Date", "Content-Length", "Content-Type"}) {
    EXPECT_EQ(reply.response.headers.Count(once), 1u) << once;
  }
  const std::vector<HttpRequest> requests = replicas_[0].requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/some%20where?x=1");
  EXPECT_EQ(requests[0].body, R"({"prompt": "y"})");
  EXPECT_EQ(*requests[0].headers.Find("Authorization"), "Bearer inner");
}

TEST_F(ReplicaFrontTest, WhoHasNoRoomIsNotTheLastWord) {
  for (const int refusal : {429, 503}) {
    replicas_.clear();
    Start(2);
    replicas_[0].Say(Whole(refusal, R"({"error": "full"})"));
    EXPECT_EQ(Ask().response.status, 200);
    EXPECT_EQ(RequestsOf(0), 1u);
    EXPECT_EQ(RequestsOf(1), 1u);
    replicas_[1].Say(Whole(refusal, R"({"error": "full too"})"));
    const HttpReply reply = Ask();
    EXPECT_EQ(reply.response.status, refusal);
    EXPECT_EQ(*reply.response.headers.Find("Retry-After"), "7");
    front_.reset();
  }
}

TEST_F(ReplicaFrontTest, AnAnswerThatSaidNothingBeginsAnewElsewhere) {
  Start(2);
  replicas_[0].Say(Stream(kRole, /*end=*/false));
  replicas_[1].Say(Stream(kRole + kText, /*end=*/true));
  const HttpReply reply = Ask();
  ASSERT_TRUE(reply.status.ok()) << reply.status.message();
  EXPECT_EQ(reply.response.body, kRole + kText);
  EXPECT_EQ(RequestsOf(0), 1u);
  EXPECT_THAT(Metrics(), HasSubstr("qed_replica_moved_requests_total 1\n"));
  // Which was a connection's end alone: it goes on.
  EXPECT_EQ(Await(0, "state", "ready")["restarts"], 0);
}

TEST_F(ReplicaFrontTest, NotMoreThanOnce) {
  Start(3);
  for (FakeReplica& replica : replicas_) replica.Say(Stream("", /*end=*/false));
  const HttpReply reply = Ask();
  EXPECT_EQ(reply.response.status, 503);
  EXPECT_EQ(*reply.response.headers.Find("Retry-After"), "1");
  EXPECT_THAT(reply.response.body, HasSubstr("ended before it had answered"));
  EXPECT_EQ(RequestsOf(0) + RequestsOf(1) + RequestsOf(2), 2u);
  EXPECT_THAT(Metrics(), HasSubstr("qed_replica_lost_requests_total 1\n"));
}

TEST_F(ReplicaFrontTest, AStreamThatBreaksSaysSo) {
  Start(2);
  replicas_[0].Say(Stream(kRole + kText, /*end=*/false));
  HttpReply reply = Ask();
  ASSERT_TRUE(reply.status.ok()) << reply.status.message();
  EXPECT_THAT(reply.response.body, testing::StartsWith(kRole + kText + "data: {\"error\""));
  EXPECT_THAT(reply.response.body, HasSubstr("replica 0 ended"));
  EXPECT_THAT(reply.response.body, Not(HasSubstr("[DONE]")));
  EXPECT_EQ(RequestsOf(1), 0u);
  // In the middle of an event the connection is cut.
  for (FakeReplica& replica : replicas_) {
    replica.Say(Stream(kText + "data: {\"cho", /*end=*/false));
  }
  reply = Ask();
  EXPECT_FALSE(reply.status.ok());
}

TEST_F(ReplicaFrontTest, PromptsGoWhereTheyWentAndWorkIsCounted) {
  Start(2);
  const std::string a(300, 'a'), b(300, 'b');
  for (const std::string& prompt : {a, b, a, b, b}) ASSERT_EQ(Ask(prompt).response.status, 200);
  EXPECT_EQ(RequestsOf(0), 2u);
  EXPECT_EQ(RequestsOf(1), 3u);
  const std::string metrics = Metrics();
  EXPECT_THAT(metrics, HasSubstr("qed_replica_requests_total{replica=\"0\",by=\"prefix\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("qed_replica_requests_total{replica=\"1\",by=\"prefix\"} 2\n"));
  EXPECT_THAT(metrics, HasSubstr("qed_replica_requests_total{replica=\"1\",by=\"load\"} 1\n"));
  EXPECT_EQ(Health()["replicas"][0]["completions_in_flight"], 0);
}

TEST_F(ReplicaFrontTest, OneThatIsKilledComesBack) {
  Start(2);
  const json before = Health()["replicas"][0];
  ::kill(before["pid"].get<pid_t>(), SIGKILL);
  const json after = Await(0, "state", "restarting");
  EXPECT_EQ(after["last_end"], "was ended by signal 9");
  EXPECT_EQ(Health()["status"], "degraded");
  EXPECT_EQ(Ask().response.status, 200);
  EXPECT_EQ(RequestsOf(1), 1u);
  EXPECT_EQ(Await(0, "state", "ready")["restarts"], 1);
  EXPECT_EQ(Health()["status"], "ok");
}

TEST_F(ReplicaFrontTest, OneThatIsNotWellIsGivenNothingAndThenKilled) {
  Start(2, /*stall_seconds=*/3);
  const json before = Health()["replicas"][1];
  replicas_[1].BeWell(false);
  Await(1, "state", "silent");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(std::to_string(i)).response.status, 200);
  EXPECT_EQ(RequestsOf(0), 3u);
  EXPECT_EQ(Await(1, "state", "restarting")["last_end"], "was ended by signal 9");
  replicas_[1].BeWell(true);
  EXPECT_NE(Await(1, "state", "ready")["pid"], before["pid"]);
}

TEST_F(ReplicaFrontTest, OneThatIsWellAgainInTimeStays) {
  Start(1);
  replicas_[0].BeWell(false);
  Await(0, "state", "silent");
  const HttpReply health = Fetch("GET", "/health");
  EXPECT_EQ(health.response.status, 503);
  EXPECT_THAT(health.response.body, HasSubstr("no replica"));
  EXPECT_EQ(Ask().response.status, 503);
  replicas_[0].BeWell(true);
  EXPECT_EQ(Await(0, "state", "ready")["restarts"], 0);
}

TEST_F(ReplicaFrontTest, AStartThatFailsIsTheFirstErrorAlone) {
  ReplicaPoolConfig pool;
  pool.count = 3;
  pool.command = [](int32_t replica) {
    return Shell(replica == 1 ? "echo a note >&2; echo 'qed serve: --model: none' >&2; exit 2"
                              : "exec sleep 1000");
  };
  Start(std::move(pool));
  const Status status = front_->WaitReady(stop_);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "replica 1: --model: none");
  front_.reset();
  EXPECT_EQ(log_, std::vector<std::string>{"1: a note"});
}

TEST_F(ReplicaFrontTest, NobodyWaitsForAStartThatIsNotWantedAnyMore) {
  ReplicaPoolConfig pool;
  pool.command = [](int32_t) { return Shell("exec sleep 1000"); };
  Start(std::move(pool));
  EXPECT_EQ(Ask().response.status, 503);  // it listens, and no replica is ready
  stop_ = true;
  EXPECT_EQ(front_->WaitReady(stop_).code(), StatusCode::kCancelled);
}

TEST_F(ReplicaFrontTest, DrainsWhenAllHaveEnded) {
  for (int i = 0; i < 2; ++i) replicas_.emplace_back();
  ReplicaPoolConfig pool;
  pool.command = [this](int32_t i) {
    return Shell("echo serving x at http://127.0.0.1:" +
                 std::to_string(replicas_[static_cast<size_t>(i)].port()) +
                 "; trap 'exit 0' TERM; while :; do sleep 0.05; done");
  };
  Start(std::move(pool));
  ASSERT_TRUE(front_->WaitReady(stop_).ok());
  const auto start = Clock::Real().Now();
  front_->Drain();
  EXPECT_LT(Seconds(Clock::Real().Now() - start), 15);
  EXPECT_FALSE(Ask().status.ok());  // nobody listens
}

}  // namespace
}  // namespace qed

#include "net/request_guard.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include "gtest/gtest.h"
#include "net/http_server.h"
#include "net/test_support.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::shared_ptr<const RequestGuard> Guard(const AccessConfig& config = {},
                                          const std::string& host = "127.0.0.1") {
  ::unsetenv("QED_API_KEY");
  Result<std::shared_ptr<const RequestGuard>> guard = RequestGuard::Create(config, host);
  QED_CHECK(guard.ok()) << guard.status().message();
  return *std::move(guard);
}

HttpRequest Request(const std::string& method, const Fields& fields,
                    const std::string& target = "/execute") {
  HttpRequest request;
  request.method = method;
  request.target = target;
  for (const auto& [name, value] : fields) request.headers.Add(name, value);
  return request;
}

// The status of the refusal, or 0.
int Refused(const RequestGuard& guard, const HttpRequest& request) {
  const std::optional<Refusal> refusal = guard.Check(request);
  if (refusal) {
    EXPECT_EQ(refusal->message.find('\n'), std::string::npos);
  }
  return refusal ? refusal->status : 0;
}

int RefusedHost(const RequestGuard& guard, const std::string& host) {
  return Refused(guard, Request("GET", {{"Host", host}}));
}

int RefusedOrigin(const RequestGuard& guard, const std::string& host, const std::string& origin) {
  return Refused(guard, Request("POST", {{"Host", host}, {"Origin", origin}}));
}

TEST(RequestGuardTest, OnlyOurNamesAreHosts) {
  const auto guard = Guard();
  for (const char* host : {"localhost", "LOCALHOST:6000", "localhost.", "127.0.0.1:6000",
                           "127.1.2.3", "[::1]:6000", "[::1]", "a.localhost:1"}) {
    EXPECT_EQ(RefusedHost(*guard, host), 0) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:6000", "localhost.evil.example", "127.0.0.1.evil.example",
        "evillocalhost", "10.0.0.1", "0.0.0.0", "[::2]:6000", "", ":6000", "localhost:x",
        "localhost:123456", "[::1", "::1", "localhost@evil.example", "evil.example#localhost",
        "localhost, evil.example", "[localhost]"}) {
    EXPECT_EQ(RefusedHost(*guard, host), 403) << host;
  }
  // An old client need not name one; a browser always does.
  EXPECT_EQ(Refused(*guard, Request("GET", {})), 0);
}

TEST(RequestGuardTest, AWholeUrlAsTargetMustNameUsToo) {
  const auto guard = Guard();
  EXPECT_EQ(Refused(*guard, Request("GET", {{"Host", "localhost"}}, "http://evil.example/x")), 403);
  EXPECT_EQ(Refused(*guard, Request("GET", {{"Host", "localhost"}}, "http://localhost:6000/x")), 0);
  EXPECT_EQ(Refused(*guard, Request("GET", {{"Host", "localhost"}}, "/x?http://evil.example")), 0);
}

TEST(RequestGuardTest, NamesAreAllowedByFlagsAndByWhereTheServerListens) {
  AccessConfig config;
  config.allowed_host = {"qed.example", "fe80::1", "[fe80::2]"};
  const auto some = Guard(config, "node17");
  for (const char* host :
       {"qed.example:80", "QED.example", "node17:6000", "localhost", "[fe80::1]:80", "[fe80::2]"}) {
    EXPECT_EQ(RefusedHost(*some, host), 0) << host;
  }
  EXPECT_EQ(RefusedHost(*some, "10.0.0.1"), 403);
  char name[256] = {};
  ASSERT_EQ(::gethostname(name, sizeof(name) - 1), 0);
  for (const char* wildcard : {"0.0.0.0", "::"}) {
    const auto all = Guard({}, wildcard);
    for (const std::string& host :
         {std::string("10.0.0.1:6000"), std::string("[fe80::1]"), std::string(name)}) {
      EXPECT_EQ(RefusedHost(*all, host), 0) << host;
    }
    EXPECT_EQ(RefusedHost(*all, "evil.example"), 403);
  }
  config.allowed_host = {"*"};
  EXPECT_EQ(RefusedHost(*Guard(config), "evil.example"), 0);
}

TEST(RequestGuardTest, ForeignOriginsAreRefused) {
  const auto guard = Guard();
  for (const auto& [host, origin] : Fields{{"localhost:5000", "http://localhost:5000"},
                                           {"LOCALHOST:5000", "http://localhost:5000"},
                                           {"localhost", "http://localhost"},
                                           {"localhost", "http://localhost:80"},
                                           {"localhost:80", "http://localhost"},
                                           {"localhost", "https://localhost:443"},
                                           {"[::1]:5000", "http://[::1]:5000"}}) {
    EXPECT_EQ(RefusedOrigin(*guard, host, origin), 0) << host << " " << origin;
  }
  for (const auto& [host, origin] : Fields{{"localhost:5000", "http://evil.example"},
                                           {"localhost:5000", "http://localhost:5001"},
                                           {"localhost:5000", "http://localhost"},
                                           {"localhost:5000", "http://127.0.0.1:5000"},
                                           {"localhost:5000", "null"},
                                           {"localhost:5000", ""},
                                           {"localhost:5000", "localhost:5000"},
                                           {"localhost:5000", "http://localhost:5000/"},
                                           {"localhost:5000", "file://"},
                                           {"localhost:5000", "http://localhost:5000.evil.example"},
                                           {"localhost:5000", "chrome-extension://abc"}}) {
    EXPECT_EQ(RefusedOrigin(*guard, host, origin), 403) << host << " " << origin;
  }
  EXPECT_EQ(Refused(*guard, Request("GET", {{"Host", "localhost"},
                                            {"Origin", "http://localhost"},
                                            {"Origin", "http://evil.example"}})),
            403);
}

TEST(RequestGuardTest, AllowedOriginsAskBeforehandAndMayReadReplies) {
  AccessConfig config;
  config.cors_origin = {"http://page.example:3000", "https://other.example"};
  const auto guard = Guard(config);
  const auto preflight = [](const std::string& origin) {
    return Request("OPTIONS", {{"Host", "localhost:6000"},
                               {"Origin", origin},
                               {"Access-Control-Request-Method", "POST"},
                               {"Access-Control-Request-Headers", "x-session-id, content-type"}});
  };
  const HttpRequest asked = preflight("http://page.example:3000");
  ASSERT_EQ(Refused(*guard, asked), 0);
  const std::optional<HttpResponse> answer = guard->AnswerPreflight(asked);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 204);
  EXPECT_NE(answer->headers.Find("Access-Control-Allow-Methods")->find("DELETE"),
            std::string::npos);
  EXPECT_EQ(*answer->headers.Find("Access-Control-Allow-Headers"), "x-session-id, content-type");
  const HttpHeaders fields = guard->ReplyHeaders(asked);
  EXPECT_EQ(*fields.Find("Access-Control-Allow-Origin"), "http://page.example:3000");
  EXPECT_EQ(*fields.Find("Vary"), "Origin");
  EXPECT_EQ(Refused(*guard, preflight("https://other.example:443")), 0);
  EXPECT_EQ(Refused(*guard, preflight("http://other.example")), 403);
  EXPECT_EQ(Refused(*guard, preflight("http://evil.example")), 403);
  EXPECT_FALSE(guard->AnswerPreflight(Request("OPTIONS", {{"Host", "localhost"}})).has_value());

  const HttpRequest own = Request("POST", {{"Host", "localhost"}, {"Origin", "http://localhost"}});
  EXPECT_EQ(guard->ReplyHeaders(own).size(), 0U);
  config.cors_origin = {"*"};
  const auto open = Guard(config);
  EXPECT_EQ(*open->ReplyHeaders(preflight("null")).Find("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(RefusedOrigin(*open, "localhost", "http://evil.example"), 0);
  EXPECT_EQ(RefusedOrigin(*open, "evil.example", "http://evil.example"), 403);
}

TEST(RequestGuardTest, BodiesMustBeJson) {
  const auto guard = Guard();
  const auto post = [&](const Fields& more) {
    Fields fields = {{"Host", "localhost"}, {"Content-Length", "9"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return Refused(*guard, Request("POST", fields));
  };
  EXPECT_EQ(post({{"Content-Type", "application/json"}}), 0);
  EXPECT_EQ(post({{"content-type", " Application/JSON ; charset=utf-8"}}), 0);
  for (const char* type : {"text/plain", "multipart/form-data", "", "application/jsonx",
                           "application/x-www-form-urlencoded", "text/plain; application/json",
                           "application/json, text/plain"}) {
    EXPECT_EQ(post({{"Content-Type", type}}), 415) << type;
  }
  EXPECT_EQ(post({}), 415);
  EXPECT_EQ(post({{"Content-Type", "application/json"}, {"Content-Type", "text/plain"}}), 415);
  EXPECT_EQ(Refused(*guard, Request("POST", {{"Host", "localhost"}, {"Content-Length", "0"}})), 0);
  EXPECT_EQ(
      Refused(*guard, Request("POST", {{"Host", "localhost"}, {"Transfer-Encoding", "chunked"}})),
      415);
}

TEST(RequestGuardTest, TheKeyIsWantedEverywhere) {
  const TempDir folder;
  AccessConfig config;
  config.api_key = folder.File("key");
  std::ofstream(config.api_key) << "  s3cret\n";
  const auto guard = Guard(config);
  EXPECT_TRUE(guard->has_key());
  const auto get = [&](const Fields& more) {
    Fields fields = {{"Host", "localhost"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return Refused(*guard, Request("GET", fields, "/health"));
  };
  EXPECT_EQ(get({{"Authorization", "Bearer s3cret"}}), 0);
  EXPECT_EQ(get({{"authorization", "bearer  s3cret "}}), 0);
  EXPECT_EQ(get({{"Authorization", "Basic cWVkOnMzY3JldA=="}}), 0);  // qed:s3cret
  EXPECT_EQ(get({{"Authorization", "Basic OnMzY3JldA=="}}), 0);      // :s3cret
  for (const char* wrong :
       {"Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crets", "Bearer S3CRET", "s3cret",
        "Basic s3cret", "Basic czNjcmV0", "Basic", "Basic ====", "Basic !", "Digest s3cret", ""}) {
    EXPECT_EQ(get({{"Authorization", wrong}}), 401) << wrong;
  }
  EXPECT_EQ(get({}), 401);
  EXPECT_EQ(get({{"Authorization", "Bearer s3cret"}, {"Authorization", "Bearer x"}}), 401);
  const std::optional<Refusal> refusal = guard->Check(Request("GET", {{"Host", "localhost"}}));
  EXPECT_EQ(refusal->headers.Count("WWW-Authenticate"), 2U);
}

TEST(RequestGuardTest, TheKeyMayComeFromTheEnvironment) {
  ::setenv("QED_API_KEY", "from-env", 1);
  const auto guard = RequestGuard::Create({}, "127.0.0.1");
  ::setenv("QED_API_KEY", "with space", 1);
  const auto bad = RequestGuard::Create({}, "127.0.0.1");
  ::unsetenv("QED_API_KEY");
  ASSERT_TRUE(guard.ok());
  EXPECT_EQ(Refused(**guard,
                    Request("GET", {{"Host", "localhost"}, {"Authorization", "Bearer from-env"}})),
            0);
  EXPECT_NE(bad.status().message().find("QED_API_KEY"), std::string::npos);
}

TEST(RequestGuardTest, BadFlagsAreNamed) {
  const TempDir folder;
  const auto error = [](const AccessConfig& config) {
    return RequestGuard::Create(config, "127.0.0.1").status().message();
  };
  AccessConfig config;
  config.api_key = folder.File("none");
  EXPECT_NE(error(config).find("--api-key"), std::string::npos);
  std::ofstream(config.api_key) << "\n";
  EXPECT_NE(error(config).find("is empty"), std::string::npos);
  std::ofstream(config.api_key) << "two words";
  EXPECT_NE(error(config).find("--api-key"), std::string::npos);
  EXPECT_EQ(error(config).find("two words"), std::string::npos);
  for (const char* host : {"", "http://a", "a:b"}) {
    AccessConfig one;
    one.allowed_host = {host};
    EXPECT_NE(error(one).find("--allowed-host"), std::string::npos) << host;
  }
  for (const char* origin : {"", "null", "page.example", "http://", "http://a/b"}) {
    AccessConfig one;
    one.cors_origin = {origin};
    EXPECT_NE(error(one).find("--cors-origin"), std::string::npos) << origin;
  }
}

// ---- With the server

class GuardedServerTest : public ::testing::Test {
 protected:
  void Start(const AccessConfig& access) {
    HttpServerConfig config;
    config.guard = Guard(access);
    config.max_body_bytes = size_t{1} << 30;
    auto server = HttpServer::Start(config, [this](HttpRequest, auto responder) {
      ++handled_;
      responder->Respond(JsonResponse(200, "{}"));
    });
    QED_CHECK(server.ok()) << server.status().message();
    server_ = *std::move(server);
  }
  std::string Ask(const std::string& text) {
    RawClient client(server_->port());
    client.Send(text);
    client.CloseSending();
    return client.ReadToEnd();
  }

  std::atomic<int> handled_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(GuardedServerTest, RefusesBeforeTheBodyIsSent) {
  Start({});
  RawClient client(server_->port());
  client.Send("POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 100000000\r\n\r\n");
  const std::string answer = client.ReadToEnd();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 ")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(server_->stats().forbidden, 1);
  // Nor does it ask for one.
  EXPECT_TRUE(Ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                  "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
                  .starts_with("HTTP/1.1 415 "));
  EXPECT_EQ(handled_, 0);
}

TEST_F(GuardedServerTest, EveryRequestOfAConnectionIsLookedAt) {
  Start({});
  const std::string answers =
      Ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"
          "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 200 ")) << answers;
  EXPECT_NE(answers.find("HTTP/1.1 403 "), std::string::npos) << answers;
  EXPECT_EQ(handled_, 1);
}

TEST_F(GuardedServerTest, AnswersPreflightsAndLetsAllowedPagesRead) {
  AccessConfig access;
  access.cors_origin = {"http://page.example"};
  Start(access);
  const std::string preflight =
      Ask("OPTIONS /execute HTTP/1.1\r\nHost: localhost\r\nOrigin: http://page.example\r\n"
          "Access-Control-Request-Method: POST\r\n\r\n");
  EXPECT_TRUE(preflight.starts_with("HTTP/1.1 204 ")) << preflight;
  EXPECT_NE(preflight.find("Access-Control-Allow-Origin: http://page.example\r\n"),
            std::string::npos);
  EXPECT_EQ(handled_, 0);
  const std::string answer =
      Ask("GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://page.example\r\n\r\n");
  EXPECT_NE(answer.find("Access-Control-Allow-Origin: http://page.example\r\n"), std::string::npos)
      << answer;
  EXPECT_EQ(handled_, 1);
}

}  // namespace
}  // namespace qed

#include "sandbox/remote_sandbox.h"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/json.h"
#include "nlohmann/json.hpp"
#include "sandbox/protocol.h"

namespace qed {
namespace {

// The server's own waits: in its queue, for a session to start, for code to end.
constexpr double kServerSeconds = 60;
constexpr double kOverloadPatience = 120;
constexpr double kCloseSeconds = 10;
constexpr double kFirstPause = 0.1;
constexpr double kLongestPause = 5;

Clock::Time After(double seconds) { return Clock::Real().Now() + ToDuration(seconds); }

// False: cancelled meanwhile.
bool Pause(double seconds, const CancelToken* cancel) {
  pollfd wait = {cancel == nullptr ? -1 : cancel->fd(), POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(seconds * 1000) + 1) <= 0;
}

double AskedPause(const HttpResponse& response, double otherwise) {
  const std::string* text = response.headers.Find("Retry-After");
  if (text == nullptr) return otherwise;
  const double seconds = std::strtod(text->c_str(), nullptr);
  return seconds > 0 ? std::min(seconds, kLongestPause) : otherwise;
}

// The id as it is where a header can carry it, so that the server seeds the same
// random numbers as a sandbox of our own.
std::string HeaderId(const std::string& id) {
  const bool plain = std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return plain ? id : PercentEncode(id);
}

// What an error's body says, on one line.
std::string ErrorText(const HttpResponse& response) {
  std::string text = std::to_string(response.status);
  text.append(" ").append(HttpReason(response.status));
  const Result<nlohmann::json> body = ParseJson(response.body, {size_t{1} << 20, 16});
  if (body.ok() && body->is_object() && body->contains("error") && (*body)["error"].is_string()) {
    text.append(": ").append((*body)["error"].get<std::string>(), 0, 500);
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

Result<std::unique_ptr<RemoteSandbox>> RemoteSandbox::Connect(const std::string& url,
                                                              double patience,
                                                              const std::string& api_key) {
  QED_ASSIGN_OR_RETURN(Url parsed, ParseUrl(url));
  while (parsed.target.ends_with('/')) parsed.target.pop_back();
  std::unique_ptr<RemoteSandbox> sandbox(new RemoteSandbox(std::move(parsed), api_key));
  QED_RETURN_IF_ERROR(sandbox->WaitUntilHealthy(patience));
  return sandbox;
}

HttpFetch RemoteSandbox::MakeFetch(const char* method, const std::string& path,
                                   double seconds) const {
  HttpFetch fetch;
  fetch.method = method;
  fetch.url = url_;
  fetch.url.target += path;
  if (!api_key_.empty()) fetch.headers.Add("Authorization", "Bearer " + api_key_);
  fetch.deadline = After(seconds);
  return fetch;
}

Status RemoteSandbox::WaitUntilHealthy(double patience) {
  const Clock::Time deadline = After(patience);
  while (true) {
    HttpFetch fetch = MakeFetch("GET", "/health", patience);
    fetch.deadline = deadline;
    const HttpReply reply = client_.Fetch(fetch);
    if (reply.status.ok() && reply.response.status == 200) return OkStatus();
    const bool may_come = reply.status.ok() ? reply.response.status == 503
                                            : reply.status.code() == StatusCode::kUnavailable;
    if (!may_come || Clock::Real().Now() >= deadline) {
      const std::string why =
          reply.status.ok() ? ErrorText(reply.response) : reply.status.message();
      return Unavailable("no sandbox at " + url_.Origin() + url_.target + " (" + why +
                         "): start one with qed sandbox");
    }
    Pause(kFirstPause, nullptr);
  }
}

HttpReply RemoteSandbox::FetchPatiently(HttpFetch& fetch, double seconds, double patience) {
  const Clock::Time give_up = After(patience);
  double pause = kFirstPause;
  while (true) {
    fetch.deadline = After(seconds);
    HttpReply reply = client_.Fetch(fetch);
    const bool overloaded = reply.status.ok() && reply.response.status == 503;
    const bool unreached = reply.status.code() == StatusCode::kUnavailable && reply.never_sent;
    if ((!overloaded && !unreached) || Clock::Real().Now() >= give_up) return reply;
    if (!Pause(overloaded ? AskedPause(reply.response, pause) : pause, fetch.cancel.get())) {
      return {Cancelled("the call was cancelled"), true, {}};
    }
    pause = std::min(pause * 2, kLongestPause);
  }
}

Result<ExecuteResult> RemoteSandbox::Execute(const ExecuteRequest& request) {
  QED_RETURN_IF_ERROR(CheckExecuteRequest(request));
  HttpFetch fetch = MakeFetch("POST", "/execute", 0);
  fetch.headers.Add("Content-Type", "application/json");
  if (!IsOneShot(request.language)) {
    fetch.headers.Add(kSessionHeader, HeaderId(request.session_id));
  }
  fetch.body = FormatExecuteRequest(request);
  const auto token = std::make_shared<CancelToken>();
  fetch.cancel = token;
  std::multimap<std::string, std::shared_ptr<CancelToken>>::iterator entry;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    entry = running_.emplace(request.session_id, token);
  }
  const Clock::Time start = Clock::Real().Now();
  const HttpReply reply =
      FetchPatiently(fetch, request.timeout + kServerSeconds, kOverloadPatience);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    running_.erase(entry);
  }
  if (token->cancelled()) return Cancelled("the session was closed while its code ran");
  const std::string server = "sandbox " + url_.Authority();
  if (!reply.status.ok()) return reply.status.WithPrefix("sandbox");
  if (reply.response.status == 503) {
    return ResourceExhausted(server + " stays overloaded: " + ErrorText(reply.response));
  }
  if (reply.response.status != 200) return Unavailable(server + ": " + ErrorText(reply.response));
  Result<ExecuteResult> result = ParseExecuteResult(reply.response.body);
  if (!result.ok()) return result.status().WithPrefix(server);
  result->seconds = Seconds(Clock::Real().Now() - start);
  return result;
}

void RemoteSandbox::CloseSession(const std::string& session_id) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto [first, last] = running_.equal_range(session_id);
    for (auto entry = first; entry != last; ++entry) entry->second->Cancel();
  }
  const std::string path = "/sessions/" + PercentEncode(HeaderId(session_id));
  HttpFetch fetch = MakeFetch("DELETE", path, 0);
  FetchPatiently(fetch, kCloseSeconds, kCloseSeconds);
}

}  // namespace qed

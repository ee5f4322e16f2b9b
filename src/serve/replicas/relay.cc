#include "serve/replicas/relay.h"

#include <algorithm>
#include <array>
#include <utility>

#include "net/sse.h"
#include "serve/api_error.h"

namespace qed {
namespace {

constexpr char kEventStream[] = "text/event-stream";

// Of one connection, not of the answer (RFC 9110, 7.6.1), or set by the server that sends it on.
bool TravelsNoFurther(const std::string& name) {
  constexpr std::array<std::string_view, 5> kNames = {
      "Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Date"};
  return std::ranges::any_of(kNames,
                             [&](std::string_view other) { return EqualsIgnoreCase(name, other); });
}

HttpHeaders Passed(const HttpHeaders& headers) {
  HttpHeaders passed;
  for (const auto& [name, value] : headers) {
    if (!TravelsNoFurther(name)) passed.Add(name, value);
  }
  return passed;
}

}  // namespace

Relay::Relay(const Parts& parts, RelayedRequest request, std::shared_ptr<HttpResponder> responder)
    : parts_(parts), request_(std::move(request)), responder_(std::move(responder)) {}

void Relay::Start() {
  if (responder_->disconnected()) return;
  if (!Try(std::nullopt))
    return RespondUnavailable("no replica of the model is ready: /health says why");
  responder_->OnDisconnect([weak = weak_from_this(), &loop = parts_.loop] {
    loop.Post([weak] {
      if (const auto self = weak.lock()) self->Leave();
    });
  });
}

bool Relay::Try(std::optional<int32_t> but) {
  const std::optional<int32_t> replica = parts_.pool.Acquire(request_.key, but);
  if (!replica) return false;
  attempt_ = std::make_unique<Attempt>();
  attempt_->replica = *replica;
  // The length of a body that HEAD leaves out is known only of the body.
  const std::string method = request_.method == "HEAD" ? "GET" : request_.method;
  HttpFetch fetch = parts_.pool.FetchFor(*replica, method, request_.target);
  if (!request_.content_type.empty()) fetch.headers.Add("Content-Type", request_.content_type);
  fetch.body = request_.body;
  const auto self = shared_from_this();
  fetch.on_head = [self](const HttpResponse& head) { return self->OnHead(head); };
  fetch.on_data = [self](std::string_view bytes) { return self->OnData(bytes); };
  attempt_->call = parts_.loop.Start(std::move(fetch),
                                     [self](HttpReply reply) { self->OnDone(std::move(reply)); });
  return true;
}

bool Relay::OnHead(const HttpResponse& head) {
  attempt_->head = head;
  const std::string* type = head.headers.Find("Content-Type");
  attempt_->streams = type != nullptr && type->starts_with(kEventStream);
  return true;
}

bool Relay::OnData(std::string_view bytes) {
  if (attempt_->streams) {
    std::string ready = attempt_->held.Feed(bytes);
    if (!ready.empty()) Send(*attempt_, std::move(ready));
  } else {
    attempt_->body += bytes;
  }
  return true;
}

void Relay::Send(const Attempt& attempt, std::string bytes) {
  if (!std::exchange(begun_, true)) {
    responder_->BeginStream(attempt.head.status, Passed(attempt.head.headers));
  }
  responder_->Write(std::move(bytes));
}

void Relay::OnDone(HttpReply reply) {
  const std::unique_ptr<Attempt> attempt = std::move(attempt_);
  parts_.pool.Release(attempt->replica, request_.key);
  HttpResponse response = std::move(reply.response);
  const bool refused = response.status == 429 || response.status == 503;
  if (!reply.status.ok()) parts_.pool.Suspect(attempt->replica);
  if ((!reply.status.ok() || refused) && Move(attempt->replica)) return;
  if (!reply.status.ok()) return OnBroken(*attempt, reply.status);
  if (attempt->streams) return FinishStream(*attempt);
  response.headers = Passed(response.headers);
  if (response.body.empty()) response.body = std::move(attempt->body);
  if (response.status == 200 && request_.edit) request_.edit(response);
  responder_->Respond(std::move(response));
}

bool Relay::Move(int32_t from) {
  if (begun_ || moved_ || responder_->disconnected() || !Try(from)) return false;
  moved_ = true;
  parts_.moved.Add();
  return true;
}

void Relay::OnBroken(const Attempt& attempt, const Status& error) {
  parts_.lost.Add();
  const std::string text = "replica " + std::to_string(attempt.replica) +
                           " ended before it had answered (" + error.message() + ")";
  if (!begun_) return RespondUnavailable(text);
  // Between two events there is room for one more; in the middle of one the cut has to say it.
  if (attempt.held.at_boundary()) {
    responder_->Write(FormatSse(ErrorBody(PlainError(503, text))));
    responder_->End();
  }
  responder_.reset();
}

void Relay::FinishStream(Attempt& attempt) {
  Send(attempt, attempt.held.Finish());
  responder_->End();
}

void Relay::Leave() {
  if (attempt_ == nullptr) return;  // the answer came just then
  parts_.loop.Cancel(attempt_->call);
  parts_.pool.Release(attempt_->replica, request_.key);
}

void Relay::RespondUnavailable(const std::string& message) {
  HttpResponse response = ErrorResponse(PlainError(503, message));
  response.headers.Add("Retry-After", "1");
  responder_->Respond(std::move(response));
}

}  // namespace qed

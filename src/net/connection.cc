#include "net/connection.h"

#include <array>

#include "boost/asio/buffer.hpp"
#include "boost/asio/error.hpp"
#include "boost/asio/post.hpp"

namespace qed {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kMaxPipelined = 64 << 10;  // beyond the running request
constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr size_t kMaxLingerBytes = 16 << 20;
constexpr size_t kLeastTaken = 64 << 10;  // of an answer, within the write timeout
constexpr char kNoRoom[] =
    "the server holds as many bytes of requests and answers as --max-buffered-bytes allows: try "
    "again later";

std::string PeerName(const Connection::Socket& socket) {
  ErrorCode error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";
  return endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
}

}  // namespace

void ServerCore::Add(std::shared_ptr<Connection> connection) {
  const std::lock_guard<std::mutex> lock(mutex);
  connections.insert(std::move(connection));
}

void ServerCore::Remove(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard<std::mutex> lock(mutex);
  connections.erase(connection);
  removed.notify_all();
}

void ServerCore::ForEach(void (Connection::*call)()) {
  const std::lock_guard<std::mutex> lock(mutex);
  for (const std::shared_ptr<Connection>& connection : connections) {
    asio::post(connection->executor(), [connection, call] { (connection.get()->*call)(); });
  }
}

Connection::Connection(std::shared_ptr<ServerCore> core, Socket socket)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      read_timer_(socket_.get_executor()),
      write_timer_(socket_.get_executor()),
      body_share_(core_->budget) {}

void Connection::Start() {
  ErrorCode ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  ErrorCode error;
  socket_.non_blocking(true, error);
  if (error) return Close();
  const HttpServerConfig& config = core_->config;
  parser_ = std::make_unique<RequestParser>(
      RequestLimits{config.max_target_bytes, config.max_header_bytes, config.max_body_bytes});
  // A fresh connection owes its first request as soon as a slow header would.
  ArmReadTimer(config.header_timeout);
  AwaitInput();
}

void Connection::RefuseTooMany() {
  ErrorCode error;
  socket_.non_blocking(true, error);
  if (error) return Close();
  core_->rejected.fetch_add(1);
  FailRequest(503, "too many connections: try again later");
}

void Connection::CloseIfIdle() {
  if (phase_ == Phase::kIdle && in_.empty()) Close();
}

void Connection::Abort() {
  if (phase_ == Phase::kClosed) return;
  const std::shared_ptr<Exchange> exchange = std::exchange(exchange_, nullptr);
  Close();
  if (exchange != nullptr) exchange->OnPeerGone(/*cut=*/true);
}

void Connection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  ++read_timer_set_;
  ++write_timer_set_;
  ErrorCode ignored;
  read_timer_.cancel();
  write_timer_.cancel();
  socket_.close(ignored);
  core_->Remove(shared_from_this());
}

void Connection::Wake() {
  Post([this] { OnWake(); });
}

void Connection::Post(std::function<void()> call) {
  const std::shared_lock<std::shared_mutex> lock(core_->post_mutex);
  if (core_->stopped) return;
  asio::post(executor(), [self = shared_from_this(), call = std::move(call)] { call(); });
}

// ---- Reading

void Connection::AwaitInput() {
  if (reading_ || peer_closed_ || phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kAnswering && in_.size() >= kMaxPipelined) return;
  reading_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const ErrorCode& error) {
    self->reading_ = false;
    if (self->phase_ == Phase::kClosed) return;
    error ? self->Abort() : self->OnReadable();
  });
}

void Connection::OnReadable() {
  std::array<char, kReadBytes> bytes;
  ErrorCode error;
  const size_t size = socket_.read_some(asio::buffer(bytes), error);
  if (error == asio::error::would_block || error == asio::error::try_again) return AwaitInput();
  if (error == asio::error::eof) return OnEndOfInput();
  if (error) return Abort();
  if (phase_ == Phase::kLingering) {
    lingered_ += size;
    return lingered_ > kMaxLingerBytes ? Close() : AwaitInput();
  }
  in_.append(bytes.data(), size);
  Advance();
}

void Connection::OnEndOfInput() {
  peer_closed_ = true;
  if (phase_ != Phase::kAnswering) return Close();
  if (exchange_ != nullptr) exchange_->OnPeerGone(/*cut=*/false);
}

void Connection::Advance() {
  if ((phase_ == Phase::kIdle || phase_ == Phase::kReceiving) && !in_.empty()) {
    in_.erase(0, parser_->Feed(in_));
    if (phase_ == Phase::kIdle && (parser_->started() || !in_.empty())) {
      phase_ = Phase::kReceiving;
      ArmReadTimer(core_->config.header_timeout);
    }
    const RequestParser::State state = parser_->state();
    const bool has_header =
        state == RequestParser::State::kBody || state == RequestParser::State::kDone;
    if (has_header && !let_in_ && !LetIn()) return AwaitInput();
    switch (state) {
      case RequestParser::State::kHeaders:
        break;
      case RequestParser::State::kBody:
        if (!body_share_.Resize(parser_->head().body.size())) return FailRequest(503, kNoRoom);
        if (!in_body_) BeginBody();
        break;
      case RequestParser::State::kDone:
        if (!body_share_.Resize(parser_->head().body.size())) return FailRequest(503, kNoRoom);
        Dispatch();
        break;
      case RequestParser::State::kFailed:
        core_->malformed.fetch_add(1);
        return FailRequest(parser_->error_status(), std::string(parser_->error()));
    }
  }
  AwaitInput();
}

bool Connection::LetIn() {
  let_in_ = true;
  const RequestGuard* guard = core_->config.guard.get();
  if (guard == nullptr) return true;
  const std::optional<Refusal> refusal = guard->Check(parser_->head());
  if (!refusal) return true;
  core_->forbidden.fetch_add(1);
  // The body is not waited for, so nothing can follow on this connection.
  in_.clear();
  BeginAnswer(parser_->head(), /*keep_alive=*/false);
  HttpResponse response = core_->config.error_response(refusal->status, refusal->message);
  for (const auto& [name, value] : refusal->headers) response.headers.Add(name, value);
  exchange_->Respond(std::move(response));
  return false;
}

void Connection::BeginBody() {
  in_body_ = true;
  ArmReadTimer(core_->config.body_timeout);
  if (parser_->expects_continue() && in_.empty()) {
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    Flush();
  }
}

void Connection::BeginAnswer(const HttpRequest& request, bool keep_alive) {
  phase_ = Phase::kAnswering;
  ++read_timer_set_;  // No limit on the handler's time.
  Exchange::Framing framing;
  framing.http10 = parser_->is_http10();
  framing.head = request.method == "HEAD";
  framing.keep_alive = keep_alive;
  framing.max_unsent_bytes = core_->config.max_unsent_bytes;
  framing.budget = core_->budget;
  framing.no_room = [core = core_] { return core->config.error_response(503, kNoRoom); };
  if (core_->config.guard != nullptr) framing.extra = core_->config.guard->ReplyHeaders(request);
  exchange_ = std::make_shared<Exchange>(shared_from_this(), std::move(framing));
  if (peer_closed_) exchange_->OnPeerGone(/*cut=*/false);
}

void Connection::Dispatch() {
  HttpRequest request = parser_->Take();
  request.peer = PeerName(socket_);
  request.memory = std::make_shared<const ByteShare>(std::move(body_share_));
  body_share_ = ByteShare(core_->budget);
  BeginAnswer(request, parser_->keep_alive());
  const std::shared_ptr<HttpResponder> responder = Exchange::MakeResponder(exchange_);
  const RequestGuard* guard = core_->config.guard.get();
  if (std::optional<HttpResponse> preflight =
          guard ? guard->AnswerPreflight(request) : std::nullopt) {
    return responder->Respond(*std::move(preflight));
  }
  core_->requests.fetch_add(1);
  core_->handler(std::move(request), responder);
}

void Connection::FailRequest(int status, std::string_view message) {
  const HttpResponse response = core_->config.error_response(status, message);
  out_ += FormatResponseHead(status, response.headers);
  out_.append("Content-Length: ").append(std::to_string(response.body.size()));
  out_.append("\r\nConnection: close\r\n\r\n").append(response.body);
  phase_ = Phase::kAnswering;
  ++read_timer_set_;
  in_.clear();
  parser_ = nullptr;  // and what it has of a body
  body_share_.Resize(0);
  answer_ended_ = true;
  close_after_answer_ = true;
  Flush();
}

void Connection::ArmReadTimer(std::chrono::milliseconds after) {
  const uint64_t set = ++read_timer_set_;
  read_timer_.expires_after(after);
  read_timer_.async_wait([self = shared_from_this(), set](const ErrorCode& error) {
    if (!error && set == self->read_timer_set_) self->OnReadTimeout();
  });
}

void Connection::OnReadTimeout() {
  if (phase_ != Phase::kReceiving) return Close();
  core_->malformed.fetch_add(1);
  FailRequest(408,
              in_body_ ? "the body did not arrive in time" : "the headers did not arrive in time");
}

// ---- Writing

void Connection::OnWake() {
  if (exchange_ == nullptr) return;
  Exchange::Batch batch = exchange_->Collect();
  if (batch.cut) return Abort();
  if (out_.empty()) {
    out_ = std::move(batch.bytes);
  } else {
    out_ += batch.bytes;
  }
  answer_ended_ = batch.ended;
  close_after_answer_ = batch.close;
  Flush();
}

void Connection::Flush() {
  if (writing_ || phase_ == Phase::kClosed) return;
  while (out_sent_ < out_.size()) {
    ErrorCode error;
    const size_t size =
        socket_.write_some(asio::buffer(out_.data() + out_sent_, out_.size() - out_sent_), error);
    if (error == asio::error::would_block || error == asio::error::try_again) return AwaitOutput();
    if (error) return Abort();
    out_sent_ += size;
    taken_ += size;
    if (exchange_ != nullptr) exchange_->OnSent(size);
  }
  std::string().swap(out_);
  out_sent_ = 0;
  if (std::exchange(slow_, false)) {
    ++write_timer_set_;
    write_timer_.cancel();
  }
  if (answer_ended_) OnFlushed();
}

void Connection::AwaitOutput() {
  // What was sent need not be kept while a long stream goes on.
  if (out_sent_ > out_.size() / 2) {
    out_.erase(0, out_sent_);
    out_sent_ = 0;
  }
  writing_ = true;
  if (!slow_ || taken_ >= kLeastTaken) ArmWriteTimer();
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const ErrorCode& error) {
    self->writing_ = false;
    if (self->phase_ == Phase::kClosed) return;
    if (error) return self->Abort();
    self->Flush();
  });
}

void Connection::ArmWriteTimer() {
  slow_ = true;
  taken_ = 0;
  const uint64_t set = ++write_timer_set_;
  write_timer_.expires_after(core_->config.write_timeout);
  write_timer_.async_wait([self = shared_from_this(), set](const ErrorCode& error) {
    if (!error && set == self->write_timer_set_) self->Abort();
  });
}

void Connection::OnFlushed() {
  exchange_.reset();
  answer_ended_ = false;
  if (close_after_answer_ || MustClose() || (peer_closed_ && in_.empty())) return Linger();
  phase_ = Phase::kIdle;
  in_body_ = false;
  let_in_ = false;
  const HttpServerConfig& config = core_->config;
  parser_ = std::make_unique<RequestParser>(
      RequestLimits{config.max_target_bytes, config.max_header_bytes, config.max_body_bytes});
  ArmReadTimer(config.idle_timeout);
  if (peer_closed_) {
    Advance();
    if (phase_ != Phase::kAnswering) Close();  // the rest is not a whole request
    return;
  }
  Advance();
}

void Connection::Linger() {
  if (peer_closed_) return Close();
  phase_ = Phase::kLingering;
  in_.clear();
  ErrorCode error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) return Close();
  ArmReadTimer(kLingerTime);
  AwaitInput();
}

}  // namespace qed

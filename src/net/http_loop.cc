#include "net/http_loop.h"

#include <algorithm>
#include <array>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "boost/asio/buffer.hpp"
#include "boost/asio/connect.hpp"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/address.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/asio/write.hpp"
#include "net/request_text.h"
#include "net/response_parser.h"

namespace qed {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr size_t kReadBytes = 16 << 10;

// One call, from the name to the end of the answer. Lives in its handlers.
class LoopCall : public std::enable_shared_from_this<LoopCall> {
 public:
  LoopCall(asio::io_context& io, HttpFetch fetch, std::function<void(HttpReply)> on_done)
      : fetch_(std::move(fetch)),
        name_(fetch_.url.Authority()),
        on_done_(std::move(on_done)),
        resolver_(io),
        socket_(io),
        timer_(io),
        parser_({fetch_.method == "HEAD", fetch_.max_response_bytes, fetch_.on_data}) {}

  void Start() {
    Arm(fetch_.connect_timeout);
    ErrorCode error;
    const auto address = asio::ip::make_address(fetch_.url.host, error);
    const int port = std::atoi(fetch_.url.port.c_str());
    if (!error) {
      return Connect({tcp::endpoint(address, static_cast<uint16_t>(port))});
    }
    resolver_.async_resolve(
        fetch_.url.host, fetch_.url.port,
        [self = shared_from_this()](const ErrorCode& failed, tcp::resolver::results_type found) {
          if (self->ended_) return;
          if (failed) return self->Fail("cannot look the name up", failed);
          self->Connect({found.begin(), found.end()});
        });
  }

  // Without a word to the caller.
  void Drop() {
    ended_ = true;
    on_done_ = nullptr;
    fetch_.on_data = nullptr;
    Close();
  }

 private:
  // A time-out of 0 is none but the deadline.
  void Arm(std::chrono::milliseconds timeout) {
    const Clock::Time now = Clock::Real().Now();
    Clock::Time until = fetch_.deadline;
    if (timeout.count() > 0) until = std::min(until, now + timeout);
    const uint64_t set = ++timer_set_;
    timer_.cancel();
    if (until == Clock::Time::max()) return;
    timer_.expires_at(until);
    timer_.async_wait([self = shared_from_this(), set](const ErrorCode& cancelled) {
      // An expiry that was on its way already comes all the same.
      if (cancelled || self->ended_ || set != self->timer_set_) return;
      self->End(DeadlineExceeded(self->name_ + " did not answer in time"));
    });
  }

  void Connect(std::vector<tcp::endpoint> endpoints) {
    endpoints_ = std::move(endpoints);
    asio::async_connect(socket_, endpoints_,
                        [self = shared_from_this()](const ErrorCode& failed, const tcp::endpoint&) {
                          if (self->ended_) return;
                          if (failed) return self->Fail("cannot connect", failed);
                          self->Send();
                        });
  }

  void Send() {
    ErrorCode ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    request_ = FormatRequest(fetch_);
    fetch_.body = std::string();
    asio::async_write(socket_, asio::buffer(request_),
                      [self = shared_from_this()](const ErrorCode& failed, size_t) {
                        // After a failure an answer may lie there nevertheless.
                        if (!failed) self->sent_ = true;
                        self->request_ = std::string();
                      });
    Read();
  }

  void Read() {
    Arm(fetch_.read_timeout);
    socket_.async_read_some(asio::buffer(bytes_),
                            [self = shared_from_this()](const ErrorCode& failed, size_t size) {
                              if (!self->ended_) self->OnRead(failed, size);
                            });
  }

  void OnRead(const ErrorCode& failed, size_t size) {
    if (failed && failed != asio::error::eof) return Fail("the connection broke", failed);
    const bool at_end = failed == asio::error::eof;
    if (at_end) {
      parser_.FeedEnd();
    } else {
      buffer_.append(bytes_.data(), size);
      buffer_.erase(0, parser_.Feed(buffer_));
    }
    if (ended_) return;  // on_data had the call cancelled.
    switch (parser_.state()) {
      case ResponseParser::State::kReceiving:
        return Read();
      case ResponseParser::State::kDone:
        response_ = parser_.Take();
        return End(OkStatus());
      case ResponseParser::State::kTooLong:
        return End(ResourceExhausted(name_ + ": the response is longer than " +
                                     std::to_string(fetch_.max_response_bytes) + " bytes"));
      case ResponseParser::State::kStopped:
        return End(Cancelled("the request to " + name_ + " was cancelled"));
      case ResponseParser::State::kFailed:
        return End(at_end ? Unavailable(name_ + ": " + parser_.error())
                          : Corrupt(name_ + " does not speak HTTP: " + parser_.error()));
    }
  }

  void Fail(const char* what, const ErrorCode& error) {
    End(Unavailable(name_ + ": " + what + ": " + error.message()));
  }

  void End(const Status& status) {
    ended_ = true;
    Close();
    fetch_.on_data = nullptr;
    const auto on_done = std::exchange(on_done_, nullptr);
    on_done({status, !status.ok() && !sent_, std::move(response_)});
  }

  void Close() {
    ErrorCode ignored;
    resolver_.cancel();
    timer_.cancel();
    socket_.close(ignored);
  }

  HttpFetch fetch_;
  const std::string name_;
  std::function<void(HttpReply)> on_done_;
  tcp::resolver resolver_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  ResponseParser parser_;
  std::vector<tcp::endpoint> endpoints_;
  std::string request_;
  std::string buffer_;
  std::array<char, kReadBytes> bytes_;
  HttpResponse response_;
  uint64_t timer_set_ = 0;  // how often
  bool sent_ = false;
  bool ended_ = false;
};

}  // namespace

class HttpLoop::Impl {
 public:
  Impl() : work_(asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}
  ~Impl() {
    io_.stop();
    thread_.join();
  }

  void Post(std::function<void()> work) { asio::post(io_, std::move(work)); }

  CallId Start(HttpFetch fetch, std::function<void(HttpReply)> on_done) {
    QED_CHECK(fetch.cancel == nullptr) << "a loop's calls are cancelled by their ids";
    const CallId id = ++last_id_;
    auto call = std::make_shared<LoopCall>(
        io_, std::move(fetch), [this, id, on_done = std::move(on_done)](HttpReply reply) {
          calls_.erase(id);
          on_done(std::move(reply));
        });
    calls_[id] = call;
    asio::post(io_, [call, this, id] {
      if (calls_.contains(id)) call->Start();
    });
    return id;
  }

  void Cancel(CallId id) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    const std::shared_ptr<LoopCall> call = std::move(found->second);
    calls_.erase(found);
    call->Drop();
  }

  void After(Clock::Duration delay, std::function<void()> work) {
    const auto timer = std::make_shared<asio::steady_timer>(io_, delay);
    timer->async_wait([timer, work = std::move(work)](const ErrorCode& cancelled) {
      if (!cancelled) work();
    });
  }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  CallId last_id_ = 0;
  std::unordered_map<CallId, std::shared_ptr<LoopCall>> calls_;
  std::thread thread_;
};

HttpLoop::HttpLoop() : impl_(std::make_unique<Impl>()) {}
HttpLoop::~HttpLoop() = default;
void HttpLoop::Post(std::function<void()> work) { impl_->Post(std::move(work)); }
HttpLoop::CallId HttpLoop::Start(HttpFetch fetch, std::function<void(HttpReply)> on_done) {
  return impl_->Start(std::move(fetch), std::move(on_done));
}
void HttpLoop::Cancel(CallId id) { impl_->Cancel(id); }
void HttpLoop::After(Clock::Duration delay, std::function<void()> work) {
  impl_->After(delay, std::move(work));
}

}  // namespace qed

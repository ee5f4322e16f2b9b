#include "net/http_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "net/request_text.h"
#include "net/response_parser.h"

namespace qed {
namespace {

constexpr std::chrono::seconds kKeepIdle{15};
constexpr size_t kMaxIdlePerServer = 256;
constexpr size_t kReadBytes = 64 << 10;

struct AddressList {
  AddressList() = default;
  AddressList(const AddressList&) = delete;
  AddressList& operator=(const AddressList&) = delete;
  ~AddressList() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
  addrinfo* first = nullptr;
};

// One call of Fetch: what it waits for and until when.
class Call {
 public:
  explicit Call(const HttpFetch& fetch) : fetch_(fetch), name_(fetch.url.Authority()) {}

  // kDeadlineExceeded or kCancelled, or OK once `events` or an error are there.
  Status Await(int fd, short events, Clock::Time until) const {
    while (true) {
      const Clock::Time now = Clock::Real().Now();
      const Clock::Time end = std::min(until, fetch_.deadline);
      if (fetch_.cancel != nullptr && fetch_.cancel->cancelled()) {
        return Cancelled("the request to " + name_ + " was cancelled");
      }
      if (now >= end) return TooSlow();
      // In steps, so that the arithmetic cannot overflow.
      const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(
          std::min<Clock::Duration>(end - now, std::chrono::hours(1)));
      pollfd waits[2] = {{fd, events, 0}, {fetch_.cancel ? fetch_.cancel->fd() : -1, POLLIN, 0}};
      if (::poll(waits, 2, static_cast<int>(wait.count()) + 1) > 0 && waits[0].revents != 0) {
        return OkStatus();
      }
    }
  }

  Result<UniqueFd> Connect() const;
  // Sends the request. False: not all of it could be, or the answer came before.
  Result<bool> Send(int fd) const;
  // Reads the response; whether the connection can be used again.
  Result<bool> Receive(int fd, HttpResponse& response) const;

 private:
  Status TooSlow() const { return DeadlineExceeded(name_ + " did not answer in time"); }
  Status Failed(std::string_view what, int error) const {
    std::string message = name_;
    message.append(": ").append(what).append(": ").append(std::strerror(error));
    return Unavailable(std::move(message));
  }
  Result<UniqueFd> ConnectTo(const addrinfo& address) const;

  const HttpFetch& fetch_;
  const std::string name_;
};

Result<UniqueFd> Call::ConnectTo(const addrinfo& address) const {
  UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Failed("cannot open a socket", errno);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) return Failed("cannot connect", errno);
  QED_RETURN_IF_ERROR(Await(fd.get(), POLLOUT, Clock::Real().Now() + fetch_.connect_timeout));
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Failed("cannot connect", error);
  return fd;
}

Result<UniqueFd> Call::Connect() const {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  AddressList found;
  const int error =
      ::getaddrinfo(fetch_.url.host.c_str(), fetch_.url.port.c_str(), &hints, &found.first);
  if (error != 0) return Unavailable(name_ + ": " + ::gai_strerror(error));
  Status last = Unavailable(name_ + ": the name has no address");
  for (const addrinfo* address = found.first; address != nullptr; address = address->ai_next) {
    Result<UniqueFd> fd = ConnectTo(*address);
    if (fd.ok() || fd.status().code() == StatusCode::kCancelled) return fd;
    last = fd.status();
  }
  return last;
}

Result<bool> Call::Send(int fd) const {
  const std::string request = FormatRequest(fetch_);
  std::string_view rest = request;
  while (!rest.empty()) {
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      rest.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      QED_RETURN_IF_ERROR(Await(fd, POLLIN | POLLOUT, Clock::Time::max()));
      pollfd answer = {fd, POLLIN, 0};
      if (::poll(&answer, 1, 0) > 0) return false;
    } else if (errno != EINTR) {
      return false;  // An answer may lie there nevertheless.
    }
  }
  return true;
}

Result<bool> Call::Receive(int fd, HttpResponse& response) const {
  ResponseParser parser({fetch_.method == "HEAD", fetch_.max_response_bytes, fetch_.on_data});
  std::string buffer;
  std::array<char, kReadBytes> bytes;
  bool at_end = false;
  while (parser.state() == ResponseParser::State::kReceiving && !at_end) {
    const Clock::Time until = fetch_.read_timeout.count() > 0
                                  ? Clock::Real().Now() + fetch_.read_timeout
                                  : Clock::Time::max();
    QED_RETURN_IF_ERROR(Await(fd, POLLIN, until));
    const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
    if (size < 0) return Failed("the connection broke", errno);
    at_end = size == 0;
    if (at_end) {
      parser.FeedEnd();
    } else {
      buffer.append(bytes.data(), static_cast<size_t>(size));
      buffer.erase(0, parser.Feed(buffer));
    }
  }
  switch (parser.state()) {
    case ResponseParser::State::kDone:
      response = parser.Take();
      return parser.keep_alive() && !at_end && buffer.empty();
    case ResponseParser::State::kTooLong:
      return ResourceExhausted(name_ + ": the response is longer than " +
                               std::to_string(fetch_.max_response_bytes) + " bytes");
    case ResponseParser::State::kStopped:
      return Cancelled("the request to " + name_ + " was cancelled");
    default:
      return at_end ? Unavailable(name_ + ": " + parser.error())
                    : Corrupt(name_ + " does not speak HTTP: " + parser.error());
  }
}

}  // namespace

std::string FormatRequest(const HttpFetch& fetch) {
  std::string out;
  out.append(fetch.method).append(" ").append(fetch.url.target).append(" HTTP/1.1\r\n");
  out.append("Host: ").append(fetch.url.Authority()).append("\r\n");
  for (const auto& [name, value] : fetch.headers) {
    QED_CHECK((name + value).find_first_of("\r\n") == std::string::npos) << "header " << name;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  if (!fetch.body.empty() || (fetch.method != "GET" && fetch.method != "HEAD")) {
    out.append("Content-Length: ").append(std::to_string(fetch.body.size())).append("\r\n");
  }
  return out.append("\r\n").append(fetch.body);
}

CancelToken::CancelToken() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  QED_CHECK(fd_ >= 0) << "eventfd: " << std::strerror(errno);
}
CancelToken::~CancelToken() { ::close(fd_); }

void CancelToken::Cancel() {
  cancelled_.store(true);
  const uint64_t one = 1;
  // Fails only if it would overflow: then it is readable already.
  if (::write(fd_, &one, sizeof(one)) < 0) return;
}

bool CancelToken::cancelled() const { return cancelled_.load(); }

// Connections that earlier calls left open, by server.
class HttpClient::Pool {
 public:
  // An invalid descriptor if there is none.
  UniqueFd Take(const std::string& server) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Idle>& idle = idle_[server];
    while (!idle.empty()) {
      Idle last = std::move(idle.back());
      idle.pop_back();
      pollfd wait = {last.fd.get(), POLLIN, 0};
      // Readable without a request: the server has closed it.
      if (Clock::Real().Now() - last.since < kKeepIdle && ::poll(&wait, 1, 0) == 0) {
        return std::move(last.fd);
      }
    }
    return UniqueFd();
  }

  void Keep(const std::string& server, UniqueFd fd) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Idle>& idle = idle_[server];
    if (idle.size() < kMaxIdlePerServer) idle.push_back({std::move(fd), Clock::Real().Now()});
  }

 private:
  struct Idle {
    UniqueFd fd;
    Clock::Time since;
  };
  std::mutex mutex_;
  std::map<std::string, std::vector<Idle>> idle_;
};

HttpClient::HttpClient() : pool_(std::make_unique<Pool>()) {}
HttpClient::~HttpClient() = default;

HttpReply HttpClient::Fetch(const HttpFetch& fetch) {
  const std::string server = fetch.url.Authority();
  const Call call(fetch);
  UniqueFd fd = pool_->Take(server);
  while (true) {
    const bool reused = fd.valid();
    if (!reused) {
      Result<UniqueFd> connected = call.Connect();
      if (!connected.ok()) return {connected.status(), /*never_sent=*/true, {}};
      fd = *std::move(connected);
    }
    const Result<bool> sent = call.Send(fd.get());
    if (!sent.ok()) return {sent.status(), /*never_sent=*/true, {}};
    HttpResponse response;
    const Result<bool> reusable = call.Receive(fd.get(), response);
    if (reusable.ok()) {
      if (*reusable && *sent) pool_->Keep(server, std::move(fd));
      return {OkStatus(), false, std::move(response)};
    }
    // The server closed a connection that was left open before it could see the
    // request: a new one is as good.
    const bool stale = reused && !*sent && reusable.status().code() == StatusCode::kUnavailable;
    if (!stale) return {reusable.status(), !*sent, {}};
    fd.Reset();
  }
}

}  // namespace qed

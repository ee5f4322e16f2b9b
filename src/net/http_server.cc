#include "net/http_server.h"

#include <thread>
#include <vector>

#include "base/log.h"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/post.hpp"
#include "net/connection.h"

namespace qed {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr size_t kMaxRefusing = 128;  // connections that are being told 503
constexpr std::chrono::milliseconds kAcceptPause{100};

class AsioServer : public HttpServer {
 public:
  AsioServer(const HttpServerConfig& config, HttpHandler handler)
      : core_(std::make_shared<ServerCore>(config, std::move(handler))),
        acceptor_(asio::make_strand(core_->io)),
        pause_(acceptor_.get_executor()),
        work_(asio::make_work_guard(core_->io)) {}
  ~AsioServer() override { Stop(); }

  Status Listen();

  uint16_t port() const override { return port_; }
  std::string url() const override { return url_; }
  bool is_on_loopback() const override { return is_on_loopback_; }
  Stats stats() const override;
  void StopAccepting() override;
  bool Drain(std::chrono::milliseconds patience) override;
  void Stop() override;

 private:
  Status Open(const tcp::endpoint& endpoint);
  void AcceptNext();
  void OnAccept(const ErrorCode& error, tcp::socket socket);
  void CloseAcceptor() {
    ErrorCode ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

  const std::shared_ptr<ServerCore> core_;
  tcp::acceptor acceptor_;  // used on its strand once the threads run
  asio::steady_timer pause_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
  uint16_t port_ = 0;
  std::string url_;
  bool is_on_loopback_ = false;
};

Status AsioServer::Listen() {
  const std::string& host = core_->config.host;
  const std::string address = host + " port " + std::to_string(core_->config.port);
  ErrorCode error;
  tcp::resolver resolver(core_->io);
  const auto found =
      resolver.resolve(host, std::to_string(core_->config.port), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return InvalidArgument("cannot listen on " + address + ": " + error.message());
  }
  const Status opened = Open(found.begin()->endpoint());
  if (!opened.ok()) return opened.WithPrefix("cannot listen on " + address);
  port_ = acceptor_.local_endpoint(error).port();
  is_on_loopback_ = acceptor_.local_endpoint(error).address().is_loopback();
  url_ = "http://" + Url{host, std::to_string(port_), ""}.Authority();
  AcceptNext();
  for (int32_t i = 0; i < core_->config.io_threads; ++i) {
    threads_.emplace_back([core = core_.get()] { core->io.run(); });
  }
  return OkStatus();
}

Status AsioServer::Open(const tcp::endpoint& endpoint) {
  ErrorCode error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  return error ? Unavailable(error.message()) : OkStatus();
}

void AsioServer::AcceptNext() {
  acceptor_.async_accept(asio::make_strand(core_->io),
                         [this](const ErrorCode& error, tcp::socket socket) {
                           if (acceptor_.is_open()) OnAccept(error, std::move(socket));
                         });
}

void AsioServer::OnAccept(const ErrorCode& error, tcp::socket socket) {
  if (error) {
    // Out of descriptors, most likely: connections that end will free some.
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](const ErrorCode& cancelled) {
      if (!cancelled && acceptor_.is_open()) AcceptNext();
    });
    return;
  }
  const auto limit = static_cast<size_t>(core_->config.max_connections);
  size_t open = 0;
  {
    const std::lock_guard<std::mutex> lock(core_->mutex);
    open = core_->connections.size();
  }
  if (open < limit + kMaxRefusing && !core_->draining.load()) {
    const auto connection = std::make_shared<Connection>(core_, std::move(socket));
    core_->Add(connection);
    asio::post(connection->executor(), [connection, refuse = open >= limit] {
      refuse ? connection->RefuseTooMany() : connection->Start();
    });
  } else {
    core_->rejected.fetch_add(1);
  }
  AcceptNext();
}

HttpServer::Stats AsioServer::stats() const {
  Stats stats;
  {
    const std::lock_guard<std::mutex> lock(core_->mutex);
    stats.connections = static_cast<int64_t>(core_->connections.size());
  }
  stats.requests = core_->requests.load();
  stats.rejected = core_->rejected.load();
  stats.malformed = core_->malformed.load();
  stats.forbidden = core_->forbidden.load();
  return stats;
}

void AsioServer::StopAccepting() {
  const std::shared_lock<std::shared_mutex> lock(core_->post_mutex);
  if (core_->stopped) return;
  core_->draining.store(true);
  asio::post(acceptor_.get_executor(), [this] { CloseAcceptor(); });
  core_->ForEach(&Connection::CloseIfIdle);
}

bool AsioServer::Drain(std::chrono::milliseconds patience) {
  StopAccepting();
  std::unique_lock<std::mutex> lock(core_->mutex);
  return core_->removed.wait_for(lock, patience, [this] { return core_->connections.empty(); });
}

void AsioServer::Stop() {
  {
    const std::unique_lock<std::shared_mutex> lock(core_->post_mutex);
    if (core_->stopped) return;
    core_->stopped = true;
  }
  core_->draining.store(true);
  asio::post(acceptor_.get_executor(), [this] {
    CloseAcceptor();
    core_->ForEach(&Connection::Abort);
  });
  work_.reset();
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerConfig& config,
                                                      HttpHandler handler) {
  QED_CHECK(config.io_threads >= 1 && config.max_connections >= 1 && handler);
  auto server = std::make_unique<AsioServer>(config, std::move(handler));
  QED_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

void WarnOfStrangers(const HttpServer& server, const RequestGuard& guard, std::string_view what) {
  if (server.is_on_loopback() || guard.has_key()) return;
  std::string line = "WARNING: everyone who can reach ";
  line.append(server.url()).append(" may ").append(what);
  line.append(": give it a key (--api-key FILE or QED_API_KEY) or let it listen on 127.0.0.1");
  LogLine(line);
}

}  // namespace qed

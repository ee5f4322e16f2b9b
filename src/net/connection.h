// One connection of the server: reads requests one after the other, sends their
// answers. Private to src/net: the only header that shows Boost.Asio.
#ifndef QED_NET_CONNECTION_H_
#define QED_NET_CONNECTION_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_set>
#include <utility>

#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/asio/strand.hpp"
#include "net/byte_budget.h"
#include "net/exchange.h"
#include "net/http_server.h"
#include "net/request_parser.h"

namespace qed {

class Connection;

// What the connections of a server share. Outlives all of them.
struct ServerCore {
  ServerCore(const HttpServerConfig& server_config, HttpHandler request_handler)
      : config(server_config),
        handler(std::move(request_handler)),
        budget(std::make_shared<ByteBudget>(server_config.max_buffered_bytes)),
        io(server_config.io_threads) {}

  void Add(std::shared_ptr<Connection> connection);
  void Remove(const std::shared_ptr<Connection>& connection);
  // Posts `call` with each open connection to that one's strand.
  void ForEach(void (Connection::*call)());

  const HttpServerConfig config;
  const HttpHandler handler;
  const std::shared_ptr<ByteBudget> budget;  // of bodies and answers
  boost::asio::io_context io;
  std::atomic<bool> draining{false};

  // Held shared to post work from outside; `stopped` is set under it, so that
  // nothing is posted to threads that have ended.
  std::shared_mutex post_mutex;
  bool stopped = false;

  std::mutex mutex;
  std::condition_variable removed;
  std::unordered_set<std::shared_ptr<Connection>> connections;

  std::atomic<int64_t> requests{0};
  std::atomic<int64_t> rejected{0};
  std::atomic<int64_t> malformed{0};
  std::atomic<int64_t> forbidden{0};
};

// Everything but Wake, Post and MustClose runs on the socket's strand.
class Connection : public Exchange::Host, public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  // `socket` has a strand for its executor.
  Connection(std::shared_ptr<ServerCore> core, Socket socket);

  void Start();
  // 503 and the end.
  void RefuseTooMany();
  void CloseIfIdle();
  void Abort();

  auto executor() { return socket_.get_executor(); }

  void Wake() override;
  void Post(std::function<void()> call) override;
  bool MustClose() const override { return core_->draining.load(); }

 private:
  using Timer = boost::asio::steady_timer;
  enum class Phase { kIdle, kReceiving, kAnswering, kLingering, kClosed };

  // Reading.
  void Advance();
  void AwaitInput();
  void OnReadable();
  void OnEndOfInput();
  // Asks the guard about a request whose header is there. False: it is answered.
  bool LetIn();
  void BeginBody();
  void Dispatch();
  void BeginAnswer(const HttpRequest& request, bool keep_alive);
  void FailRequest(int status, std::string_view message);
  void ArmReadTimer(std::chrono::milliseconds after);
  void OnReadTimeout();

  // Writing.
  void OnWake();
  void Flush();
  void AwaitOutput();
  void ArmWriteTimer();
  void OnFlushed();

  // Waits a little for the peer to read what was sent: closing a socket with
  // unread input would take the answer away from it.
  void Linger();
  void Close();

  const std::shared_ptr<ServerCore> core_;
  Socket socket_;
  Timer read_timer_;
  Timer write_timer_;
  uint64_t read_timer_set_ = 0;  // how often, so that late expiries are told apart
  uint64_t write_timer_set_ = 0;

  Phase phase_ = Phase::kIdle;
  std::string in_;
  std::unique_ptr<RequestParser> parser_;
  ByteShare body_share_;
  size_t lingered_ = 0;  // bytes thrown away in kLingering
  bool in_body_ = false;
  bool let_in_ = false;       // the guard has seen the header
  bool reading_ = false;      // a wait for input is under way
  bool peer_closed_ = false;  // its sending half

  std::shared_ptr<Exchange> exchange_;  // in kAnswering
  std::string out_;
  size_t out_sent_ = 0;
  bool writing_ = false;       // a wait for room is under way
  bool slow_ = false;          // the write timer runs
  size_t taken_ = 0;           // bytes since it was set
  bool answer_ended_ = false;  // out_ holds its last byte
  bool close_after_answer_ = false;
};

}  // namespace qed

#endif  // QED_NET_CONNECTION_H_

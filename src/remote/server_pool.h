// Several servers of one model: which of them live and have room.
#ifndef QED_REMOTE_SERVER_POOL_H_
#define QED_REMOTE_SERVER_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "net/http_loop.h"
#include "remote/server_info.h"

namespace qed {

struct PooledServer {
  ServerAddress address;
  int32_t capacity = 1;  // samples at a time
  bool up = true;        // it answered when it was asked
};

// How a server stands, for showing.
struct ServerState {
  std::string name;  // "host:port"
  bool up = false;
  int32_t in_flight = 0;  // samples
};

// Used on the loop's thread alone, once Begin was called, but for States. A server that fails is
// left alone for a while, longer with each time, and then asked whether it is back.
class ServerPool {
 public:
  struct Events {
    // A server may have room where there was none.
    std::function<void()> on_room;
    // No server has answered for as long as patience goes; `why` names them all.
    std::function<void(const Status& why)> on_lost;
    // One line about a server.
    std::function<void(const std::string&)> on_news;
  };

  // `info`: what all of them have to be. `loop` must outlive the pool.
  ServerPool(HttpLoop& loop, ServerInfo info, std::vector<PooledServer> servers,
             Clock::Duration patience, Events events);

  void Begin();

  // Counts a sample in at a server with room: `preferred` if it has any, else the one
  // with the largest share of its room free.
  std::optional<size_t> Take(std::optional<size_t> preferred);
  void GiveBack(size_t server);

  // What the samples saw of it.
  void OnProgress(size_t server) { servers_[server].pause = {}; }
  void OnGoodReply(size_t server) { servers_[server].has_replied = true; }
  // Whether a completion of it ever came to a proper end.
  bool has_replied(size_t server) const { return servers_[server].has_replied; }
  void OnFailure(size_t server, const Status& why);
  void OnBusy(size_t server, std::optional<double> retry_after);  // seconds

  const ServerAddress& address(size_t server) const { return servers_[server].known.address; }
  // From any thread.
  std::vector<ServerState> States() const;
  // Set from on_lost until a server is back.
  const std::optional<Status>& lost() const { return lost_; }

 private:
  struct Entry {
    explicit Entry(PooledServer server) : known(std::move(server)), up(known.up) {}

    const PooledServer known;  // as it was at the start
    std::atomic<bool> up;
    std::atomic<int32_t> in_flight = 0;
    bool has_replied = false;
    Clock::Time busy_until{};
    bool told_busy = false;
    Clock::Duration pause{};  // the last one
    Status why;               // it is not up
  };

  bool HasRoom(const Entry& entry) const;
  void AskLater(size_t server);
  void Ask(size_t server);
  Status Judge(const HttpReply& reply) const;
  void OnBack(size_t server);
  void CheckLost();

  HttpLoop& loop_;
  const ServerInfo info_;
  const Clock::Duration patience_;
  const Events events_;
  std::deque<Entry> servers_;
  int64_t times_alive_ = 0;  // how often a first server came up
  bool any_up_ = true;
  std::optional<Status> lost_;
};

}  // namespace qed

#endif  // QED_REMOTE_SERVER_POOL_H_

// The sessions of one machine by their ids: started when first used (from a spare
// one where there is one), capped, expired when idle.
//
// Above the cap a new session of Execute's caller waits for room, first come first
// served, in a bounded queue and for a bounded time. For a server's clients, of whom
// many delete nothing, TryReserve ends the session that was idle for the longest.
// What a client forgot expires. decisions/0018-sessions-make-room.md
#ifndef QED_SANDBOX_SESSION_POOL_H_
#define QED_SANDBOX_SESSION_POOL_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/sandbox_config.h"
#include "sandbox/client.h"
#include "sandbox/session.h"
#include "sandbox/zygote.h"

namespace qed {

struct SessionInfo {
  std::string id;
  const char* backend;   // "ipython", "python" or "shell"
  double created = 0;    // seconds since 1970
  double last_used = 0;  // its last cell's end, or start if one is running
  bool alive = false;    // false: its next cell starts it anew
};

// Thread-safe.
class SessionPool {
 public:
  // `clock` tells how long a session was idle.
  SessionPool(const SandboxConfig& config, std::unique_ptr<Zygote> zygote, const Clock& clock);
  // Kills every session. No call may be running.
  ~SessionPool();
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  // See LocalSandbox::Execute. kReserved: after TryReserve; kCancelled where the session
  // was closed since.
  enum class Room { kWaitedFor, kReserved };
  Result<ExecuteResult> Execute(const ExecuteRequest& request, Room room = Room::kWaitedFor);
  // Room for `id`, taken now and without waiting: its next Execute will not
  // wait. Where there is none, the session whose last cell ended first makes room.
  // False: a cell runs in each of them.
  bool TryReserve(const std::string& id);
  // Sessions that TryReserve ended.
  int64_t evicted() const;
  // Ends the session. False if there is none.
  bool Close(const std::string& id);
  // Ends all sessions; later calls fail with kUnavailable.
  void Shutdown();
  std::vector<SessionInfo> List() const;
  size_t size() const;
  // Ends the sessions that nobody used for the configured time, and those that do not
  // stand still though no cell runs in them; a thread of the pool does so every second.
  void ExpireIdle();
  // `listener` is called, on any thread, when room may have come. Once, before use.
  void SetRoomListener(std::function<void()> listener) { on_room_ = std::move(listener); }
  // Starts a session beside those of clients and runs a cell in it.
  Status Probe();
  std::vector<std::string> Weakened() const;
  std::string Packages() const;  // Zygote::packages

 private:
  struct Slot;
  struct Ticket;

  Result<std::shared_ptr<Slot>> Acquire(const std::string& id, Room room);
  // Sessions that do not stand still though no cell runs in them.
  std::vector<std::shared_ptr<Slot>> TakeRestless();
  Result<ExecuteResult> RunIn(Slot& slot, const ExecuteRequest& request);
  void Release(const std::string& id, const std::shared_ptr<Slot>& slot, bool retire);
  // These three REQUIRE mutex_.
  bool HasRoom() const { return slots_.size() < static_cast<size_t>(config_.max_sessions); }
  std::shared_ptr<Slot> Add(const std::string& id);
  // Gives room to those who wait for it.
  void GrantRoom();
  // Takes the session that was idle for the longest out of the table. False: none is.
  bool EvictOne();
  Status Overloaded(const char* why) const;
  void TellOfRoom() const;

  Result<std::unique_ptr<Session>> StartSession(const std::string& id);
  Result<std::unique_ptr<Session>> StartFresh();
  std::unique_ptr<Session> TakeSpare();
  std::shared_ptr<Zygote> CurrentZygote() const;
  Status ReplaceZygote(const std::shared_ptr<Zygote>& dead);
  void RefillSpares();
  void KeepHouse();

  const SandboxConfig config_;
  const Clock& clock_;
  std::function<void()> on_room_;

  mutable std::mutex zygote_mutex_;
  std::shared_ptr<Zygote> zygote_;

  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, std::shared_ptr<Slot>> slots_;
  std::list<Ticket*> waiting_;
  int64_t evicted_ = 0;
  bool shut_down_ = false;

  std::mutex house_mutex_;  // of what follows
  std::condition_variable house_;
  std::vector<std::unique_ptr<Session>> spares_;
  std::vector<std::shared_ptr<Slot>> ended_;  // to be let go, which takes a moment
  bool stopping_ = false;

  std::thread housekeeper_;  // last: it uses everything above
};

}  // namespace qed

#endif  // QED_SANDBOX_SESSION_POOL_H_

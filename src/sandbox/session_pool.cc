#include "sandbox/session_pool.h"

#include <algorithm>
#include <chrono>

namespace qed {

// What is known of one id. `turn` is held while its cell runs; `mutex` guards
// `retired` and `session`, so that Close need not wait for a turn; the pool's
// mutex guards the rest.
struct SessionPool::Slot {
  bool IsRetired() {
    const std::lock_guard<std::mutex> lock(mutex);
    return retired;
  }
  void RetireAndKill() {
    const std::lock_guard<std::mutex> lock(mutex);
    retired = true;
    if (session != nullptr) session->Kill();
  }
  bool IsAlive() {
    const std::lock_guard<std::mutex> lock(mutex);
    return session == nullptr || !session->HasEnded();
  }
  // No cell may be running in it.
  bool IsAtRest() {
    const std::lock_guard<std::mutex> lock(mutex);
    return session == nullptr || session->IsAtRest();
  }

  std::mutex turn;
  std::mutex mutex;
  bool retired = false;              // no longer in the table
  std::unique_ptr<Session> session;  // set once, by the first turn

  const char* backend = "ipython";
  double created = 0;
  double last_used = 0;
  Clock::Time idle_since;
  int32_t users = 0;      // calls of Execute
  int64_t uses = 0;       // the same, ever
  bool reserved = false;  // one is to come

  bool is_idle() const { return users == 0 && !reserved; }
};

// One who waits for room.
struct SessionPool::Ticket {
  std::string id;
  std::condition_variable granted;
  std::shared_ptr<Slot> slot;
};

SessionPool::SessionPool(const SandboxConfig& config, std::unique_ptr<Zygote> zygote,
                         const Clock& clock)
    : config_(config),
      clock_(clock),
      zygote_(std::move(zygote)),
      housekeeper_([this] { KeepHouse(); }) {}

SessionPool::~SessionPool() {
  {
    const std::lock_guard<std::mutex> lock(house_mutex_);
    stopping_ = true;
    house_.notify_all();
  }
  housekeeper_.join();
}

// ---- The table

std::shared_ptr<SessionPool::Slot> SessionPool::Add(const std::string& id) {
  auto slot = std::make_shared<Slot>();
  slot->created = slot->last_used = UnixSeconds();
  slot->idle_since = clock_.Now();
  slots_.emplace(id, slot);
  return slot;
}

Status SessionPool::Overloaded(const char* why) const {
  return ResourceExhausted("all " + std::to_string(config_.max_sessions) +
                           " sandbox sessions are in use and " + why +
                           ": close some or raise --sandbox-max-sessions");
}

Result<std::shared_ptr<SessionPool::Slot>> SessionPool::Acquire(const std::string& id, Room room) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (shut_down_) return Unavailable("the sandbox is shutting down");
  const auto found = slots_.find(id);
  std::shared_ptr<Slot> slot;
  if (found != slots_.end()) {
    slot = found->second;
  } else if (room == Room::kReserved) {
    return Cancelled("the session was closed before its code ran");
  } else if (HasRoom() && waiting_.empty()) {
    slot = Add(id);
  }
  if (slot != nullptr) {
    ++slot->users;
    ++slot->uses;
    slot->reserved = false;
    return slot;
  }
  if (waiting_.size() >= static_cast<size_t>(config_.max_waiting)) {
    return Overloaded("too many calls wait for one");
  }
  Ticket ticket{id, {}, nullptr};
  waiting_.push_back(&ticket);
  ticket.granted.wait_for(lock, ToDuration(config_.max_wait),
                          [&ticket] { return ticket.slot != nullptr; });
  if (ticket.slot != nullptr) return ticket.slot;
  waiting_.remove(&ticket);
  return Overloaded("none was closed in time");
}

void SessionPool::GrantRoom() {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    Ticket& ticket = **next;
    const auto found = slots_.find(ticket.id);
    if (found == slots_.end() && !HasRoom()) {
      ++next;  // Others may wait for a session that is there by now.
      continue;
    }
    ticket.slot = found != slots_.end() ? found->second : Add(ticket.id);
    ++ticket.slot->users;
    ++ticket.slot->uses;
    next = waiting_.erase(next);
    ticket.granted.notify_one();
  }
}

void SessionPool::TellOfRoom() const {
  if (on_room_) on_room_();
}

bool SessionPool::TryReserve(const std::string& id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto found = slots_.find(id); found != slots_.end()) {
    found->second->reserved = true;
    return true;
  }
  if (!waiting_.empty() || (!HasRoom() && !EvictOne())) return false;
  Add(id)->reserved = true;
  return true;
}

bool SessionPool::EvictOne() {
  auto oldest = slots_.end();
  for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
    if (!slot->second->is_idle()) continue;
    if (oldest == slots_.end() || slot->second->idle_since < oldest->second->idle_since) {
      oldest = slot;
    }
  }
  if (oldest == slots_.end()) return false;
  const std::shared_ptr<Slot> slot = oldest->second;
  slots_.erase(oldest);
  ++evicted_;
  slot->RetireAndKill();
  const std::lock_guard<std::mutex> lock(house_mutex_);
  ended_.push_back(slot);
  house_.notify_all();
  return true;
}

int64_t SessionPool::evicted() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return evicted_;
}

void SessionPool::Release(const std::string& id, const std::shared_ptr<Slot>& slot, bool retire) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    --slot->users;
    slot->idle_since = clock_.Now();
    slot->last_used = UnixSeconds();
    const auto found = slots_.find(id);
    if (retire && found != slots_.end() && found->second == slot) {
      slots_.erase(found);
      GrantRoom();
    }
  }
  if (retire) {
    slot->RetireAndKill();
    TellOfRoom();
  }
}

bool SessionPool::Close(const std::string& id) {
  std::shared_ptr<Slot> slot;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = slots_.find(id);
    if (found == slots_.end()) return false;
    slot = found->second;
    slots_.erase(found);
    GrantRoom();
  }
  slot->RetireAndKill();
  TellOfRoom();
  return true;
}

void SessionPool::Shutdown() {
  std::map<std::string, std::shared_ptr<Slot>> slots;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    shut_down_ = true;
    slots.swap(slots_);
  }
  for (const auto& [id, slot] : slots) slot->RetireAndKill();
}

size_t SessionPool::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return slots_.size();
}

std::vector<SessionInfo> SessionPool::List() const {
  std::vector<SessionInfo> list;
  std::vector<std::shared_ptr<Slot>> slots;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [id, slot] : slots_) {
      list.push_back({id, slot->backend, slot->created, slot->last_used, false});
      slots.push_back(slot);
    }
  }
  for (size_t i = 0; i < list.size(); ++i) list[i].alive = slots[i]->IsAlive();
  return list;
}

std::vector<std::shared_ptr<SessionPool::Slot>> SessionPool::TakeRestless() {
  struct Idle {
    std::string id;
    std::shared_ptr<Slot> slot;
    int64_t uses;
  };
  std::vector<Idle> idle;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [id, slot] : slots_) {
      if (slot->is_idle()) idle.push_back({id, slot, slot->uses});
    }
  }
  std::erase_if(idle, [](const Idle& one) { return one.slot->IsAtRest(); });
  std::vector<std::shared_ptr<Slot>> restless;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Idle& one : idle) {
    // A cell may have begun meanwhile.
    const auto found = slots_.find(one.id);
    if (found == slots_.end() || found->second != one.slot || !one.slot->is_idle() ||
        one.slot->uses != one.uses) {
      continue;
    }
    slots_.erase(found);
    restless.push_back(one.slot);
  }
  return restless;
}

void SessionPool::ExpireIdle() {
  std::vector<std::shared_ptr<Slot>> expired = TakeRestless();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool never = config_.session_idle_timeout == 0;
    const Clock::Time latest = clock_.Now() - ToDuration(config_.session_idle_timeout);
    for (auto next = slots_.begin(); next != slots_.end();) {
      const Slot& slot = *next->second;
      const bool late = !never && slot.is_idle() && slot.idle_since <= latest;
      if (late) expired.push_back(next->second);
      next = late ? slots_.erase(next) : std::next(next);
    }
    if (!expired.empty()) GrantRoom();
  }
  for (const std::shared_ptr<Slot>& slot : expired) slot->RetireAndKill();
  if (!expired.empty()) TellOfRoom();
}

// ---- Running cells

Result<ExecuteResult> SessionPool::Execute(const ExecuteRequest& request, Room room) {
  while (true) {
    QED_ASSIGN_OR_RETURN(const std::shared_ptr<Slot> slot, Acquire(request.session_id, room));
    room = Room::kWaitedFor;
    const std::lock_guard<std::mutex> turn(slot->turn);
    // Lost while this call waited for its turn, or since its last cell.
    const bool is_lost = slot->IsRetired();
    if (is_lost || !slot->IsAtRest()) {
      Release(request.session_id, slot, /*retire=*/!is_lost);
      continue;
    }
    Result<ExecuteResult> result = RunIn(*slot, request);
    const bool one_shot = IsOneShot(request.language);
    const bool lost = !result.ok() || !slot->session->alive();
    Release(request.session_id, slot, one_shot || lost);
    return result;
  }
}

Result<ExecuteResult> SessionPool::RunIn(Slot& slot, const ExecuteRequest& request) {
  const bool is_new = slot.session == nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    slot.last_used = UnixSeconds();
    if (request.language == CodeLanguage::kPython) slot.backend = "python";
    if (request.language == CodeLanguage::kShell) slot.backend = "shell";
  }
  if (is_new) {
    const bool one_shot = IsOneShot(request.language);
    QED_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                         StartSession(one_shot ? "python" : request.session_id));
    const std::lock_guard<std::mutex> lock(slot.mutex);
    slot.session = std::move(session);
    if (slot.retired) slot.session->Kill();
  }
  ExecuteResult result = slot.session->RunCell(request);
  if (slot.IsRetired()) return Cancelled("the session was closed while its code ran");
  result.new_session_created = is_new && request.language == CodeLanguage::kIPython;
  return result;
}

Status SessionPool::Probe() {
  ExecuteRequest probe;
  probe.session_id = "probe";
  probe.generated_code = "import sympy\nprint(sympy.Integer(6) * 7)";
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, StartSession(probe.session_id));
  const ExecuteResult result = session->RunCell(probe);
  if (result.out == "42\n") return OkStatus();
  std::string message = "a cell printed \"";
  message.append(result.out).append(result.err);
  message.append("\" and not 42: is --sandbox-memory-bytes large enough?");
  return Unavailable(std::move(message));
}

// ---- Starting sessions

// With a new warm interpreter if the old one died.
Result<std::unique_ptr<Session>> SessionPool::StartSession(const std::string& id) {
  if (std::unique_ptr<Session> spare = TakeSpare(); spare && spare->SetIdentity(id).ok()) {
    return spare;
  }
  QED_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, StartFresh());
  QED_RETURN_IF_ERROR(session->SetIdentity(id));
  return session;
}

Result<std::unique_ptr<Session>> SessionPool::StartFresh() {
  const std::shared_ptr<Zygote> zygote = CurrentZygote();
  Result<std::unique_ptr<Session>> session = Session::Start(*zygote);
  if (session.status().code() != StatusCode::kUnavailable || !zygote->IsDead()) return session;
  QED_RETURN_IF_ERROR(ReplaceZygote(zygote));
  return Session::Start(*CurrentZygote());
}

std::unique_ptr<Session> SessionPool::TakeSpare() {
  const std::lock_guard<std::mutex> lock(house_mutex_);
  while (!spares_.empty()) {
    std::unique_ptr<Session> spare = std::move(spares_.back());
    spares_.pop_back();
    house_.notify_all();
    if (!spare->HasEnded()) return spare;
  }
  return nullptr;
}

std::shared_ptr<Zygote> SessionPool::CurrentZygote() const {
  const std::lock_guard<std::mutex> lock(zygote_mutex_);
  return zygote_;
}

Status SessionPool::ReplaceZygote(const std::shared_ptr<Zygote>& dead) {
  const std::lock_guard<std::mutex> lock(zygote_mutex_);
  if (zygote_ != dead) return OkStatus();  // another call was first
  QED_ASSIGN_OR_RETURN(zygote_, Zygote::Start(config_));
  return OkStatus();
}

std::vector<std::string> SessionPool::Weakened() const { return CurrentZygote()->Weakened(); }
std::string SessionPool::Packages() const { return CurrentZygote()->packages(); }

// ---- Housekeeping

void SessionPool::RefillSpares() {
  const auto wanted = static_cast<size_t>(config_.spare_sessions);
  while (true) {
    {
      const std::lock_guard<std::mutex> lock(house_mutex_);
      if (stopping_ || spares_.size() >= wanted) return;
    }
    Result<std::unique_ptr<Session>> session = StartFresh();
    if (!session.ok()) return;  // whoever needs a session will say why
    const std::lock_guard<std::mutex> lock(house_mutex_);
    spares_.push_back(*std::move(session));
  }
}

void SessionPool::KeepHouse() {
  std::unique_lock<std::mutex> lock(house_mutex_);
  while (!stopping_) {
    std::vector<std::shared_ptr<Slot>> ended;
    ended.swap(ended_);
    lock.unlock();
    ended.clear();
    ExpireIdle();
    RefillSpares();
    lock.lock();
    // Wakes early when a spare was taken. One that cannot be replaced is tried
    // again a second later.
    if (!stopping_) house_.wait_for(lock, std::chrono::seconds(1));
  }
}

}  // namespace qed

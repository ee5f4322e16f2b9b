#include "sandbox/local_sandbox.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <map>
#include <mutex>

#include "sandbox/session.h"
#include "sandbox/zygote.h"

namespace qed {
namespace {

constexpr rlim_t kFdsPerSession = 8;  // four in use, more while one starts
constexpr rlim_t kOtherFds = 256;
constexpr double kMaxTimeout = 1e6;  // seconds

// Sessions need descriptors; a soft limit below the hard one may be raised.
Status EnsureDescriptors(int32_t max_sessions) {
  const rlim_t needed = static_cast<rlim_t>(max_sessions) * kFdsPerSession + kOtherFds;
  struct rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return IoError(std::string("getrlimit: ") + std::strerror(errno));
  }
  if (limit.rlim_cur >= needed) return OkStatus();
  limit.rlim_cur = std::min(needed, limit.rlim_max);
  if (limit.rlim_cur < needed || ::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return ResourceExhausted("--sandbox-max-sessions " + std::to_string(max_sessions) + " needs " +
                             std::to_string(needed) + " open files, ulimit -n allows " +
                             std::to_string(limit.rlim_max) + ": raise it or ask for fewer");
  }
  return OkStatus();
}

Status CheckRequest(const ExecuteRequest& request) {
  if (request.session_id.empty() || request.session_id.size() > 256) {
    return InvalidArgument("session_id must have from 1 to 256 characters");
  }
  if (request.generated_code.size() > LocalSandbox::kMaxSourceBytes) {
    return InvalidArgument("generated_code is longer than 1 MiB");
  }
  if (!(request.timeout > 0 && request.timeout <= kMaxTimeout)) {
    return InvalidArgument("timeout must be more than 0 and at most 1e6 seconds");
  }
  if (request.max_output_characters < 0 || request.max_output_characters > (1 << 24)) {
    return InvalidArgument("max_output_characters must be from 0 to 16777216");
  }
  return OkStatus();
}

}  // namespace

class LocalSandbox::Sessions {
 public:
  Sessions(const SandboxConfig& config, std::unique_ptr<Zygote> zygote)
      : config_(config), zygote_(std::move(zygote)) {}

  Result<ExecuteResult> Execute(const ExecuteRequest& request) {
    while (true) {
      QED_ASSIGN_OR_RETURN(const std::shared_ptr<Slot> slot, FindOrAdd(request.session_id));
      const std::lock_guard<std::mutex> turn(slot->turn);
      if (slot->IsRetired()) continue;  // lost while this call waited for its turn
      Result<ExecuteResult> result = RunIn(*slot, request);
      if (!result.ok() || !slot->session->alive()) Retire(request.session_id, slot);
      return result;
    }
  }

  void Close(const std::string& id) {
    std::shared_ptr<Slot> slot;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto found = slots_.find(id);
      if (found == slots_.end()) return;
      slot = found->second;
      slots_.erase(found);
    }
    slot->RetireAndKill();
  }

 private:
  // What is known of one id. `turn` is held while its cell runs; `mutex` guards
  // the rest, so that Close need not wait for a turn.
  struct Slot {
    bool IsRetired() {
      const std::lock_guard<std::mutex> lock(mutex);
      return retired;
    }
    void RetireAndKill() {
      const std::lock_guard<std::mutex> lock(mutex);
      retired = true;
      if (session != nullptr) session->Kill();
    }

    std::mutex turn;
    std::mutex mutex;
    bool retired = false;              // no longer in the table
    std::unique_ptr<Session> session;  // set once, by the first turn
  };

  Result<std::shared_ptr<Slot>> FindOrAdd(const std::string& id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = slots_.find(id);
    if (found != slots_.end()) return found->second;
    if (slots_.size() >= static_cast<size_t>(config_.max_sessions)) {
      return ResourceExhausted("all " + std::to_string(config_.max_sessions) +
                               " sandbox sessions are in use: close one or raise "
                               "--sandbox-max-sessions");
    }
    return slots_.emplace(id, std::make_shared<Slot>()).first->second;
  }

  Result<ExecuteResult> RunIn(Slot& slot, const ExecuteRequest& request) {
    const bool is_new = slot.session == nullptr;
    if (is_new) {
      QED_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, StartSession(request.session_id));
      const std::lock_guard<std::mutex> lock(slot.mutex);
      slot.session = std::move(session);
      if (slot.retired) slot.session->Kill();
    }
    ExecuteResult result = slot.session->RunCell(request);
    if (slot.IsRetired()) return Cancelled("the session was closed while its code ran");
    result.new_session_created = is_new;
    return result;
  }

  // With a new warm interpreter if the old one died.
  Result<std::unique_ptr<Session>> StartSession(const std::string& id) {
    const std::shared_ptr<Zygote> zygote = CurrentZygote();
    Result<std::unique_ptr<Session>> session = Session::Start(*zygote, id);
    if (session.status().code() != StatusCode::kUnavailable || !zygote->IsDead()) return session;
    QED_RETURN_IF_ERROR(ReplaceZygote(zygote));
    return Session::Start(*CurrentZygote(), id);
  }

  std::shared_ptr<Zygote> CurrentZygote() {
    const std::lock_guard<std::mutex> lock(zygote_mutex_);
    return zygote_;
  }

  Status ReplaceZygote(const std::shared_ptr<Zygote>& dead) {
    const std::lock_guard<std::mutex> lock(zygote_mutex_);
    if (zygote_ != dead) return OkStatus();  // another call was first
    QED_ASSIGN_OR_RETURN(zygote_, Zygote::Start(config_));
    return OkStatus();
  }

  void Retire(const std::string& id, const std::shared_ptr<Slot>& slot) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto found = slots_.find(id);
      if (found != slots_.end() && found->second == slot) slots_.erase(found);
    }
    slot->RetireAndKill();
  }

  const SandboxConfig config_;
  std::mutex zygote_mutex_;
  std::shared_ptr<Zygote> zygote_;
  std::mutex mutex_;  // of slots_
  std::map<std::string, std::shared_ptr<Slot>> slots_;
};

LocalSandbox::LocalSandbox(std::unique_ptr<Sessions> sessions) : sessions_(std::move(sessions)) {}
LocalSandbox::~LocalSandbox() = default;

Result<std::unique_ptr<LocalSandbox>> LocalSandbox::Create(const SandboxConfig& config) {
  QED_RETURN_IF_ERROR(ValidateKnobs(config));
  QED_RETURN_IF_ERROR(EnsureDescriptors(config.max_sessions));
  Result<std::unique_ptr<Zygote>> zygote = Zygote::Start(config);
  if (!zygote.ok()) return zygote.status().WithPrefix("sandbox");
  std::unique_ptr<LocalSandbox> sandbox(
      new LocalSandbox(std::make_unique<Sessions>(config, *std::move(zygote))));

  ExecuteRequest probe;
  probe.session_id = "probe";
  probe.generated_code = "import sympy\nprint(sympy.Integer(6) * 7)";
  Result<ExecuteResult> result = sandbox->Execute(probe);
  if (!result.ok()) return result.status().WithPrefix("sandbox");
  if (result->out != "42\n") {
    return Unavailable("sandbox: the first cell printed \"" + result->out + result->err +
                       "\" and not 42: is --sandbox-memory-bytes large enough?");
  }
  sandbox->CloseSession(probe.session_id);
  return sandbox;
}

Result<ExecuteResult> LocalSandbox::Execute(const ExecuteRequest& request) {
  QED_RETURN_IF_ERROR(CheckRequest(request));
  return sessions_->Execute(request);
}

void LocalSandbox::CloseSession(const std::string& session_id) { sessions_->Close(session_id); }

}  // namespace qed

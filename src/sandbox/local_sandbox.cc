#include "sandbox/local_sandbox.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sandbox/session_pool.h"
#include "sandbox/zygote.h"

namespace qed {
namespace {

constexpr rlim_t kFdsPerSession = 8;  // four in use, more while one starts
constexpr rlim_t kOtherFds = 256;

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

}  // namespace

LocalSandbox::LocalSandbox(std::unique_ptr<SessionPool> pool) : pool_(std::move(pool)) {}
LocalSandbox::~LocalSandbox() = default;

Result<std::unique_ptr<LocalSandbox>> LocalSandbox::Create(const SandboxConfig& config,
                                                           const Clock& clock) {
  QED_RETURN_IF_ERROR(ValidateKnobs(config));
  QED_RETURN_IF_ERROR(EnsureDescriptors(config.max_sessions + config.spare_sessions));
  Result<std::unique_ptr<Zygote>> zygote = Zygote::Start(config);
  if (!zygote.ok()) return zygote.status().WithPrefix("sandbox");
  auto pool = std::make_unique<SessionPool>(config, *std::move(zygote), clock);
  const Status works = pool->Probe();
  if (!works.ok()) return works.WithPrefix("sandbox");
  return std::unique_ptr<LocalSandbox>(new LocalSandbox(std::move(pool)));
}

Result<ExecuteResult> LocalSandbox::Execute(const ExecuteRequest& request) {
  QED_RETURN_IF_ERROR(CheckExecuteRequest(request));
  return pool_->Execute(request);
}

void LocalSandbox::CloseSession(const std::string& session_id) { pool_->Close(session_id); }

}  // namespace qed

#include "sandbox/local_sandbox.h"

#include "base/descriptor_limit.h"
#include "sandbox/session_pool.h"
#include "sandbox/zygote.h"

namespace qed {
namespace {

constexpr uint64_t kFdsPerSession = 8;  // four in use, more while one starts
constexpr uint64_t kOtherFds = 256;

// Sessions need descriptors; a soft limit below the hard one may be raised.
Status EnsureDescriptors(int32_t max_sessions) {
  const uint64_t needed = static_cast<uint64_t>(max_sessions) * kFdsPerSession + kOtherFds;
  const uint64_t allowed = RaiseDescriptorLimit(needed);
  if (allowed >= needed) return OkStatus();
  return ResourceExhausted("--sandbox-max-sessions " + std::to_string(max_sessions) + " needs " +
                           std::to_string(needed) + " open files, ulimit -n allows " +
                           std::to_string(allowed) + ": raise it or ask for fewer");
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

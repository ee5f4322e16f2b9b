#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"
#include "sandbox/jail/steps.h"

namespace qed::jail {
namespace {

constexpr rlim_t kMaxDescriptors = 128;
constexpr rlim_t kMaxSignals = 256;
// Deep recursion with a raised recursion limit is common in solutions.
constexpr rlim_t kStackBytes = rlim_t{64} << 20;

struct Limit {
  const char* name;
  __rlimit_resource_t resource;
  rlim_t value;
};

}  // namespace

Status SetResourceLimits(const QedSessionLimits& limits) {
  const auto bytes = [](int64_t value) { return static_cast<rlim_t>(std::max<int64_t>(value, 0)); };
  const Limit kLimits[] = {
      {"address space", RLIMIT_AS, bytes(limits.memory_bytes)},
      {"CPU seconds", RLIMIT_CPU, bytes(limits.cpu_seconds)},
      {"processes", RLIMIT_NPROC, bytes(limits.max_processes)},
      {"file size", RLIMIT_FSIZE, bytes(limits.tmp_bytes)},
      {"open files", RLIMIT_NOFILE, kMaxDescriptors},
      {"core size", RLIMIT_CORE, 0},
      {"stack", RLIMIT_STACK, kStackBytes},
      {"locked memory", RLIMIT_MEMLOCK, 0},
      {"message queues", RLIMIT_MSGQUEUE, 0},
      {"pending signals", RLIMIT_SIGPENDING, kMaxSignals},
      {"priority", RLIMIT_NICE, 0},
      {"real-time priority", RLIMIT_RTPRIO, 0},
  };
  for (const Limit& limit : kLimits) {
    struct rlimit old;
    if (::getrlimit(limit.resource, &old) != 0) return ErrnoStatus("getrlimit");
    const rlim_t value = std::min(limit.value, old.rlim_max);
    const struct rlimit both = {value, value};
    if (::setrlimit(limit.resource, &both) != 0) {
      return ErrnoStatus(std::string("setrlimit of ") + limit.name);
    }
  }
  return OkStatus();
}

Status PreferOomKill() {
  const UniqueFd file(OpenProcSelf("oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (!file.valid() || ::write(file.get(), "1000", 4) != 4) {
    return ErrnoStatus("write /proc/self/oom_score_adj");
  }
  return OkStatus();
}

}  // namespace qed::jail

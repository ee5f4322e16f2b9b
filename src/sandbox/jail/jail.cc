#include "sandbox/jail/jail.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "sandbox/jail/steps.h"

namespace qed::jail {
namespace {

// The first descriptor that a session does not keep: 0 to 2 are its standard
// streams, 3 is the way to the program.
constexpr int kFirstForeignFd = 4;

// Users of sessions where there are no user namespaces: one for each session,
// so that limits and signals of one do not touch another. Far from real ones.
constexpr uint32_t kFirstSessionUser = 0x70000000;

// What LeaveHost learned. Sessions inherit it by fork.
struct Jail {
  uint32_t missing = 0;
  int landlock = 0;
  std::vector<std::string> paths;
  std::vector<sock_filter> filter;

  bool lacks(Mechanism mechanism) const { return (missing & mechanism) != 0; }
};
Jail jail;

Status CheckMissing(uint32_t missing, uint32_t allowed, const std::string& why) {
  if ((missing & kSeccomp) != 0 && (missing & kNeedSeccomp) != 0) {
    return Unsupported(MechanismNames(missing) + " cannot be had here (" + why +
                       "): without seccomp there must be namespaces of processes and networks");
  }
  const uint32_t refused = missing & ~allowed;
  if (refused == 0) return OkStatus();
  return Unsupported(MechanismNames(refused) + " cannot be had here (" + why +
                     "); --allow-weaker-isolation=" + MechanismNames(missing) +
                     " would do without");
}

// The order within: what needs privileges, then what gives them up.
Status LeaveHost(const std::vector<std::string>& paths, uint32_t allowed) {
  jail.paths = paths;
  jail.landlock = LandlockVersion();
  std::string why = "the kernel needs CONFIG_SECCOMP_FILTER";
  uint32_t missing = SeccompWorks() ? 0 : kSeccomp;
  QED_RETURN_IF_ERROR(OpenProc());
  if (UserNamespacesWork(&why)) {
    QED_RETURN_IF_ERROR(BecomeOrdinaryUser());
  } else {
    missing |= kUserNamespace;
  }
  QED_ASSIGN_OR_RETURN(const uint32_t namespaces, EnterNamespacesThatWork(missing, &why));
  missing |= namespaces;
  if ((missing & kMountNamespace) == 0 && MountingIsForbidden(&why)) missing |= kMountNamespace;
  QED_RETURN_IF_ERROR(CheckMissing(missing, allowed, why));
  jail.missing = missing;
  if (!jail.lacks(kSeccomp)) {
    QED_ASSIGN_OR_RETURN(jail.filter, CompileFilter(jail.lacks(kPidNamespace)));
  }
  return jail.lacks(kMountNamespace) ? OkStatus() : BuildRoot(paths);
}

Status StartZygote() {
  QED_RETURN_IF_ERROR(DieWithParent());
  return jail.lacks(kUtsNamespace) ? OkStatus() : SetHostname();
}

Status LeaveZygote() {
  // Else the session is PID 1 of a namespace that dies with the zygote's.
  if (jail.lacks(kPidNamespace)) QED_RETURN_IF_ERROR(DieWithParent());
  return EnterNamespaces(jail.missing | kPidNamespace);
}

Status LockFiles() {
  if (jail.landlock == 0) return OkStatus();
  std::vector<std::string> readable = jail.paths;
  readable.insert(readable.end(), {"/bin", "/lib", "/lib64", "/etc/ld.so.cache"});
  if (jail.lacks(kMountNamespace)) return RestrictFiles(jail.landlock, readable, "", "");
  readable.push_back("/etc");
  return RestrictFiles(jail.landlock, readable, "/", "/tmp");
}

Status SealSession(QedSessionLimits limits) {
  const bool privileged = jail.lacks(kUserNamespace) && ::geteuid() == 0;
  const uint32_t user =
      privileged ? kFirstSessionUser + static_cast<uint32_t>(::getpid()) : ::geteuid();
  if (jail.lacks(kMountNamespace)) {
    limits.tmp_bytes = 0;  // No file can grow.
  } else {
    QED_RETURN_IF_ERROR(MountTmp(limits.tmp_bytes, user));
  }
  QED_RETURN_IF_ERROR(PreferOomKill());
  QED_RETURN_IF_ERROR(CloseDescriptorsFrom(kFirstForeignFd));
  QED_RETURN_IF_ERROR(SetResourceLimits(limits));
  QED_RETURN_IF_ERROR(DropPrivileges(user));
  QED_RETURN_IF_ERROR(LockFiles());
  return jail.lacks(kSeccomp) ? OkStatus() : FilterSystemCalls(jail.filter);
}

int Report(const Status& status, char* error, size_t error_size) {
  if (status.ok()) return 0;
  std::snprintf(error, error_size, "%s", status.message().c_str());
  return -1;
}

}  // namespace
}  // namespace qed::jail

#define QED_EXPORT __attribute__((visibility("default")))

extern "C" {

QED_EXPORT int qed_jail_leave_host(const char* const* paths, size_t path_count, uint32_t allowed,
                                   uint32_t* missing, char* error, size_t error_size) {
  const qed::Status status = qed::jail::LeaveHost({paths, paths + path_count}, allowed);
  *missing = qed::jail::jail.missing | (qed::jail::jail.landlock == 0 ? qed::kLandlock : 0);
  return qed::jail::Report(status, error, error_size);
}

QED_EXPORT int qed_jail_start_zygote(char* error, size_t error_size) {
  return qed::jail::Report(qed::jail::StartZygote(), error, error_size);
}

QED_EXPORT int qed_jail_before_fork(char* error, size_t error_size) {
  if (qed::jail::jail.lacks(qed::kPidNamespace)) return 0;
  return qed::jail::Report(qed::jail::ForkIntoNewPidNamespace(), error, error_size);
}

QED_EXPORT int qed_jail_after_fork(char* error, size_t error_size) {
  if (qed::jail::jail.lacks(qed::kPidNamespace)) return 0;
  return qed::jail::Report(qed::jail::ForkIntoOwnPidNamespace(), error, error_size);
}

QED_EXPORT int qed_jail_leave_zygote(char* error, size_t error_size) {
  return qed::jail::Report(qed::jail::LeaveZygote(), error, error_size);
}

QED_EXPORT int qed_jail_seal_session(const QedSessionLimits* limits, char* error,
                                     size_t error_size) {
  return qed::jail::Report(qed::jail::SealSession(*limits), error, error_size);
}
}

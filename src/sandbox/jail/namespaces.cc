#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/jail/steps.h"

namespace qed::jail {
namespace {

// The jail's user; any number but 0 will do.
constexpr int kJailId = 1000;

struct Kind {
  Mechanism mechanism;
  int flag;
};
// The user namespace first: it gives the right to the others.
constexpr Kind kKinds[] = {
    {kUserNamespace, CLONE_NEWUSER}, {kMountNamespace, CLONE_NEWNS},
    {kPidNamespace, CLONE_NEWPID},   {kNetworkNamespace, CLONE_NEWNET},
    {kIpcNamespace, CLONE_NEWIPC},   {kUtsNamespace, CLONE_NEWUTS},
};

// Of the zygote only. Closed with everything above descriptor 3 before foreign
// code runs.
int proc_fd = -1;

Status WriteProcSelf(const char* name, const std::string& text) {
  const int fd = OpenProcSelf(name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(std::string("open /proc/self/") + name);
  const ssize_t written = ::write(fd, text.data(), text.size());
  const int write_errno = errno;
  ::close(fd);
  errno = write_errno;
  if (written != static_cast<ssize_t>(text.size())) {
    return ErrnoStatus(std::string("write /proc/self/") + name);
  }
  return OkStatus();
}

std::string Explain(int error) {
  const char* mend = "";
  if (error == EPERM || error == EACCES) {
    mend =
        "; the kernel or the container forbids namespaces: allow them (docker run --security-opt "
        "seccomp=unconfined --security-opt apparmor=unconfined, or sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0)";
  } else if (error == ENOSPC || error == EUSERS) {
    mend = "; too few namespaces are allowed: raise sysctl user.max_user_namespaces";
  } else if (error == EINVAL || error == ENOSYS) {
    mend = "; the kernel lacks them: it needs CONFIG_USER_NS, PID_NS, NET_NS, IPC_NS, UTS_NS";
  }
  return std::string(std::strerror(error)) + mend;
}

// Until the maps are written, the process is nobody in its own user namespace.
Status MapUser(uid_t uid, gid_t gid) {
  QED_RETURN_IF_ERROR(WriteProcSelf("setgroups", "deny"));
  const std::string inner = std::to_string(kJailId) + " ";
  QED_RETURN_IF_ERROR(WriteProcSelf("uid_map", inner + std::to_string(uid) + " 1"));
  return WriteProcSelf("gid_map", inner + std::to_string(gid) + " 1");
}

}  // namespace

Status ErrnoStatus(const std::string& what) { return IoError(what + ": " + std::strerror(errno)); }

int OpenProcSelf(const char* name, int flags) {
  return ::openat(proc_fd, (std::string("self/") + name).c_str(), flags);
}

Status OpenProc() {
  proc_fd = ::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (proc_fd < 0) return ErrnoStatus("open /proc (mount it: mount -t proc proc /proc)");
  return OkStatus();
}

bool UserNamespacesWork(std::string* why) {
  // In a child: once "nobody", this process could not do without them.
  const pid_t child = ::fork();
  if (child == 0) ::_exit(BecomeOrdinaryUser().ok() && ::unshare(CLONE_NEWUSER) != 0 ? errno : 0);
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  // Whatever else went wrong shows again, with its reason, where it is needed.
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 0) return true;
  *why = Explain(WEXITSTATUS(status));
  return false;
}

Status EnterNamespaces(uint32_t missing) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  int flags = 0;
  for (const Kind& kind : kKinds) {
    if ((missing & kind.mechanism) == 0) flags |= kind.flag;
  }
  if (flags != 0 && ::unshare(flags) != 0) return Unsupported("new namespaces: " + Explain(errno));
  return (flags & CLONE_NEWUSER) != 0 ? MapUser(uid, gid) : OkStatus();
}

Result<uint32_t> EnterNamespacesThatWork(uint32_t missing, std::string* why) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  for (const Kind& kind : kKinds) {
    if ((missing & kind.mechanism) != 0) continue;
    if (::unshare(kind.flag) != 0) {
      missing |= kind.mechanism;
      *why = Explain(errno);
    } else if (kind.mechanism == kUserNamespace) {
      QED_RETURN_IF_ERROR(MapUser(uid, gid));
    }
  }
  return missing;
}

Status ForkIntoNewPidNamespace() {
  if (::unshare(CLONE_NEWPID) != 0) return Unsupported("new PID namespace: " + Explain(errno));
  return OkStatus();
}

Status ForkIntoOwnPidNamespace() {
  static const int own = OpenProcSelf("ns/pid", O_RDONLY | O_CLOEXEC);
  if (own < 0 || ::setns(own, CLONE_NEWPID) != 0)
    return ErrnoStatus("setns to the own PID namespace");
  return OkStatus();
}

Status SetHostname() {
  constexpr char kName[] = "sandbox";
  if (::sethostname(kName, sizeof(kName) - 1) != 0) return ErrnoStatus("sethostname");
  return OkStatus();
}

}  // namespace qed::jail

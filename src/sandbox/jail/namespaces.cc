#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/jail/steps.h"

namespace qed::jail {
namespace {

// The jail's user; any number but 0 will do.
constexpr int kJailId = 1000;

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

Status UnshareError(int error) {
  const char* mend = "";
  if (error == EPERM || error == EACCES) {
    mend =
        "; the kernel or the container forbids user namespaces: allow them (docker run "
        "--security-opt seccomp=unconfined --security-opt apparmor=unconfined, or sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0)";
  } else if (error == ENOSPC || error == EUSERS) {
    mend = "; too few namespaces are allowed: raise sysctl user.max_user_namespaces";
  } else if (error == EINVAL || error == ENOSYS) {
    mend = "; the kernel lacks namespaces: it needs CONFIG_USER_NS, PID_NS, NET_NS, IPC_NS, UTS_NS";
  }
  return Unsupported(std::string("new namespaces: ") + std::strerror(error) + mend);
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

Status EnterNamespaces() {
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  constexpr int kAll =
      CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (::unshare(kAll) != 0) return UnshareError(errno);
  // Until the maps are written, the process is nobody in its own namespace.
  QED_RETURN_IF_ERROR(WriteProcSelf("setgroups", "deny"));
  const std::string inner = std::to_string(kJailId) + " ";
  QED_RETURN_IF_ERROR(WriteProcSelf("uid_map", inner + uid + " 1"));
  return WriteProcSelf("gid_map", inner + gid + " 1");
}

Status SetHostname() {
  constexpr char kName[] = "sandbox";
  if (::sethostname(kName, sizeof(kName) - 1) != 0) return ErrnoStatus("sethostname");
  return OkStatus();
}

}  // namespace qed::jail

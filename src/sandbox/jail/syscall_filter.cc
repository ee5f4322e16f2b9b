#include <seccomp.h>

#include <cerrno>
#include <cstring>

#include "sandbox/jail/steps.h"

namespace qed::jail {
namespace {

// Refused although the namespaces already make most of them harmless: each is
// a door to kernel code that no solution needs. Grouped by what they would be
// used for.
constexpr const char* kRefused[] = {
    // New namespaces and mounts: with them come the capabilities that were dropped.
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount",
    "mount_setattr", "fsopen", "fsconfig", "fsmount", "fspick", "name_to_handle_at",
    "open_by_handle_at", "mknod", "mknodat",
    // The network.
    "socket",
    // Memory that no limit counts.
    "memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "msgget", "semget",
    // Other processes' memory and descriptors.
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    "move_pages", "migrate_pages", "mbind", "set_mempolicy",
    // Kernel facilities with a long record of holes.
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "keyctl", "add_key", "request_key", "fanotify_init", "vmsplice",
    "personality", "modify_ldt", "iopl", "ioperm", "lookup_dcookie",
    // The machine itself.
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "syslog", "vhangup", "settimeofday",
    "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname",
    // Priority over the others.
    "sched_setscheduler", "sched_setattr", "ioprio_set"};

constexpr uint64_t kNamespaceFlags = 0x7E020000;  // CLONE_NEW* of clone()

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ALLOW)) {}
  ~Filter() { seccomp_release(context_); }

  // libseccomp's functions return 0 or a negative errno.
  bool Refuse(const char* name) {
    const int number = seccomp_syscall_resolve_name(name);
    return number != __NR_SCMP_ERROR &&
           seccomp_rule_add(context_, SCMP_ACT_ERRNO(EPERM), number, 0) == 0;
  }
  bool RefuseNewNamespaces() {
    for (uint64_t flag = 1; flag <= kNamespaceFlags; flag <<= 1) {
      if ((flag & kNamespaceFlags) == 0) continue;
      if (seccomp_rule_add(context_, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag)) != 0) {
        return false;
      }
    }
    // Its flags lie in memory, out of the filter's sight; libraries fall back to clone.
    return seccomp_rule_add(context_, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
  }
  int Load() { return seccomp_load(context_); }

 private:
  scmp_filter_ctx context_;
};

}  // namespace

Status FilterSystemCalls() {
  Filter filter;
  for (const char* name : kRefused) {
    if (!filter.Refuse(name)) return Unsupported(std::string("seccomp rule for ") + name);
  }
  if (!filter.RefuseNewNamespaces()) return Unsupported("seccomp rule for clone");
  if (const int error = filter.Load(); error != 0) {
    return Unsupported(std::string("seccomp: ") + std::strerror(-error) +
                       "; the kernel needs CONFIG_SECCOMP_FILTER");
  }
  return OkStatus();
}

}  // namespace qed::jail

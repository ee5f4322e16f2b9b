#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/jail/steps.h"

namespace qed::jail {
namespace {

// The overflow id: owns nothing, on any system.
constexpr uid_t kNobody = 65534;
constexpr int kLastCapabilityBound = 64;

// No user and no program brings a capability back.
Status ForgoCapabilities() {
  constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (::prctl(PR_SET_SECUREBITS, kBits, 0, 0, 0) != 0) return ErrnoStatus("securebits");
  for (int capability = 0; capability < kLastCapabilityBound; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // One past the kernel's last.
    return ErrnoStatus("bounding set");
  }
  return OkStatus();
}

}  // namespace

Status BecomeOrdinaryUser() {
  if (::geteuid() != 0) return OkStatus();
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0) {
    return ErrnoStatus(
        "become an ordinary user (give the container CAP_SETUID and CAP_SETGID, or start as "
        "an ordinary user)");
  }
  // A change of user makes /proc/self unwritable; the id maps are there.
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return ErrnoStatus("prctl(PR_SET_DUMPABLE)");
  return OkStatus();
}

Status DieWithParent() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return ErrnoStatus("prctl(PR_SET_PDEATHSIG)");
  }
  return OkStatus();
}

Status DropPrivileges(uint32_t user) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoStatus("no-new-privileges");
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return ErrnoStatus("ambient capabilities");
  }
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, held) != 0) return ErrnoStatus("capget");
  // An ordinary user outside of user namespaces has none, and gains none any more.
  if ((held[0].permitted | held[1].permitted) != 0) QED_RETURN_IF_ERROR(ForgoCapabilities());
  if (user != ::geteuid() && (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 ||
                              ::setresuid(user, user, user) != 0)) {
    return ErrnoStatus("become a session's user");
  }
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return ErrnoStatus("capset");
  return OkStatus();
}

Status CloseDescriptorsFrom(int first) {
  if (::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) != 0) {
    return ErrnoStatus("close_range (Linux 5.9 or newer is needed)");
  }
  return OkStatus();
}

}  // namespace qed::jail

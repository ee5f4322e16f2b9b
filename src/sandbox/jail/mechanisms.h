// The mechanisms of the jail that a machine may lack, by the names that
// --allow-weaker-isolation takes. Without one of them the sandbox starts only if
// its name was given, and says what it does without.
#ifndef QED_SANDBOX_JAIL_MECHANISMS_H_
#define QED_SANDBOX_JAIL_MECHANISMS_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace qed {

// One bit each; a set of mechanisms is their sum.
using Mechanism = uint32_t;
inline constexpr Mechanism kUserNamespace = 1 << 0;
inline constexpr Mechanism kMountNamespace = 1 << 1;
inline constexpr Mechanism kPidNamespace = 1 << 2;
inline constexpr Mechanism kNetworkNamespace = 1 << 3;
inline constexpr Mechanism kIpcNamespace = 1 << 4;
inline constexpr Mechanism kUtsNamespace = 1 << 5;
inline constexpr Mechanism kSeccomp = 1 << 6;
inline constexpr Mechanism kProcessWatch = 1 << 7;
// Used where the kernel has it; nobody has to allow its absence.
inline constexpr Mechanism kLandlock = 1 << 8;

struct MechanismInfo {
  Mechanism bit;
  const char* name;
  const char* without;  // what then holds no more
};

inline constexpr MechanismInfo kMechanisms[] = {
    {kUserNamespace, "user-namespace", "only root can make the other namespaces"},
    {kMountNamespace, "mount-namespace",
     "code sees the files of this machine that everyone may read, and has no /tmp"},
    {kPidNamespace, "pid-namespace", "code may neither start processes nor send signals"},
    {kNetworkNamespace, "network-namespace", "seccomp alone keeps code off the network"},
    {kIpcNamespace, "ipc-namespace", "seccomp alone keeps code off shared segments"},
    {kUtsNamespace, "uts-namespace", "code sees this machine's name"},
    {kSeccomp, "seccomp", "code may make any system call that an ordinary user may"},
    {kProcessWatch, "process-watch",
     "each process has its own memory limit, and no limit holds for all of a session"},
    {kLandlock, "landlock", "the mount namespace alone keeps files apart"},
};

// Mechanisms that one of each of these needs: no flag allows both to be absent.
inline constexpr uint32_t kNeedSeccomp = kPidNamespace | kNetworkNamespace;

// "user-namespace,seccomp": the names in `set`, in the order above.
inline std::string MechanismNames(uint32_t set) {
  std::string names;
  for (const MechanismInfo& info : kMechanisms) {
    if ((set & info.bit) == 0) continue;
    if (!names.empty()) names += ',';
    names += info.name;
  }
  return names;
}

}  // namespace qed

#endif  // QED_SANDBOX_JAIL_MECHANISMS_H_

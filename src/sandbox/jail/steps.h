// The mechanisms that jail.cc puts in order.
#ifndef QED_SANDBOX_JAIL_STEPS_H_
#define QED_SANDBOX_JAIL_STEPS_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "sandbox/jail/jail.h"

namespace qed::jail {

// "what: reason of errno", as kIoError.
Status ErrnoStatus(const std::string& what);

// --- namespaces.cc ---------------------------------------------------------
// Keeps a handle on /proc: the jail has none, and writing id maps needs one.
Status OpenProc();
// New user, mount, PID, network, IPC and UTS namespaces; the jail's only user
// and group are the caller's.
Status EnterNamespaces();
Status SetHostname();

// --- mounts.cc -------------------------------------------------------------
// Replaces the root by a read-only tmpfs with `paths` bound read-only, the
// usual links to /usr, a few files of /etc and five devices.
Status BuildRoot(const std::vector<std::string>& paths);
// A tmpfs of `bytes` on /tmp (0: /tmp cannot be written), and the working
// directory there.
Status MountTmp(int64_t bytes);

// --- limits.cc -------------------------------------------------------------
Status SetResourceLimits(const QedSessionLimits& limits);
// The kernel should kill a session before anything else when memory runs out.
Status PreferOomKill();

// --- privileges.cc ---------------------------------------------------------
// Root becomes "nobody"; everyone else stays who they are.
Status BecomeOrdinaryUser();
// SIGKILL when the parent dies.
Status DieWithParent();
// No capability in any set, and no way to gain one by executing a file.
Status DropPrivileges();
Status CloseDescriptorsFrom(int first);

// --- syscall_filter.cc -----------------------------------------------------
Status FilterSystemCalls();

// For OpenProc's users: opens /proc/self/<name> of the host's /proc.
int OpenProcSelf(const char* name, int flags);

}  // namespace qed::jail

#endif  // QED_SANDBOX_JAIL_STEPS_H_

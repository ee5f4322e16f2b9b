// The mechanisms that jail.cc puts in order.
#ifndef QED_SANDBOX_JAIL_STEPS_H_
#define QED_SANDBOX_JAIL_STEPS_H_

#include <linux/filter.h>

#include <string>
#include <vector>

#include "base/status.h"
#include "sandbox/jail/jail.h"
#include "sandbox/jail/mechanisms.h"

namespace qed::jail {

// "what: reason of errno", as kIoError.
Status ErrnoStatus(const std::string& what);

// --- namespaces.cc ---------------------------------------------------------
// Keeps a handle on /proc: the jail has none, and writing id maps needs one.
Status OpenProc();
// For OpenProc's users: opens /proc/self/<name> of the host's /proc.
int OpenProcSelf(const char* name, int flags);
// True if this user, or "nobody" where it is root, may make user namespaces; else
// `why` not.
bool UserNamespacesWork(std::string* why);
// New namespaces of every kind but those in `missing`; in a user namespace the
// only user and group are the caller's.
Status EnterNamespaces(uint32_t missing);
// The same one kind at a time: returns `missing` and what else cannot be had, and
// in `why` the kernel's reason.
Result<uint32_t> EnterNamespacesThatWork(uint32_t missing, std::string* why);
// Where the next forks of this process go. It stays where it is.
Status ForkIntoNewPidNamespace();
Status ForkIntoOwnPidNamespace();
Status SetHostname();

// --- mounts.cc -------------------------------------------------------------
// True if nothing may be mounted in this mount namespace, and `why`.
bool MountingIsForbidden(std::string* why);
// Replaces the root by a read-only tmpfs with `paths` bound read-only, the
// usual links to /usr, a few files of /etc and four devices.
Status BuildRoot(const std::vector<std::string>& paths);
// A tmpfs of `bytes` on /tmp that belongs to `owner` (0: /tmp cannot be written),
// and the working directory there.
Status MountTmp(int64_t bytes, uint32_t owner);

// --- limits.cc -------------------------------------------------------------
Status SetResourceLimits(const QedSessionLimits& limits);
// The kernel should kill a session before anything else when memory runs out.
Status PreferOomKill();

// --- privileges.cc ---------------------------------------------------------
// Root becomes "nobody"; everyone else stays who they are.
Status BecomeOrdinaryUser();
// SIGKILL when the parent dies.
Status DieWithParent();
// No capability in any set, and no way to gain one by executing a file. The user
// becomes `user`, which only root can while it is another.
Status DropPrivileges(uint32_t user);
Status CloseDescriptorsFrom(int first);

// --- landlock.cc -----------------------------------------------------------
// The kernel's version of landlock, 0 where it has none.
int LandlockVersion();
// Files can be read and executed below `readable`, listed below `listable`,
// changed below `writable` (absent if empty), devices used; nothing else can be
// opened or made. From version 4 no TCP, from 6 no signals to outside and no
// abstract sockets of others.
Status RestrictFiles(int version, const std::vector<std::string>& readable,
                     const std::string& listable, const std::string& writable);

// --- syscall_filter.cc -----------------------------------------------------
bool SeccompWorks();
// `one_process`: code may start threads only and signal nobody.
Result<std::vector<sock_filter>> CompileFilter(bool one_process);
Status FilterSystemCalls(const std::vector<sock_filter>& filter);

}  // namespace qed::jail

#endif  // QED_SANDBOX_JAIL_STEPS_H_

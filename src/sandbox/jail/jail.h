// The jail: an ordered list of steps, one file per mechanism, that fails closed.
//
// The steps are a shared object of their own (qed_jail), which the interpreter
// loads before it imports anything else: the warm interpreter ("zygote") jails
// itself once, and every session forked from it moves into namespaces of its
// own and seals itself. The program that asked for the sandbox never forks.
//
//   interpreter start: LeaveHost
//     1  root becomes "nobody"                                 privileges.cc
//     2  user, mount, PID, network, IPC and UTS namespaces     namespaces.cc
//     3  a root of its own, read-only: interpreter, libraries  mounts.cc
//     4  the system-call filter is compiled, to be used by 13  syscall_filter.cc
//   fork, PID 1 of the jail: StartZygote
//     5  dies with its parent; a neutral host name             privileges.cc
//   per session, BeforeFork, fork, AfterFork
//     6  a PID namespace of the session's own for the fork     namespaces.cc
//   in the fork, its PID 1: LeaveZygote, SealSession
//        other namespaces of its own                           namespaces.cc
//     7  a private /tmp of limited size                        mounts.cc
//     8  first to go when the machine's memory runs out        limits.cc
//     9  limits of memory, CPU, processes, files, file size    limits.cc
//    10  no descriptor but 0 to 3                              privileges.cc
//    11  no new privileges, no capabilities                    privileges.cc
//    12  landlock: files, where the kernel has it              landlock.cc
//    13  the system-call filter: an allow-list                 syscall_filter.cc
//
// What each of them stops, and what none does: docs/sandbox-isolation.md.
//
// Mechanisms that a machine lacks are named (mechanisms.h); LeaveHost refuses to
// go on unless all of them are in `allowed`.
//
// Everything here runs in a process with one thread. A failed step leaves a
// half-built jail: the caller must end the process and never run foreign code.
#ifndef QED_SANDBOX_JAIL_JAIL_H_
#define QED_SANDBOX_JAIL_JAIL_H_

#include <cstddef>
#include <cstdint>

extern "C" {

// What one session may use. Mirrored in zygote.py.
struct QedSessionLimits {
  int64_t memory_bytes;   // address space of each process
  int64_t tmp_bytes;      // of /tmp, and of its largest file
  int64_t cpu_seconds;    // of each process
  int64_t max_processes;  // processes and threads together
};

// Each returns 0, or -1 and the reason as one line in error[0, error_size).

// Steps 1 to 4. The root holds `paths` (path_count absolute folders of the host,
// under the same names) and little else. `allowed` is a set of mechanisms that
// may be missing; *missing becomes the set that is. The next fork is PID 1 of the
// jail.
int qed_jail_leave_host(const char* const* paths, size_t path_count, uint32_t allowed,
                        uint32_t* missing, char* error, size_t error_size);

// Step 5, in that fork.
int qed_jail_start_zygote(char* error, size_t error_size);

// Step 6: around each fork of the zygote, in the zygote. AfterFork's failure is
// the zygote's end: it could not fork again.
int qed_jail_before_fork(char* error, size_t error_size);
int qed_jail_after_fork(char* error, size_t error_size);
// The rest of it, in the fork.
int qed_jail_leave_zygote(char* error, size_t error_size);

// Steps 7 to 13, in the fork.
int qed_jail_seal_session(const QedSessionLimits* limits, char* error, size_t error_size);
}

#endif  // QED_SANDBOX_JAIL_JAIL_H_

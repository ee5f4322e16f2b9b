// The jail: an ordered list of steps, one file per mechanism, that fails closed.
//
// The steps are a shared object of their own (qed_jail), which the interpreter
// loads before it imports anything else: the warm interpreter ("zygote") jails
// itself once, and every session forked from it moves into namespaces of its
// own and seals itself. The program that asked for the sandbox never forks.
//
//   interpreter start   LeaveHost      ordinary user, namespaces, own root
//   (fork: PID 1)       StartZygote    dies with its parent
//   per session, (fork) LeaveZygote    namespaces of its own
//   (fork: PID 1)       SealSession    /tmp, limits, privileges, system calls
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

// Ordinary user (where the caller is root), new user, mount, PID, network, IPC
// and UTS namespaces, and a read-only root that holds `paths` (path_count
// absolute folders of the host, under the same names) and little else. The
// next fork is PID 1 of the jail.
int qed_jail_leave_host(const char* const* paths, size_t path_count, char* error,
                        size_t error_size);

// In that fork. Ends the process if its parent is already gone.
int qed_jail_start_zygote(char* error, size_t error_size);

// In a fork of the zygote: namespaces of the session's own for the next fork.
int qed_jail_leave_zygote(char* error, size_t error_size);

// In that fork: the rest. Afterwards the process has no capability left and
// descriptors 0 to 3 only.
int qed_jail_seal_session(const QedSessionLimits* limits, char* error, size_t error_size);
}

#endif  // QED_SANDBOX_JAIL_JAIL_H_

// Which system calls code in the jail may make. A call on neither list fails as
// it would on an older kernel (ENOSYS), so that libraries fall back.
#ifndef QED_SANDBOX_JAIL_SYSCALL_LISTS_H_
#define QED_SANDBOX_JAIL_SYSCALL_LISTS_H_

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cstdint>

namespace qed::jail {

// What CPython, numpy, scipy, their C libraries and small programs need.
constexpr const char* kAllowed[] = {
    // Files.
    "access", "chdir", "chmod", "close", "close_range", "copy_file_range", "creat", "dup", "dup2",
    "dup3", "faccessat", "faccessat2", "fallocate", "fchdir", "fchmod", "fchmodat", "fdatasync",
    "fgetxattr", "flistxattr", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd",
    "getdents", "getdents64", "getxattr", "lgetxattr", "link", "linkat", "listxattr", "llistxattr",
    "lseek", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "pipe", "pipe2",
    "pread64", "preadv", "pwrite64", "pwritev", "read", "readlink", "readlinkat", "readv", "rename",
    "renameat", "renameat2", "rmdir", "sendfile", "stat", "statfs", "statx", "symlink", "symlinkat",
    "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes", "write", "writev",
    // Memory. RLIMIT_AS bounds all of it; mmap has rules of its own.
    "brk", "madvise", "membarrier", "mprotect", "mremap", "msync", "munmap",
    // Threads and processes of this session. clone has rules of its own.
    "arch_prctl", "execve", "exit", "exit_group", "futex", "get_robust_list", "getcpu", "getegid",
    "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getpriority",
    "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "capget",
    "prlimit64", "restart_syscall", "rseq", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
    "sched_yield", "set_robust_list", "set_tid_address", "setpgid", "setpriority", "setrlimit",
    "setsid", "sysinfo", "times", "uname", "wait4", "waitid",
    // Signals and timers.
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday",
    "nanosleep", "pause", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "setitimer", "sigaltstack", "signalfd", "signalfd4", "time",
    "timerfd_create", "timerfd_gettime", "timerfd_settime",
    // Waiting for descriptors.
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd", "eventfd2", "poll", "ppoll", "pselect6", "select",
    // Socket pairs, as asyncio has them; socketpair, getsockopt and sendto have rules of
    // their own.
    "getpeername", "getsockname", "recvfrom", "recvmsg", "shutdown",
    // The rest.
    "getrandom"};

// What takes part in signals and new processes: not where the PID namespace is
// missing.
constexpr const char* kAllowedInPidNamespace[] = {"fork", "kill", "tgkill", "tkill", "vfork"};

// Answered with EPERM, so that code sees a refusal rather than an old kernel.
// Grouped by what they would be used for.
constexpr const char* kRefused[] = {
    // New namespaces and mounts: with them come the capabilities that were dropped.
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount",
    "mount_setattr", "fsopen", "fsconfig", "fsmount", "fspick", "name_to_handle_at",
    "open_by_handle_at", "mknod", "mknodat",
    // The network.
    "socket", "bind", "connect", "listen", "accept", "accept4", "sendmmsg", "recvmmsg",
    "setsockopt",
    // Descriptors sent along are counted for all sessions together: one could keep the
    // others from sending, and tell them something by it.
    "sendmsg",
    // Memory that no limit counts.
    "memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "shmdt", "msgget", "msgsnd",
    "msgrcv", "msgctl", "semget", "semop", "semctl", "mlock", "mlock2", "mlockall",
    "remap_file_pages",
    // Other processes' memory and descriptors.
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease",
    "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "move_pages", "migrate_pages",
    "mbind", "set_mempolicy", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
    // Other users and rights.
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid",
    "setgroups", "capset", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr",
    "fsetxattr", "seccomp", "landlock_create_ruleset", "landlock_add_rule",
    "landlock_restrict_self",
    // Kernel facilities with a long record of holes.
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "io_setup", "io_submit", "keyctl", "add_key", "request_key",
    "fanotify_init", "inotify_init", "inotify_init1", "splice", "tee", "vmsplice", "personality",
    "modify_ldt", "iopl", "ioperm", "lookup_dcookie",
    // The machine itself.
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "syslog", "vhangup", "settimeofday",
    "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "sync", "syncfs",
    // Priority over the others.
    "sched_setscheduler", "sched_setparam", "sched_setattr", "sched_setaffinity", "ioprio_set"};

// Allowed with these values of one argument only; else ENOSYS.
constexpr uint64_t kFcntlCommands[] = {F_DUPFD, F_GETFD,         F_SETFD,      F_GETFL,
                                       F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_GET_SEALS};
// Refused with ENOLCK, as on a file system without locks: files below /usr are the same
// for all sessions and for the host, and a lock on one is seen by everyone.
constexpr uint64_t kFcntlLocks[] = {F_GETLK,     F_SETLK,     F_SETLKW,
                                    F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW};
constexpr uint64_t kIoctlCommands[] = {TCGETS,  TIOCGWINSZ, TIOCGPGRP, FIONREAD,
                                       FIONBIO, FIOCLEX,    FIONCLEX};
constexpr uint64_t kPrctlOptions[] = {PR_GET_PDEATHSIG,  PR_GET_DUMPABLE,    PR_SET_NAME,
                                      PR_GET_NAME,       PR_GET_SECCOMP,     PR_CAPBSET_READ,
                                      PR_GET_TIMERSLACK, PR_GET_NO_NEW_PRIVS};
constexpr uint64_t kSocketFamilies[] = {AF_UNIX};
// Of the level SOL_SOCKET. Not what tells of the other side: descriptor 3 leads out.
constexpr uint64_t kSocketOptions[] = {SO_TYPE,     SO_ERROR,    SO_DOMAIN,     SO_PROTOCOL,
                                       SO_SNDBUF,   SO_RCVBUF,   SO_ACCEPTCONN, SO_LINGER,
                                       SO_RCVTIMEO, SO_SNDTIMEO, SO_KEEPALIVE,  SO_REUSEADDR};

}  // namespace qed::jail

#endif  // QED_SANDBOX_JAIL_SYSCALL_LISTS_H_

#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "sandbox/jail/steps.h"
#include "sandbox/jail/syscall_lists.h"

namespace qed::jail {
namespace {

constexpr uint64_t kNamespaceFlags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr uint64_t kSharedMemory = MAP_SHARED | MAP_ANONYMOUS;
constexpr size_t kMaxInstructions = 4096;  // the kernel's limit

// Conditions on a call's argument, all 64 bits of it.
scmp_arg_cmp Equals(unsigned argument, uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp Masked(unsigned argument, uint64_t mask, uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

// Rules fall into three: allowed, refused (EPERM) and the rest (ENOSYS). A call
// by another ABI (i386 or x32 on x86-64) has other numbers: it ends the process.
class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {
    Check(seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "ABIs");
    // A tree instead of a list: the filter runs at every call.
    Check(seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
  }
  ~Filter() { seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void Add(uint32_t action, const char* name, std::vector<scmp_arg_cmp> conditions = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return Check(-EINVAL, name);
    Check(seccomp_rule_add_array(context_, action, number, static_cast<unsigned>(conditions.size()),
                                 conditions.data()),
          name);
  }
  template <size_t kCount>
  void AddAll(uint32_t action, const char* const (&names)[kCount]) {
    for (const char* name : names) Add(action, name);
  }
  template <size_t kCount>
  void AllowWith(const char* name, unsigned argument, const uint64_t (&values)[kCount]) {
    for (const uint64_t value : values) {
      Add(SCMP_ACT_ALLOW, name, {Equals(argument, value)});
    }
  }

  Result<std::vector<sock_filter>> Export() {
    QED_RETURN_IF_ERROR(failure_);
    const UniqueFd file(::memfd_create("qed-filter", MFD_CLOEXEC));
    if (!file.valid()) return ErrnoStatus("memfd_create");
    Check(seccomp_export_bpf(context_, file.get()), "export");
    QED_RETURN_IF_ERROR(failure_);
    std::vector<sock_filter> program(kMaxInstructions);
    const ssize_t bytes =
        ::pread(file.get(), program.data(), program.size() * sizeof(sock_filter), 0);
    if (bytes <= 0 || bytes % static_cast<ssize_t>(sizeof(sock_filter)) != 0) {
      return Unsupported("seccomp: no filter");
    }
    program.resize(static_cast<size_t>(bytes) / sizeof(sock_filter));
    return program;
  }

 private:
  // libseccomp's functions return 0 or a negative errno.
  void Check(int error, const char* what) {
    if (error == 0 || !failure_.ok()) return;
    failure_ = Unsupported(std::string("seccomp rule for ") + what + ": " + std::strerror(-error));
  }

  scmp_filter_ctx context_;
  Status failure_;
};

// Threads and processes, but no new namespaces. clone3's flags lie in memory, out
// of the filter's sight: it fails with ENOSYS, and libraries fall back to clone.
void AddClone(Filter& filter, bool one_process) {
  for (uint64_t flag = 1; flag <= kNamespaceFlags; flag <<= 1) {
    if ((flag & kNamespaceFlags) == 0) continue;
    filter.Add(SCMP_ACT_ERRNO(EPERM), "clone", {Masked(0, flag, flag)});
  }
  if (one_process) {
    filter.Add(SCMP_ACT_ERRNO(EPERM), "clone", {Masked(0, CLONE_THREAD, 0)});
    filter.Add(SCMP_ACT_ALLOW, "clone", {Masked(0, kNamespaceFlags | CLONE_THREAD, CLONE_THREAD)});
  } else {
    filter.Add(SCMP_ACT_ALLOW, "clone", {Masked(0, kNamespaceFlags, 0)});
  }
}

// Shared memory without a file outlives its mapping in part, uncounted: a process
// could own any amount of it.
void AddMmap(Filter& filter) {
  filter.Add(SCMP_ACT_ALLOW, "mmap", {Masked(3, MAP_SHARED, 0)});
  filter.Add(SCMP_ACT_ALLOW, "mmap", {Masked(3, kSharedMemory, MAP_SHARED)});
  filter.Add(SCMP_ACT_ERRNO(EPERM), "mmap", {Masked(3, kSharedMemory, kSharedMemory)});
}

void AddLocks(Filter& filter) {
  filter.Add(SCMP_ACT_ERRNO(ENOLCK), "flock");
  for (const uint64_t command : kFcntlLocks) {
    filter.Add(SCMP_ACT_ERRNO(ENOLCK), "fcntl", {Equals(1, command)});
  }
}

}  // namespace

bool SeccompWorks() {
  const uint32_t action = SECCOMP_RET_ERRNO;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

Result<std::vector<sock_filter>> CompileFilter(bool one_process) {
  Filter filter;
  filter.AddAll(SCMP_ACT_ALLOW, kAllowed);
  filter.AddAll(SCMP_ACT_ERRNO(EPERM), kRefused);
  filter.AddAll(one_process ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW, kAllowedInPidNamespace);
  AddClone(filter, one_process);
  AddMmap(filter);
  filter.AllowWith("fcntl", 1, kFcntlCommands);
  AddLocks(filter);
  for (const uint64_t option : kSocketOptions) {
    filter.Add(SCMP_ACT_ALLOW, "getsockopt", {Equals(1, SOL_SOCKET), Equals(2, option)});
  }
  filter.AllowWith("ioctl", 1, kIoctlCommands);
  filter.AllowWith("prctl", 0, kPrctlOptions);
  filter.AllowWith("socketpair", 0, kSocketFamilies);
  filter.Add(SCMP_ACT_ALLOW, "sendto", {Equals(4, 0)});  // no address
  return filter.Export();
}

Status FilterSystemCalls(const std::vector<sock_filter>& filter) {
  const sock_fprog program = {static_cast<unsigned short>(filter.size()),
                              const_cast<sock_filter*>(filter.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    return ErrnoStatus("seccomp filter");
  }
  return OkStatus();
}

}  // namespace qed::jail

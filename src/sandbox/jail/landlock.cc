#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "sandbox/jail/steps.h"

namespace qed::jail {
namespace {

// The kernel's interface (Documentation/userspace-api/landlock.rst), spelled out
// here because the headers of distributions are older than their kernels.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr uint32_t kAskVersion = 1;
constexpr int kPathBeneath = 1;

struct Ruleset {
  uint64_t files;
  uint64_t network;
  uint64_t scoped;
};
struct __attribute__((packed)) PathRule {
  uint64_t allowed;
  int32_t parent;
};

constexpr uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDir = 1 << 3,
                   kMakeChar = 1 << 6, kMakeSock = 1 << 9, kMakeBlock = 1 << 11,
                   kFirstVersion = (1 << 13) - 1, kRefer = 1 << 13, kTruncate = 1 << 14,
                   kDeviceIoctl = 1 << 15;
constexpr uint64_t kReadOnly = kExecute | kReadFile | kReadDir;
constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceIoctl;
constexpr uint64_t kTcp = 3;      // bind, connect
constexpr uint64_t kOutside = 3;  // abstract sockets, signals

Ruleset AllThatIsKnown(int version) {
  Ruleset all = {kFirstVersion, 0, 0};
  if (version >= 2) all.files |= kRefer;
  if (version >= 3) all.files |= kTruncate;
  if (version >= 4) all.network = kTcp;
  if (version >= 5) all.files |= kDeviceIoctl;
  if (version >= 6) all.scoped = kOutside;
  return all;
}

// Older kernels refuse a longer structure only where its tail is not zero.
size_t SizeFor(int version) {
  return version >= 6 ? 3 * sizeof(uint64_t) : version >= 4 ? 2 * sizeof(uint64_t) : 8;
}

Status Allow(const UniqueFd& ruleset, const std::string& path, uint64_t rights) {
  const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place.valid()) {
    if (errno == ENOENT) return OkStatus();  // Not on this system: nothing to allow.
    return ErrnoStatus("landlock: open " + path);
  }
  struct stat info;
  if (::fstat(place.get(), &info) != 0) return ErrnoStatus("landlock: stat " + path);
  PathRule rule = {S_ISDIR(info.st_mode) ? rights : rights & kOfFiles, place.get()};
  if (::syscall(kAddRule, ruleset.get(), kPathBeneath, &rule, 0) != 0) {
    return ErrnoStatus("landlock: rule for " + path);
  }
  return OkStatus();
}

}  // namespace

int LandlockVersion() {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  return version > 0 ? static_cast<int>(version) : 0;
}

Status RestrictFiles(int version, const std::vector<std::string>& readable,
                     const std::string& listable, const std::string& writable) {
  const Ruleset all = AllThatIsKnown(version);
  const UniqueFd ruleset(static_cast<int>(::syscall(kCreateRuleset, &all, SizeFor(version), 0)));
  if (!ruleset.valid()) return ErrnoStatus("landlock: create a ruleset");
  for (const std::string& path : readable) QED_RETURN_IF_ERROR(Allow(ruleset, path, kReadOnly));
  for (const char* device : {"/dev/null", "/dev/full", "/dev/random", "/dev/urandom"}) {
    QED_RETURN_IF_ERROR(Allow(ruleset, device, kReadFile | kWriteFile));
  }
  if (!listable.empty()) QED_RETURN_IF_ERROR(Allow(ruleset, listable, kReadDir));
  if (!writable.empty()) {
    const uint64_t rights = all.files & ~(kMakeChar | kMakeBlock | kMakeSock | kDeviceIoctl);
    QED_RETURN_IF_ERROR(Allow(ruleset, writable, rights));
  }
  if (::syscall(kRestrictSelf, ruleset.get(), 0) != 0) return ErrnoStatus("landlock: restrict");
  return OkStatus();
}

}  // namespace qed::jail

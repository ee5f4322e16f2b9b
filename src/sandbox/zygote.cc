#include "sandbox/zygote.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "sandbox/embedded.h"
#include "sandbox/frame.h"
#include "sandbox/jail/mechanisms.h"
#include "sandbox/memory_file.h"
#include "sandbox/process_watch.h"

namespace qed {
namespace {

// Imports of a cold disk included.
constexpr auto kImportTime = std::chrono::seconds(60);

constexpr char kBootstrap[] = "exec(compile(open(5).read(), '<zygote>', 'exec'))";

// No variable of the caller's gets in. A fixed hash seed makes the order of
// sets, and with it sympy's output, the same in every session.
constexpr const char* kEnvironment[] = {"PATH=/usr/bin:/bin",
                                        "HOME=/tmp",
                                        "TMPDIR=/tmp",
                                        "LANG=C.UTF-8",
                                        "LC_ALL=C.UTF-8",
                                        "PYTHONHASHSEED=0",
                                        "PYTHONDONTWRITEBYTECODE=1",
                                        "PYTHONUTF8=1",
                                        "OPENBLAS_NUM_THREADS=1",
                                        "OMP_NUM_THREADS=1",
                                        "MKL_NUM_THREADS=1",
                                        "MALLOC_ARENA_MAX=2",
                                        "MPLBACKEND=Agg",
                                        nullptr};

// The folders that the jail shows: /usr, and an interpreter's that is elsewhere
// (a virtual environment, and the installation that it points to).
std::vector<std::string> JailPaths(const std::string& python) {
  std::vector<std::string> paths = {"/usr"};
  std::error_code ignored;
  for (const std::filesystem::path& file :
       {std::filesystem::path(python), std::filesystem::canonical(python, ignored)}) {
    const std::string prefix = file.parent_path().parent_path().string();
    if (prefix.size() <= 1 || prefix.starts_with("/usr/") || prefix == paths.back()) continue;
    if (prefix != "/usr") paths.push_back(prefix);
  }
  return paths;
}

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// A copy whose number is far from 0 to 6, so that moving several there in turn
// overwrites none.
Result<UniqueFd> MoveAway(UniqueFd fd) {
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 64));
  if (!moved.valid()) return IoError(std::string("dup: ") + std::strerror(errno));
  return moved;
}

// The set of mechanisms that "NAME,NAME" stands for.
Result<uint32_t> ParseMechanisms(const std::string& names) {
  uint32_t set = 0;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    const auto* found = std::find_if(std::begin(kMechanisms), std::end(kMechanisms),
                                     [&](const MechanismInfo& info) { return name == info.name; });
    if (found == std::end(kMechanisms)) {
      return InvalidArgument("--allow-weaker-isolation: there is no mechanism \"" + name +
                             "\"; there are " + MechanismNames(~0U));
    }
    set |= found->bit;
  }
  return set;
}

Result<pid_t> SpawnInterpreter(const SandboxConfig& config, uint32_t allowed, UniqueFd command) {
  QED_ASSIGN_OR_RETURN(UniqueFd jail, MemoryFile("qed-jail", EmbeddedJail()));
  QED_ASSIGN_OR_RETURN(UniqueFd zygote, MemoryFile("qed-zygote", EmbeddedZygotePy()));
  QED_ASSIGN_OR_RETURN(UniqueFd worker,
                       MemoryFile("qed-worker", std::string(EmbeddedNotebookPy()) +
                                                    std::string(EmbeddedWorkerPy())));
  UniqueFd given[4] = {std::move(command), std::move(jail), std::move(zygote), std::move(worker)};
  FileActions actions;
  ::posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(actions.get(), 1, "/dev/null", O_WRONLY, 0);
  for (int i = 0; i < 4; ++i) {
    QED_ASSIGN_OR_RETURN(given[i], MoveAway(std::move(given[i])));
    ::posix_spawn_file_actions_adddup2(actions.get(), given[i].get(), 3 + i);
  }
  ::posix_spawn_file_actions_addclosefrom_np(actions.get(), 7);
  ::posix_spawn_file_actions_addchdir_np(actions.get(), "/");

  std::vector<std::string> arguments = {config.python, "-s", "-c", kBootstrap};
  for (const int64_t limit :
       {config.memory_bytes, config.tmp_bytes, config.cpu_seconds, int64_t{config.max_processes}}) {
    arguments.push_back(std::to_string(limit));
  }
  arguments.push_back(std::to_string(allowed));
  for (std::string& path : JailPaths(config.python)) arguments.push_back(std::move(path));
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  // A group of its own: the terminal's Ctrl-C is for the program.
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, config.python.c_str(), actions.get(), &attributes,
                                  argv.data(), const_cast<char**>(kEnvironment));
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return NotFound(config.python + ": " + std::strerror(error) +
                    "; name an interpreter with --sandbox-python");
  }
  return pid;
}

}  // namespace

Zygote::Zygote(const SandboxConfig& config, UniqueFd command, pid_t pid)
    : config_(config), command_(std::move(command)), pid_(pid) {}

Result<std::unique_ptr<Zygote>> Zygote::Start(const SandboxConfig& config) {
  QED_ASSIGN_OR_RETURN(const uint32_t allowed, ParseMechanisms(config.allow_weaker_isolation));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return IoError(std::string("socketpair: ") + std::strerror(errno));
  }
  UniqueFd ours(ends[0]);
  // Before it starts, so that it is where this process is.
  Result<std::shared_ptr<SessionGroups>> groups = SessionGroups::Get();
  QED_ASSIGN_OR_RETURN(const pid_t pid, SpawnInterpreter(config, allowed, UniqueFd(ends[1])));
  std::unique_ptr<Zygote> zygote(new Zygote(config, std::move(ours), pid));
  zygote->TakeGroups(std::move(groups));
  const Status ready = zygote->WaitUntilReady();
  if (!ready.ok()) return ready.WithPrefix(config.python);
  QED_RETURN_IF_ERROR(zygote->CheckProcessWatch(allowed));
  return zygote;
}

Status Zygote::WaitUntilReady() {
  const Clock::Time deadline = Clock::Real().Now() + kImportTime;
  FrameReader reader;
  while (true) {
    Result<Frame> frame = ReceiveFrame(command_.get(), reader, deadline, &pidfd_);
    if (!frame.ok()) return frame.status().WithPrefix("did not start as a Python interpreter");
    switch (frame->kind) {
      case FrameKind::kPidfd:
        break;
      case FrameKind::kReady:
        if (frame->payload.size() < sizeof(missing_)) return Corrupt("a malformed message");
        std::memcpy(&missing_, frame->payload.data(), sizeof(missing_));
        packages_ = frame->payload.substr(sizeof(missing_));
        return OkStatus();
      case FrameKind::kError:
        return Unsupported(frame->payload);
      default:
        return Corrupt("an unknown message");
    }
  }
}

void Zygote::TakeGroups(Result<std::shared_ptr<SessionGroups>> groups) {
  if (!groups.ok()) {
    lacking_ = groups.status().message();
    return;
  }
  groups_ = *std::move(groups);
  for (const char* controller : {"memory", "pids"}) {
    if (!groups_->Bounds(controller))
      lacking_ = std::string("there is no controller ") + controller;
  }
}

Status Zygote::CheckProcessWatch(uint32_t allowed) {
  const Result<ProcessWatch> watch = ProcessWatch::Open(pidfd_.get());
  if (watch.ok()) return OkStatus();
  missing_ |= kProcessWatch;
  if ((allowed & kProcessWatch) != 0) return OkStatus();
  return Unsupported("process-watch cannot be had here (" + watch.status().message() +
                     "); --allow-weaker-isolation=" + MechanismNames(missing_ & ~kLandlock) +
                     " would do without");
}

std::vector<std::string> Zygote::Weakened() const {
  std::vector<std::string> lines;
  for (const MechanismInfo& info : kMechanisms) {
    if ((missing_ & info.bit) != 0) lines.push_back(std::string(info.name) + ": " + info.without);
  }
  if (!lacking_.empty()) {
    lines.push_back("cgroup: no bound of the kernel's for all of a session (" + lacking_ + ")");
  }
  return lines;
}

bool Zygote::CanWatchProcesses() const { return (missing_ & kProcessWatch) == 0; }

Zygote::~Zygote() {
  if (pidfd_.valid()) {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  } else {
    ::kill(pid_, SIGKILL);
  }
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool Zygote::IsDead() const {
  return WaitReadable(pidfd_.get(), Clock::Real().Now() + std::chrono::seconds(1));
}

Status Zygote::Spawn(int control, int out, int err) {
  const std::lock_guard<std::mutex> lock(send_);
  const int fds[] = {control, out, err};
  return SendWithFds(command_.get(), EncodeFrame(FrameKind::kSpawn, ""), fds);
}

}  // namespace qed

#include "cli/rank_launcher.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "cli/own_command.h"

namespace qed {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kExitNotStarted = 127;

std::vector<std::string> LauncherCommand(int32_t size) {
  std::vector<std::string> words = {"mpirun", "--quiet", "-n", std::to_string(size)};
  // Ranks are told apart by what they compute, and each has threads of its own.
  for (const char* word : {"--oversubscribe", "--bind-to", "none"}) words.emplace_back(word);
  const size_t program_at = words.size();
  for (std::string& word : OwnCommandLine()) words.push_back(std::move(word));
  words[program_at] = OwnProgram();
  return words;
}

// In the child: becomes mpirun, out of the reach of the terminal's Ctrl-C.
[[noreturn]] void BecomeLauncher(std::vector<std::string> words, const sigset_t& mask) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  // A process in the background that reads from a terminal is stopped.
  if (::isatty(STDIN_FILENO) != 0) {
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, STDIN_FILENO);
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp("mpirun", arguments.data());
  std::_Exit(kExitNotStarted);
}

struct ChildState {
  std::optional<int> exit_code;
  std::optional<SteadyClock::time_point> stopped_since;
};

void LookAtChild(pid_t child, ChildState& state) {
  int status = 0;
  while (::waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED) == child) {
    if (WIFSTOPPED(status)) {
      state.stopped_since = SteadyClock::now();
    } else if (WIFCONTINUED(status)) {
      state.stopped_since.reset();
    } else if (WIFSIGNALED(status)) {
      std::fprintf(stderr, "qed: mpirun was ended by signal %d, and so are its ranks\n",
                   WTERMSIG(status));
      state.exit_code = 1;
    } else {
      state.exit_code = WEXITSTATUS(status);
    }
  }
}

// Passes signals on until the child has ended: its exit code.
int WatchChild(pid_t child, const sigset_t& signals, double stall_seconds) {
  const timespec pause = {.tv_sec = 0, .tv_nsec = 200'000'000};
  bool asked = false;
  for (ChildState state;;) {
    const int signal = ::sigtimedwait(&signals, nullptr, &pause);
    LookAtChild(child, state);
    if (state.exit_code) return *state.exit_code;
    if (signal == SIGINT || signal == SIGTERM || signal == SIGUSR1) {
      ::kill(child, std::exchange(asked, true) ? SIGTERM : SIGUSR1);
    }
    if (state.stopped_since && Seconds(SteadyClock::now() - *state.stopped_since) > stall_seconds) {
      std::fprintf(stderr, "qed: mpirun is stopped for %g s (--stall-seconds)\n", stall_seconds);
      ::kill(child, SIGKILL);
      while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
      }
      return 1;
    }
  }
}

bool IsStopped(pid_t pid) {
  const Result<std::string> stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const size_t name_end = stat.ok() ? stat->rfind(") ") : std::string::npos;
  return name_end != std::string::npos && (*stat)[name_end + 2] == 'T';
}

// Which Open MPI's launcher would have removed, had it not been killed.
void RemoveSessionFolder() {
  const char* const path = std::getenv("OMPI_MCA_orte_jobfam_session_dir");
  if (path == nullptr) return;
  const std::filesystem::path folder(path);
  std::error_code ignored;
  if (folder.parent_path().filename().string().starts_with("ompi.")) {
    std::filesystem::remove_all(folder, ignored);
  }
}

}  // namespace

Status StartLauncher(int32_t size, double stall_seconds) {
  if (::geteuid() == 0) {  // Open MPI wants it said twice
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
  }
  std::fprintf(stderr, "--tp-size %d: starting that many ranks with mpirun\n", size);
  sigset_t signals, before;
  ::sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD}) ::sigaddset(&signals, signal);
  ::sigprocmask(SIG_BLOCK, &signals, &before);
  const pid_t child = ::fork();
  if (child == 0) BecomeLauncher(LauncherCommand(size), before);
  const int exit_code = child < 0 ? kExitNotStarted : WatchChild(child, signals, stall_seconds);
  if (exit_code != kExitNotStarted) std::exit(exit_code);
  return Unsupported("--tp-size " + std::to_string(size) +
                     ": mpirun cannot be started: install openmpi-bin, or start the ranks "
                     "yourself");
}

void EndWithLauncher(int32_t rank, double stall_seconds) {
  std::thread([rank, stall_seconds, launcher = ::getppid()] {
    SteadyClock::time_point seen_running = SteadyClock::now();
    while (::getppid() == launcher) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      if (!IsStopped(launcher)) seen_running = SteadyClock::now();
      if (Seconds(SteadyClock::now() - seen_running) > stall_seconds) ::kill(launcher, SIGKILL);
    }
    if (rank == 0) {
      std::fprintf(stderr, "qed: the launcher of the ranks has ended, and so do they\n");
    }
    RemoveSessionFolder();
    std::_Exit(1);
  }).detach();
}

}  // namespace qed

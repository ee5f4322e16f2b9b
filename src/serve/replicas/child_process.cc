#include "serve/replicas/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace qed {
namespace {

constexpr size_t kMaxLineBytes = 64 << 10;  // longer ones are cut
constexpr int kExitNotStarted = 127;

// What a pipe brings, line by line.
class LineReader {
 public:
  LineReader(UniqueFd fd, const std::function<void(std::string)>& on_line)
      : fd_(std::move(fd)), on_line_(on_line) {}

  int fd() const { return fd_.get(); }

  // Takes what is there, without waiting.
  void Read() {
    std::array<char, 4096> buffer;
    while (fd_.valid()) {
      const ssize_t count = ::read(fd_.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return fd_.Reset();
      for (ssize_t i = 0; i < count; ++i) Take(buffer[static_cast<size_t>(i)]);
    }
  }
  void Finish() {
    Read();
    if (!line_.empty()) Take('\n');
  }

 private:
  void Take(char c) {
    if (c == '\n') {
      on_line_(std::exchange(line_, std::string()));
    } else if (line_.size() < kMaxLineBytes) {
      line_ += c;
    }
  }

  UniqueFd fd_;
  const std::function<void(std::string)>& on_line_;
  std::string line_;
};

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct ChildEnds {
  int input, output, errors;
};

// In the child, which may be a copy of one thread of many: only calls that are safe there, and no
// memory. It keeps no descriptor beside its three: sockets of ours would stay open with it.
[[noreturn]] void Become(const char* program, char* const* words, char* const* environment,
                         const ChildEnds& ends, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kExitNotStarted);  // which was dead before that counted
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const bool ready =
      ::dup2(ends.input, STDIN_FILENO) >= 0 && ::dup2(ends.output, STDOUT_FILENO) >= 0 &&
      ::dup2(ends.errors, STDERR_FILENO) >= 0 && ::syscall(SYS_close_range, 3U, ~0U, 0U) == 0;
  if (ready) ::execve(program, words, environment);
  ::_exit(kExitNotStarted);
}

}  // namespace

ChildProcess::ChildProcess(Command command, Events events)
    : events_(std::move(events)),
      thread_([this, command = std::move(command)]() mutable { Run(std::move(command)); }) {}

ChildProcess::~ChildProcess() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  thread_.join();
}

void ChildProcess::Signal(int signal) {
  const std::lock_guard lock(mutex_);
  if (pid_ > 0) ::kill(pid_, signal);
}

pid_t ChildProcess::pid() const {
  const std::lock_guard lock(mutex_);
  return pid_;
}

void ChildProcess::Run(Command command) {
  UniqueFd output, errors;
  if (!Start(std::move(command), &output, &errors)) {
    return events_.on_exit({.code = kExitNotStarted,
                            .signal = 0,
                            .how = std::string("cannot be started: ") + std::strerror(errno)});
  }
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  // A kernel that cannot watch it (before Linux 5.3) shall not have it run unwatched.
  if (!process.valid()) Signal(SIGKILL);
  Watch(process.get(), std::move(output), std::move(errors));
  events_.on_exit(Reap());
}

bool ChildProcess::Start(Command command, UniqueFd* output, UniqueFd* errors) {
  std::array<int, 2> out{}, err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return false;
  *output = UniqueFd(out[0]);
  const UniqueFd output_end(out[1]);
  if (::pipe2(err.data(), O_CLOEXEC) != 0) return false;
  *errors = UniqueFd(err[0]);
  const UniqueFd errors_end(err[1]);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const int end : {output->get(), errors->get()}) ::fcntl(end, F_SETFL, O_NONBLOCK);
  const std::vector<char*> words = Pointers(command.words);
  const std::vector<char*> environment = Pointers(command.environment);
  const pid_t parent = ::getpid();
  const std::lock_guard lock(mutex_);
  errno = ECANCELED;
  if (stopping_) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    Become(command.program.c_str(), words.data(), environment.data(),
           {null.get(), output_end.get(), errors_end.get()}, parent);
  }
  if (child < 0) return false;
  pid_ = child;
  return true;
}

void ChildProcess::Watch(int process, UniqueFd output, UniqueFd errors) {
  LineReader out(std::move(output), events_.on_output);
  LineReader err(std::move(errors), events_.on_error);
  // Not until the pipes end: what the process has started may have them, too.
  for (bool running = process >= 0; running;) {
    std::array<pollfd, 3> waiting = {{{.fd = process, .events = POLLIN, .revents = 0},
                                      {.fd = out.fd(), .events = POLLIN, .revents = 0},
                                      {.fd = err.fd(), .events = POLLIN, .revents = 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    running = waiting[0].revents == 0;
    out.Read();
    err.Read();
  }
  out.Finish();
  err.Finish();
}

ChildProcess::Exit ChildProcess::Reap() {
  siginfo_t info = {};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  int status = 0;
  ::waitpid(std::exchange(pid_, 0), &status, 0);
  Exit exit;
  if (WIFSIGNALED(status)) {
    exit.signal = WTERMSIG(status);
    exit.how = "was ended by signal " + std::to_string(exit.signal);
  } else {
    exit.code = WEXITSTATUS(status);
    exit.how = "has ended with exit code " + std::to_string(exit.code);
  }
  return exit;
}

}  // namespace qed

#include "sandbox/process_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace qed {
namespace {

// Far above any limit of processes; a loop over hostile numbers ends.
constexpr size_t kMaxProcesses = 8192;

UniqueFd OpenAt(int folder, const std::string& path, int flags) {
  return UniqueFd(::openat(folder, path.c_str(), flags | O_CLOEXEC));
}

// The first bytes of a small file of /proc; empty if it cannot be read.
std::string ReadAt(int folder, const std::string& path) {
  const UniqueFd file = OpenAt(folder, path, O_RDONLY);
  std::string text;
  char buffer[4096];
  while (file.valid()) {
    const ssize_t got = ::read(file.get(), buffer, sizeof(buffer));
    if (got <= 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

// Calls visit(number as text) for each thread of the process.
template <typename Visit>
void ForEachThread(int process, Visit&& visit) {
  UniqueFd folder = OpenAt(process, "task", O_RDONLY | O_DIRECTORY);
  if (!folder.valid()) return;
  struct Closer {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  const std::unique_ptr<DIR, Closer> stream(::fdopendir(::dup(folder.get())));
  while (const dirent* entry = stream != nullptr ? ::readdir(stream.get()) : nullptr) {
    if (entry->d_name[0] != '.') visit(entry->d_name);
  }
}

// Appends the numbers of the children of one thread.
void AppendChildrenOf(int process, const std::string& thread, std::vector<int>& numbers) {
  const std::string text = ReadAt(process, "task/" + thread + "/children");
  const char* at = text.c_str();
  char* end = nullptr;
  for (long number = std::strtol(at, &end, 10); end != at; number = std::strtol(at, &end, 10)) {
    if (numbers.size() < kMaxProcesses) numbers.push_back(static_cast<int>(number));
    at = end;
  }
}

// Appends the numbers of the process's children.
void AppendChildren(int process, std::vector<int>& numbers) {
  ForEachThread(process, [&](const char* thread) { AppendChildrenOf(process, thread, numbers); });
}

std::vector<std::string> Threads(int process) {
  std::vector<std::string> threads;
  ForEachThread(process, [&](const char* thread) { threads.emplace_back(thread); });
  std::sort(threads.begin(), threads.end());
  return threads;
}

// 'T': stopped by a signal; 'R', 'S', 'D': not; 'Z', 'X': it has ended; '\0': it is
// not there.
char ThreadState(int process, const std::string& thread) {
  const std::string stat = ReadAt(process, "task/" + thread + "/stat");
  // The name before it may hold anything, brackets too.
  const size_t name_end = stat.rfind(')');
  return name_end != stat.npos && name_end + 2 < stat.size() ? stat[name_end + 2] : '\0';
}

// Resident bytes, pages that others share counted in full.
int64_t ResidentBytes(int process) {
  const std::string text = ReadAt(process, "statm");
  const size_t second = text.find(' ');
  if (second == std::string::npos) return 0;
  return std::strtoll(text.c_str() + second, nullptr, 10) * ::sysconf(_SC_PAGESIZE);
}

// The same with each page divided among those who share it (smaps_rollup's Pss);
// resident bytes where that may not be read.
int64_t ProportionalBytes(int process) {
  const std::string text = ReadAt(process, "smaps_rollup");
  const size_t line = text.find("\nPss:");
  if (line == std::string::npos) return ResidentBytes(process);
  return std::strtoll(text.c_str() + line + 5, nullptr, 10) << 10;
}

}  // namespace

Result<int> ProcessNumber(int pidfd) {
  const std::string info = ReadAt(AT_FDCWD, "/proc/self/fdinfo/" + std::to_string(pidfd));
  const size_t line = info.find("\nPid:");
  const int number = line == std::string::npos ? -1 : std::atoi(info.c_str() + line + 5);
  if (number <= 0) return Unsupported("/proc does not show the sandbox's processes");
  return number;
}

Result<ProcessWatch> ProcessWatch::Open(int pidfd) {
  ProcessWatch watch;
  watch.proc_ = UniqueFd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  QED_ASSIGN_OR_RETURN(const int number, ProcessNumber(pidfd));
  const std::string name = std::to_string(number);
  watch.leader_ = name;
  watch.process_ = OpenAt(watch.proc_.get(), name, O_PATH | O_DIRECTORY);
  if (!watch.process_.valid() ||
      !OpenAt(watch.process_.get(), "task/" + name + "/children", O_RDONLY).valid()) {
    return Unsupported("/proc/" + name + "/task/" + name + "/children: " + std::strerror(errno) +
                       "; the kernel needs CONFIG_PROC_CHILDREN");
  }
  return watch;
}

// Threads that stand still start no others, so once all of a list were seen to stand and
// the list is the same afterwards, it holds them all.
bool ProcessWatch::AllStopped() const {
  std::vector<std::string> before;
  while (true) {
    const std::vector<std::string> threads = Threads(process_.get());
    if (threads.empty()) return false;
    if (threads == before) return true;
    for (const std::string& thread : threads) {
      const char state = ThreadState(process_.get(), thread);
      // Orphans go to the leader, which must be one that stands still.
      if (state != 'T' && (thread == leader_ || (state != 'Z' && state != 'X'))) return false;
    }
    before = threads;
  }
}

ProcessWatch::Rest ProcessWatch::Look() const {
  const bool stopped = AllStopped();
  // The leader comes last: a child of another thread's child whose parent ends becomes
  // the leader's, and moves nowhere else. So none can slip by between two lists.
  std::vector<int> children;
  for (const std::string& thread : Threads(process_.get())) {
    if (thread != leader_) AppendChildrenOf(process_.get(), thread, children);
  }
  AppendChildrenOf(process_.get(), leader_, children);
  if (!children.empty()) return Rest::kChildren;
  if (stopped) return Rest::kAtRest;
  const char state = ThreadState(process_.get(), leader_);
  return state == '\0' || state == 'Z' || state == 'X' ? Rest::kGone : Rest::kMoving;
}

std::vector<int> ProcessWatch::Below() const {
  std::vector<int> numbers;
  AppendChildren(process_.get(), numbers);
  for (size_t i = 0; i < numbers.size(); ++i) {  // grows as we go
    const UniqueFd process = OpenAt(proc_.get(), std::to_string(numbers[i]), O_PATH | O_DIRECTORY);
    if (process.valid()) AppendChildren(process.get(), numbers);
  }
  return numbers;
}

void ProcessWatch::KillChildren() const {
  std::vector<std::pair<int, UniqueFd>> found;
  for (const int number : Below()) {
    found.emplace_back(number, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, number, 0))));
  }
  if (found.empty()) return;
  // A number may have become another's in between: then it is no longer below.
  const std::vector<int> still = Below();
  for (const auto& [number, process] : found) {
    if (process.valid() && std::find(still.begin(), still.end(), number) != still.end()) {
      ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    }
  }
}

ProcessWatch::Use ProcessWatch::Measure(int64_t enough) const {
  const std::vector<int> numbers = Below();
  std::vector<UniqueFd> below;
  Use use;
  use.bytes = ResidentBytes(process_.get());
  for (const int number : numbers) {
    below.push_back(OpenAt(proc_.get(), std::to_string(number), O_PATH | O_DIRECTORY));
    if (below.back().valid()) use.bytes += ResidentBytes(below.back().get());
  }
  use.processes = 1 + static_cast<int>(numbers.size());
  if (use.bytes < enough) return use;
  use.bytes = ProportionalBytes(process_.get());
  for (const UniqueFd& process : below) {
    if (process.valid()) use.bytes += ProportionalBytes(process.get());
  }
  return use;
}

}  // namespace qed

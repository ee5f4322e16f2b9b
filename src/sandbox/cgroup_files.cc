#include "sandbox/cgroup_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "base/clock.h"
#include "base/system_error.h"
#include "base/unique_fd.h"

namespace qed {
namespace {

constexpr auto kRemoveTime = std::chrono::seconds(1);
constexpr auto kLongestPause = std::chrono::milliseconds(20);

bool Lists(const std::string& names, const std::string& wanted) {
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == wanted) return true;
  }
  return false;
}

// A line of mountinfo, as far as it matters here.
struct Mount {
  std::string root, point, type, options;
};

std::optional<Mount> ParseMount(const std::string& line) {
  std::istringstream words(line);
  std::string skipped, source;
  Mount mount;
  words >> skipped >> skipped >> skipped >> mount.root >> mount.point;
  while (words >> skipped && skipped != "-") {
  }
  words >> mount.type >> source >> mount.options;
  if (!words || !mount.type.starts_with("cgroup")) return std::nullopt;
  return mount;
}

// The folder of the group `path` under a mount that shows `mount.root` and what is below.
std::optional<std::string> FolderOf(const Mount& mount, const std::string& path) {
  if (path.find("/..") != path.npos) return std::nullopt;
  if (mount.root == "/") return path == "/" ? mount.point : mount.point + path;
  if (path == mount.root) return mount.point;
  if (path.starts_with(mount.root + "/")) return mount.point + path.substr(mount.root.size());
  return std::nullopt;
}

// The path of the group in the tree with this controller ("": of version 2).
std::optional<std::string> PathOf(std::string_view cgroup, const std::string& controller) {
  std::istringstream lines{std::string(cgroup)};
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : Lists(names, controller)) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

std::optional<std::string> FindFolder(std::string_view cgroup, std::string_view mountinfo,
                                      const std::string& controller) {
  const std::optional<std::string> path = PathOf(cgroup, controller);
  if (!path) return std::nullopt;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    const std::optional<Mount> mount = ParseMount(line);
    if (!mount) continue;
    const bool right = controller.empty()
                           ? mount->type == "cgroup2"
                           : mount->type == "cgroup" && Lists(mount->options, controller);
    if (!right) continue;
    if (std::optional<std::string> folder = FolderOf(*mount, *path)) return folder;
  }
  return std::nullopt;
}

void KillMembers(const std::string& folder) {
  const std::string procs = folder + "/cgroup.procs";
  for (const std::string& member : CgroupWords(procs)) {
    const int number = std::atoi(member.c_str());
    if (number <= 0) continue;
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, number, 0)));
    // The number may have become another's since.
    const std::vector<std::string> still = CgroupWords(procs);
    if (process.valid() && std::find(still.begin(), still.end(), member) != still.end()) {
      ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    }
  }
}

// One attempt, the groups below first.
bool TryToRemove(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_directory(error)) TryToRemove(entry.path());
  }
  if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return true;
  KillMembers(folder);
  return false;
}

}  // namespace

std::vector<CgroupTree> FindCgroupTrees(std::string_view cgroup, std::string_view mountinfo) {
  std::vector<CgroupTree> trees;
  for (const char* controller : {"memory", "pids"}) {
    if (auto folder = FindFolder(cgroup, mountinfo, controller)) {
      trees.push_back({1, *std::move(folder), {controller}});
    }
  }
  if (auto folder = FindFolder(cgroup, mountinfo, "")) {
    trees.push_back({2, *std::move(folder), {}});
  }
  return trees;
}

std::vector<std::string> CgroupWords(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(std::move(word));
  return words;
}

Status WriteCgroup(const std::string& file, std::string_view text) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  const bool written = fd.valid() && ::write(fd.get(), text.data(), text.size()) >= 0;
  return written ? OkStatus() : SystemError("write", file, errno);
}

Status MakeCgroup(const std::string& folder) {
  return ::mkdir(folder.c_str(), 0755) == 0 ? OkStatus() : SystemError("make", folder, errno);
}

bool RemoveCgroups(const std::string& folder) {
  const Clock::Time latest = Clock::Real().Now() + kRemoveTime;
  Clock::Duration pause = std::chrono::microseconds(100);
  while (!TryToRemove(folder)) {
    if (Clock::Real().Now() >= latest) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min<Clock::Duration>(2 * pause, kLongestPause);
  }
  return true;
}

}  // namespace qed

#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/file.h"
#include "base/system_error.h"

namespace qed {
namespace {

namespace fs = std::filesystem;

constexpr char kSessions[] = "qed-sandbox-";  // then a number of the process, and another
constexpr char kLeaf[] = "qed-program-";
constexpr char kProcs[] = "/cgroup.procs";
constexpr char kSubtree[] = "/cgroup.subtree_control";
constexpr size_t kMaxTextBytes = size_t{1} << 20;

bool Has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

UniqueFd LockFolder(const std::string& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.Reset();
  return fd;
}

// What programs left that did not end as they should.
void RemoveForsaken(const std::string& own) {
  std::error_code error;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(own, error)) folders.push_back(entry.path());
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename();
    if (name.starts_with(kLeaf)) ::rmdir(folder.c_str());  // only where it is empty
    if (!name.starts_with(kSessions)) continue;
    const UniqueFd lock = LockFolder(folder);
    if (lock.valid()) RemoveCgroups(folder);
  }
}

// A new group for sessions, locked.
Result<std::string> MakeSessionsGroup(const std::string& own, UniqueFd& lock) {
  static std::atomic<int> number{0};
  while (true) {
    const std::string folder =
        own + "/" + kSessions + std::to_string(::getpid()) + "-" + std::to_string(number++);
    const Status made = MakeCgroup(folder);
    std::error_code error;
    if (!made.ok() && fs::exists(folder, error)) continue;  // another container's process
    QED_RETURN_IF_ERROR(made);
    lock = LockFolder(folder);
    // Between the two someone may have taken it for forsaken.
    if (lock.valid() && fs::exists(folder, error)) return folder;
  }
}

// Whether groups with processes in them may have groups below: the whole machine's alone.
bool IsRoot(const std::string& own) {
  std::error_code error;
  return !fs::exists(own + "/cgroup.type", error);
}

// Moves this process out of its group, so that this one may have others below.
Result<std::string> EnterLeaf(const std::string& own) {
  if (IsRoot(own)) return std::string();
  const std::string me = std::to_string(::getpid());
  for (const std::string& member : CgroupWords(own + kProcs)) {
    if (member == me) continue;
    return Unsupported("other processes are in " + own +
                       " too: start the program in a group of its own, for example by systemd-run "
                       "--scope -p Delegate=yes");
  }
  const std::string leaf = own + "/" + kLeaf + me;
  QED_RETURN_IF_ERROR(MakeCgroup(leaf));
  if (Status moved = WriteCgroup(leaf + kProcs, "0"); !moved.ok()) {
    ::rmdir(leaf.c_str());
    return moved;
  }
  return leaf;
}

void LeaveLeaf(const CgroupTree& tree, const std::string& leaf) {
  if (leaf.empty()) return;
  for (const std::string& controller : tree.controllers) {
    (void)WriteCgroup(tree.own + kSubtree, "-" + controller);
  }
  (void)WriteCgroup(tree.own + kProcs, "0");
  ::rmdir(leaf.c_str());
}

// Lets the groups below `folder` have bounds.
Status Enable(const CgroupTree& tree, const std::string& folder) {
  for (const std::string& controller : tree.controllers) {
    QED_RETURN_IF_ERROR(WriteCgroup(folder + kSubtree, "+" + controller));
  }
  return OkStatus();
}

Status BoundMemory(int version, const std::string& folder, int64_t bytes) {
  const std::string limit = std::to_string(bytes);
  std::error_code error;
  if (version == 1) {
    QED_RETURN_IF_ERROR(WriteCgroup(folder + "/memory.limit_in_bytes", limit));
    const std::string with_swap = folder + "/memory.memsw.limit_in_bytes";
    return fs::exists(with_swap, error) ? WriteCgroup(with_swap, limit) : OkStatus();
  }
  QED_RETURN_IF_ERROR(WriteCgroup(folder + "/memory.max", limit));
  QED_RETURN_IF_ERROR(WriteCgroup(folder + "/memory.oom.group", "1"));
  const std::string swap = folder + "/memory.swap.max";
  return fs::exists(swap, error) ? WriteCgroup(swap, "0") : OkStatus();
}

Status Bound(const CgroupTree& tree, const std::string& folder, const GroupBounds& bounds) {
  if (Has(tree.controllers, "memory")) {
    QED_RETURN_IF_ERROR(BoundMemory(tree.version, folder, bounds.memory_bytes));
  }
  if (!Has(tree.controllers, "pids")) return OkStatus();
  return WriteCgroup(folder + "/pids.max", std::to_string(bounds.processes));
}

// The trees in which something can be bounded, each controller in one of them.
std::vector<CgroupTree> UsableTrees() {
  const auto cgroup = ReadFile("/proc/self/cgroup", kMaxTextBytes);
  const auto mounts = ReadFile("/proc/self/mountinfo", kMaxTextBytes);
  if (!cgroup.ok() || !mounts.ok()) return {};
  std::vector<CgroupTree> usable;
  bool found[2] = {false, false};
  for (CgroupTree tree : FindCgroupTrees(*cgroup, *mounts)) {
    if (tree.version == 2) tree.controllers = CgroupWords(tree.own + "/cgroup.controllers");
    std::erase_if(tree.controllers, [&](const std::string& controller) {
      return (controller != "memory" && controller != "pids") || found[controller == "pids"];
    });
    for (const std::string& controller : tree.controllers) found[controller == "pids"] = true;
    if (!tree.controllers.empty()) usable.push_back(std::move(tree));
  }
  return usable;
}

}  // namespace

SessionGroup::~SessionGroup() {
  for (const std::string& folder : folders_) RemoveCgroups(folder);
}

bool SessionGroup::RanOutOfMemory() const {
  for (const std::string& folder : folders_) {
    for (const char* file : {"/memory.oom_control", "/memory.events"}) {
      const std::vector<std::string> words = CgroupWords(folder + file);
      const auto count = std::find(words.begin(), words.end(), "oom_kill");
      if (count != words.end() && count + 1 != words.end() && count[1] != "0") return true;
    }
  }
  return false;
}

Status SessionGroups::AddPart(const CgroupTree& tree) {
  // Else what is below would not count for those above.
  if (tree.version == 1 &&
      CgroupWords(tree.own + "/memory.use_hierarchy") == std::vector<std::string>{"0"}) {
    return Unsupported(tree.own + " does not count what is below (memory.use_hierarchy)");
  }
  RemoveForsaken(tree.own);
  Part part{tree, "", "", UniqueFd()};
  if (tree.version == 2) {
    QED_ASSIGN_OR_RETURN(part.leaf, EnterLeaf(tree.own));
    if (Status enabled = Enable(tree, tree.own); !enabled.ok()) {
      LeaveLeaf(tree, part.leaf);
      return enabled;
    }
  }
  Result<std::string> folder = MakeSessionsGroup(tree.own, part.lock);
  Status ready = folder.status();
  if (ready.ok()) {
    part.folder = *folder;
    if (tree.version == 2) ready = Enable(tree, part.folder);
  }
  if (!ready.ok()) {
    if (!part.folder.empty()) ::rmdir(part.folder.c_str());
    LeaveLeaf(tree, part.leaf);
    return ready;
  }
  parts_.push_back(std::move(part));
  return OkStatus();
}

Result<std::unique_ptr<SessionGroups>> SessionGroups::Create(const std::vector<CgroupTree>& trees) {
  std::unique_ptr<SessionGroups> groups(new SessionGroups);
  Status failed = Unsupported("no cgroup with the controllers memory or pids is mounted here");
  for (const CgroupTree& tree : trees) {
    if (Status added = groups->AddPart(tree); !added.ok()) failed = added;
  }
  if (groups->parts_.empty()) return Unsupported(failed.message());
  return groups;
}

Result<std::shared_ptr<SessionGroups>> SessionGroups::Get() {
  static std::mutex mutex;
  static std::weak_ptr<SessionGroups> current;
  static pid_t owner = 0;  // a fork of it has none yet
  const std::lock_guard<std::mutex> lock(mutex);
  if (std::shared_ptr<SessionGroups> groups = current.lock(); groups && owner == ::getpid()) {
    return groups;
  }
  QED_ASSIGN_OR_RETURN(std::shared_ptr<SessionGroups> groups, Create(UsableTrees()));
  current = groups;
  owner = ::getpid();
  return groups;
}

SessionGroups::~SessionGroups() {
  for (const Part& part : parts_) {
    RemoveCgroups(part.folder);
    LeaveLeaf(part.tree, part.leaf);
  }
}

bool SessionGroups::Bounds(const std::string& controller) const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const Part& part) { return Has(part.tree.controllers, controller); });
}

Result<std::unique_ptr<SessionGroup>> SessionGroups::Add(int pid, const GroupBounds& bounds) {
  const std::string name = "/session-" + std::to_string(next_++);
  auto group = std::make_unique<SessionGroup>();
  for (const Part& part : parts_) {
    const std::string folder = part.folder + name;
    QED_RETURN_IF_ERROR(MakeCgroup(folder));
    group->folders_.push_back(folder);
    QED_RETURN_IF_ERROR(Bound(part.tree, folder, bounds));
    QED_RETURN_IF_ERROR(WriteCgroup(folder + kProcs, std::to_string(pid)));
  }
  return group;
}

}  // namespace qed

// Where this process's cgroups lie, and what is done with the folders that control groups
// are. Private to src/sandbox.
// Sources: the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
#ifndef QED_SANDBOX_CGROUP_FILES_H_
#define QED_SANDBOX_CGROUP_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace qed {

// A tree of groups that this process is in, and what it can bound there.
struct CgroupTree {
  int version = 2;
  std::string own;  // the folder of this process's group
  // Of "memory" and "pids". Of version 2: to be looked for in the group itself.
  std::vector<std::string> controllers;

  bool operator==(const CgroupTree&) const = default;
};

// From /proc/self/cgroup and /proc/self/mountinfo: the trees of version 1 that have one of
// the two controllers, then the one of version 2. Trees that are mounted nowhere here, or
// whose group lies outside of what is mounted, are left out.
std::vector<CgroupTree> FindCgroupTrees(std::string_view cgroup, std::string_view mountinfo);

// The words of a file of a group; none where it cannot be read.
std::vector<std::string> CgroupWords(const std::string& file);

// Writes to a file of a group, which must be there.
Status WriteCgroup(const std::string& file, std::string_view text);

Status MakeCgroup(const std::string& folder);

// Ends every process of the group and of those below, waits a little until they are gone,
// and removes them all. False: something is left.
bool RemoveCgroups(const std::string& folder);

}  // namespace qed

#endif  // QED_SANDBOX_CGROUP_FILES_H_

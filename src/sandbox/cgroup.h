// A bound that the kernel itself keeps on what the processes of a session use together: a
// cgroup for each session, below that of the program, where one can be had. So nothing
// that bounds the program, a container's limits for example, bounds its sessions less.
//
// Can be had: version 1 as root (or with these folders handed over); version 2 where the
// program is alone in a group that it may write to, as root or in a subtree that was
// delegated to it (systemd-run --user --scope -p Delegate=yes qed ...). Groups with
// processes may have no groups below (version 2), so the program moves into one of its own,
// and back at the end.
//
// Groups of a program that was killed are removed by the next one: its group's folder was
// locked while it lived. decisions/0021-cgroups-beside-the-watch.md
#ifndef QED_SANDBOX_CGROUP_H_
#define QED_SANDBOX_CGROUP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "sandbox/cgroup_files.h"

namespace qed {

struct GroupBounds {
  int64_t memory_bytes = 0;  // of all processes, files in /tmp and the kernel's own for them
  int64_t processes = 0;     // and threads
};

// The group of one session.
class SessionGroup {
 public:
  SessionGroup() = default;
  // Ends what is left in it, and removes it.
  ~SessionGroup();
  SessionGroup(const SessionGroup&) = delete;
  SessionGroup& operator=(const SessionGroup&) = delete;

  // Whether the kernel ended a process of it for want of memory.
  bool RanOutOfMemory() const;

 private:
  friend class SessionGroups;
  std::vector<std::string> folders_;
};

// The groups of this process's sessions. Thread-safe.
class SessionGroups {
 public:
  // One for the whole process, kept as long as someone holds it. kUnsupported, with the
  // reason, where none can be had.
  static Result<std::shared_ptr<SessionGroups>> Get();
  // The same in these trees; controllers of version 2 count as there.
  static Result<std::unique_ptr<SessionGroups>> Create(const std::vector<CgroupTree>& trees);
  // REQUIRES: its SessionGroups are gone, and every process that was forked meanwhile.
  ~SessionGroups();
  SessionGroups(const SessionGroups&) = delete;
  SessionGroups& operator=(const SessionGroups&) = delete;

  // Moves a process, which has started no others yet, into a new group. An error may end it.
  Result<std::unique_ptr<SessionGroup>> Add(int pid, const GroupBounds& bounds);

  bool Bounds(const std::string& controller) const;

 private:
  struct Part {
    CgroupTree tree;
    std::string folder;  // below tree.own: the groups of all sessions
    std::string leaf;    // where this process went; empty: nowhere
    UniqueFd lock;
  };

  SessionGroups() = default;
  Status AddPart(const CgroupTree& tree);

  std::vector<Part> parts_;
  std::atomic<int64_t> next_{0};
};

}  // namespace qed

#endif  // QED_SANDBOX_CGROUP_H_

// The warm interpreter that sessions are forked from (zygote.py), as seen from
// the program: a child started without forking the program's memory.
#ifndef QED_SANDBOX_ZYGOTE_H_
#define QED_SANDBOX_ZYGOTE_H_

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "config/sandbox_config.h"
#include "sandbox/cgroup.h"

namespace qed {

class Zygote {
 public:
  // Starts the interpreter, waits until it is jailed and warm. Errors are one
  // line: what the machine lacks and the mend.
  static Result<std::unique_ptr<Zygote>> Start(const SandboxConfig& config);
  // Kills it and with it every session; returns when all of them are gone.
  ~Zygote();
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Asks for a session that uses these three descriptors (which stay the
  // caller's). Its pidfd or its error arrives on the other end of `control`.
  // Thread-safe. kUnavailable if the zygote is gone.
  Status Spawn(int control, int out, int err);
  const SandboxConfig& config() const { return config_; }
  // Mechanisms of the jail that this machine lacks and the configuration allows
  // to be missing (jail/mechanisms.h): "name: what holds no more".
  std::vector<std::string> Weakened() const;
  // JSON: packages that solutions ask for, by name, with their versions or null.
  const std::string& packages() const { return packages_; }
  // Whether the processes of a session can be watched.
  bool CanWatchProcesses() const;
  // The groups of sessions; null where none can be had.
  SessionGroups* groups() const { return groups_.get(); }

  // True if the interpreter, and with it every session, is gone or goes within
  // a second (its sockets close a little before it is).
  bool IsDead() const;

 private:
  Zygote(const SandboxConfig& config, UniqueFd command, pid_t pid);
  Status WaitUntilReady();
  Status CheckProcessWatch(uint32_t allowed);
  void TakeGroups(Result<std::shared_ptr<SessionGroups>> groups);

  const SandboxConfig config_;
  std::shared_ptr<SessionGroups> groups_;
  std::string lacking_;  // of groups: what cannot be bounded, and why

  UniqueFd command_;
  std::mutex send_;
  pid_t pid_;       // the zygote's parent, our child: it only waits
  UniqueFd pidfd_;  // PID 1 of the jail
  uint32_t missing_ = 0;
  std::string packages_;
};

}  // namespace qed

#endif  // QED_SANDBOX_ZYGOTE_H_

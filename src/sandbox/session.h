// One jailed interpreter and the pipes to it.
#ifndef QED_SANDBOX_SESSION_H_
#define QED_SANDBOX_SESSION_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "sandbox/cgroup.h"
#include "sandbox/client.h"
#include "sandbox/frame.h"
#include "sandbox/memory_file.h"
#include "sandbox/output.h"
#include "sandbox/process_watch.h"
#include "sandbox/zygote.h"

namespace qed {

class Session {
 public:
  // A new session that belongs to nobody yet: it may be kept until one is needed.
  static Result<std::unique_ptr<Session>> Start(Zygote& zygote);
  // The same for `id` at once.
  static Result<std::unique_ptr<Session>> Start(Zygote& zygote, const std::string& id);
  // Kills every process of the session and waits until they are gone.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Before its first cell, once: `id` seeds its random numbers. kUnavailable if
  // the session ended meanwhile.
  Status SetIdentity(const std::string& id);

  // Runs one cell. One call at a time. A cell over its time gets SIGINT; if the
  // interpreter is not back within the configured grace, or left processes behind,
  // every process of the session is killed, and gone when this returns. So it is
  // when they use more memory together than a session may. An interpreter that
  // ends by itself is an error of the cell. What the interpreter says of a cell's end
  // counts once all of its threads were seen to stand still and no process is left.
  ExecuteResult RunCell(const ExecuteRequest& request);
  // False once the interpreter is lost: the session can only be destroyed.
  bool alive() const { return alive_; }
  // True if a session that waits for its first cell has ended meanwhile.
  bool HasEnded() const;
  // Between two cells: nothing of it runs. False: it does not stand still any more, or
  // has ended. Before its first cell always true.
  bool IsAtRest() const;

  // Kills the session's processes; RunCell returns soon. Thread-safe.
  void Kill();

 private:
  enum class CellEnd { kCompleted, kError, kDeadline, kMemory, kLost };
  // A writer of endless output is left blocked, or drained so that it can end.
  enum class Flood { kBlock, kDiscard };

  Session() = default;
  Status WaitForProcess();
  // Before any foreign code runs in it.
  Status EnterGroup(SessionGroups& groups, const SandboxConfig& config);
  Status SendAll(std::string_view bytes, Clock::Time deadline);
  Status SendCell(const ExecuteRequest& request, Clock::Time deadline);
  // Moves output until the cell ends, `deadline` passes or memory runs out.
  CellEnd Await(Clock::Time deadline, Flood flood, OutputStream& out, OutputStream& err);
  // The end that the interpreter reported, if it has.
  Result<std::optional<CellEnd>> NextEnd();
  // SIGINT to the interpreter, and how it ended within the grace.
  CellEnd Interrupt(OutputStream& out, OutputStream& err);
  // True if the session's processes use more memory than they may. Sets when to
  // look again.
  bool OverMemory(Clock::Time now);
  // Between cells nothing of a session runs; false: it has to be killed.
  bool ComeToRest();
  void KillAndWait();
  void DiscardOutput();

  UniqueFd control_;
  UniqueFd out_;
  UniqueFd err_;
  UniqueFd pidfd_;
  std::optional<ProcessWatch> watch_;
  std::unique_ptr<SessionGroup> group_;
  Clock::Time next_look_;  // at the memory in use
  int64_t memory_bytes_ = 0;
  std::chrono::milliseconds interrupt_grace_{0};
  std::optional<LentFile> input_;  // of the running cell
  FrameReader reader_;
  uint32_t cell_ = 0;
  bool alive_ = true;
  std::atomic<bool> stopped_{false};  // between two cells
};

}  // namespace qed

#endif  // QED_SANDBOX_SESSION_H_

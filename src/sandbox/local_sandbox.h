// Sessions on this machine, each a jailed interpreter process (jail/jail.h says
// how), forked from a warm one that has sympy, numpy, mpmath and scipy imported.
//
// A cell is run as a notebook runs it: the value of a last expression is
// printed, exceptions end as a traceback in `out`. Random numbers are seeded
// from the session's id and string hashes are fixed, so the same cells under the
// same id print the same. Processes that a cell started end with it.
//
// Needs Linux 5.14 or newer with user namespaces, as root or as any user, and an
// interpreter with sympy, numpy and mpmath.
#ifndef QED_SANDBOX_LOCAL_SANDBOX_H_
#define QED_SANDBOX_LOCAL_SANDBOX_H_

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "config/sandbox_config.h"
#include "sandbox/client.h"
#include "sandbox/session_pool.h"

namespace qed {

class LocalSandbox : public SandboxClient {
 public:
  // Starts the warm interpreter (a second or so) and runs one cell, to see that
  // the jail works here. Else one line that names what is missing and the mend.
  // `clock` tells how long sessions are idle.
  static Result<std::unique_ptr<LocalSandbox>> Create(const SandboxConfig& config,
                                                      const Clock& clock = Clock::Real());
  // Kills every session. No call may be running.
  ~LocalSandbox() override;

  // Starts the session if there is none by that id. Calls for one session run
  // one after the other. A session that was lost (time-out, crash) is started
  // anew by its next call. Beyond max_sessions a new one waits (session_pool.h says
  // how), then kResourceExhausted; no such wait counts against the code's
  // time-out. kCancelled if CloseSession came in between. A warm interpreter that
  // died is replaced. Sessions of kPython end with their cell.
  Result<ExecuteResult> Execute(const ExecuteRequest& request) override;
  void CloseSession(const std::string& session_id) override;

  // For servers: listing, waiting and health.
  SessionPool& pool() { return *pool_; }

 private:
  explicit LocalSandbox(std::unique_ptr<SessionPool> pool);

  std::unique_ptr<SessionPool> pool_;
};

}  // namespace qed

#endif  // QED_SANDBOX_LOCAL_SANDBOX_H_

// The sandbox as an HTTP server, compatible with NeMo-Skills' clients.
//
//   POST /execute          runs a cell; protocol.h has its fields and its reply.
//                          `ipython` needs the header X-Session-ID, `python`, `python3`
//                          and `shell` are a process of their own. What the code does wrong is a
//                          200 with process_status error or timeout.
//   GET /sessions          {"backend", "sessions": {id: {backend, created, last_used,
//                          alive}}}, times in seconds since 1970
//   DELETE /sessions/{id}  ends a session and what it runs; 404 for unknown ids
//   GET /health            200 {"status": "healthy", "worker": pid, "sessions": n,
//                          "workers", "running", "waiting": cells, "weaker_isolation":
//                          [...], "packages": {name: version or null}} while cells work: one did,
//                          of a client's or of the server's own, which waits in the queue, within
//                          30 s; else 503 with the reason as "error"
//   GET /metrics           Prometheus
//
// Errors are {"error": one line} and have the fields of a reply of /execute beside it:
// 400 names the field; 503 has Retry-After and means that nothing ran: too many cells
// wait, or one could not start in time. docs/access.md has 401, 403 and 415. The time-out
// of a cell begins when the cell does; --max-timeout bounds it. A client that goes away
// takes along its cell that has not started, and its `python` cell that runs; an
// `ipython` one goes on.
#ifndef QED_SANDBOX_SERVER_H_
#define QED_SANDBOX_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/sandbox_config.h"
#include "config/sandbox_server_config.h"

namespace qed {

class SandboxServer {
 public:
  // Starts the sandbox, sees that it works, and listens.
  static Result<std::unique_ptr<SandboxServer>> Start(const SandboxServerConfig& config,
                                                      const SandboxConfig& sandbox);
  // Kills what runs.
  virtual ~SandboxServer() = default;

  virtual std::string url() const = 0;
  virtual int32_t workers() const = 0;
  // Mechanisms of the jail that are missing with leave: "name: what holds no more".
  virtual std::vector<std::string> weaker_isolation() const = 0;
  // Packages that solutions ask for and that its interpreter does not have.
  virtual std::vector<std::string> absent_packages() const = 0;
  // Stops listening, refuses what waits, and returns when running cells have ended, by
  // themselves or after --drain-timeout, and their replies were sent.
  virtual void Drain() = 0;
};

}  // namespace qed

#endif  // QED_SANDBOX_SERVER_H_

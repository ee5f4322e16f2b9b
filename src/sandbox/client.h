// Runs a model's Python. The interface that the tool loop calls; LocalSandbox
// (sandbox/local_sandbox.h) keeps jailed interpreter processes on this machine.
#ifndef QED_SANDBOX_CLIENT_H_
#define QED_SANDBOX_CLIENT_H_

#include <cstdint>
#include <string>

#include "base/status.h"

namespace qed {

// kIPython: a notebook cell; state persists, a last expression's value is shown,
// errors are part of `out`. kPython: a script of its own, as `python main.py`
// runs it; no value is shown, errors are part of `err`, and so it needs a session
// that nothing else has run in. kShell: the same for bash.
enum class CodeLanguage : uint8_t { kIPython, kPython, kShell };

inline bool IsOneShot(CodeLanguage language) { return language != CodeLanguage::kIPython; }

// How a cell's exception is shown, by IPython's names. Plain: the lines of the
// cell that led to it. Minimal: the exception alone. Context: lines around them
// too. Verbose: and the values of variables.
enum class TracebackVerbosity : uint8_t { kPlain, kMinimal, kContext, kVerbose };

struct ExecuteRequest {
  std::string session_id;  // state persists between calls with the same id
  std::string generated_code;
  double timeout = 10.0;                 // seconds
  int32_t max_output_characters = 1000;  // of each stream; then "<output cut>"
  CodeLanguage language = CodeLanguage::kIPython;
  std::string std_input = "";  // what input() and sys.stdin read; then their end
  TracebackVerbosity traceback_verbosity = TracebackVerbosity::kPlain;  // of kIPython
};

struct ExecuteResult {
  enum class ProcessStatus { kCompleted, kError, kTimeout };
  ProcessStatus process_status = ProcessStatus::kCompleted;
  std::string out;  // tracebacks land here, as notebooks show them
  std::string err;
  bool new_session_created =
      false;  // the session had no state: first call, or its process was lost
  double seconds = 0;
};

// "completed", "error" or "timeout".
const char* ProcessStatusName(ExecuteResult::ProcessStatus status);

// OK, or kInvalidArgument with the name of the field that is out of its bounds: a
// session_id of 1 to 256 bytes, up to 1 MiB of code and 8 MiB of input, a timeout of up
// to 1e6 s, up to 16777216 characters of output.
Status CheckExecuteRequest(const ExecuteRequest& request);

// Thread-safe: calls for different sessions run side by side.
class SandboxClient {
 public:
  virtual ~SandboxClient() = default;
  // Blocks until the code ended or its time is up (never much longer). What the
  // code does wrong is a result; an error means that the sandbox itself failed.
  virtual Result<ExecuteResult> Execute(const ExecuteRequest& request) = 0;
  // Ends the session and every process it started. Unknown ids are fine.
  virtual void CloseSession(const std::string& session_id) = 0;
};

}  // namespace qed

#endif  // QED_SANDBOX_CLIENT_H_

#include "tests/escape/escape_case.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "sandbox/local_sandbox.h"
#include "sandbox/test_support.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

constexpr uid_t kNobody = 65534;
constexpr int kNotStartable = 127;

// tried(f): what f returns, or the name of the error that it ends with.
// refused(f): whether f ends with an OSError, by whichever mechanism.
// call(n, ...): a system call by its number; the text of errno if it fails.
constexpr char kPrelude[] = R"py(
import asyncio, ctypes, errno, mmap, os, resource, signal, socket, struct, subprocess
import sys, threading, time
def tried(f):
    try:
        return f()
    except BaseException as e:
        return type(e).__name__
def refused(f):
    try:
        f()
        return False
    except OSError:
        return True
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(*arguments):
    ctypes.set_errno(0)
    result = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return errno.errorcode[ctypes.get_errno()] if result == -1 else result
)py";

// What hostile programs must not reach.
class Host {
 public:
  Host() {
    file_ = folder_.File("secret");
    std::ofstream(file_) << "secret";
    ::chmod(folder_.path().c_str(), 0777);
    ::chmod(file_.c_str(), 0666);  // Anyone may, who can see it.
    process_ = ::fork();
    if (process_ == 0) Wait();
    socket_name_ = "qed-escape-" + std::to_string(::getpid());
    socket_ = ::socket(AF_UNIX, SOCK_STREAM, 0);  // Without SOCK_CLOEXEC, as a leak.
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, socket_name_.data(), socket_name_.size());
    const auto length =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + socket_name_.size());
    QED_CHECK(::bind(socket_, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
              ::listen(socket_, 1) == 0);
  }
  ~Host() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    ::close(socket_);
  }

  // Tells what is no longer as it was; empty if all is.
  std::string Harm() const {
    if (::waitpid(process_, nullptr, WNOHANG) != 0) return "the host's process is gone";
    std::ifstream in(file_);
    std::stringstream content;
    content << in.rdbuf();
    if (content.str() != "secret") return "the host's file holds: " + content.str();
    return "";
  }

  std::string Fill(std::string program) const {
    Replace(program, "HOST_FILE", file_);
    Replace(program, "HOST_SOCKET", socket_name_);
    Replace(program, "HOST_PID", std::to_string(process_));
    return program;
  }

 private:
  // As the user that the jail's processes are outside.
  [[noreturn]] static void Wait() {
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(1);
    while (true) ::pause();
  }
  static void Replace(std::string& text, const std::string& name, const std::string& value) {
    for (size_t at; (at = text.find(name)) != std::string::npos;) {
      text.replace(at, name.size(), value);
    }
  }

  TempDir folder_;
  std::string file_;
  std::string socket_name_;
  pid_t process_ = -1;
  int socket_ = -1;
};

class Suite {
 public:
  Suite() {
    SandboxConfig config;
    config.interrupt_grace_ms = 300;  // Whoever can stop shall have the time to, on any machine.
    Result<std::unique_ptr<LocalSandbox>> created = LocalSandbox::Create(config);
    QED_CHECK(created.ok()) << created.status().message();
    sandbox_ = *std::move(created);
    Execute("bystander", "open('/tmp/own', 'w').write('own')\nn = 0", 20);
    idle_processes_ = Descendants(::getpid()).size();
  }

  void Check(const EscapeCase& escape) {
    SCOPED_TRACE(escape.name);
    const std::string id = std::string("case ") + escape.name;
    const ExecuteResult result = Execute(id, kPrelude + host_.Fill(escape.program), escape.timeout);
    EXPECT_EQ(result.out, escape.out);
    EXPECT_EQ(result.err, escape.err);
    EXPECT_EQ(result.process_status, escape.status);
    CheckNextCell(id, escape.after);
    sandbox_->CloseSession(id);
    EXPECT_TRUE(DescendantsWithin(idle_processes_, 5.0)) << "processes are left";
    EXPECT_EQ(Execute("bystander", "n += 1\nimport os\nn, os.listdir('/tmp')", 20).out,
              "(" + std::to_string(++bystander_cells_) + ", ['own'])\n");
    EXPECT_EQ(host_.Harm(), "");
  }

 private:
  void CheckNextCell(const std::string& id, After after) {
    if (after == After::kBroken) {
      EXPECT_EQ(Execute(id, "1", 20).err, kLost);
    }
    const ExecuteResult next = Execute(id, "print(6 * 7)", 20);
    EXPECT_EQ(next.out, "42\n");
    if (after != After::kEither) {
      EXPECT_EQ(next.new_session_created, after != After::kLives);
    }
  }

  ExecuteResult Execute(const std::string& id, const std::string& program, double timeout) {
    ExecuteRequest request;
    request.session_id = id;
    request.generated_code = program;
    request.timeout = timeout;
    Result<ExecuteResult> result = sandbox_->Execute(request);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? *result : ExecuteResult();
  }

  Host host_;  // before the sandbox, which it must not inherit from
  std::unique_ptr<LocalSandbox> sandbox_;
  size_t idle_processes_ = 0;
  int bystander_cells_ = 0;
};

}  // namespace

void ExpectContained(const EscapeCase* cases, size_t count) {
  Suite suite;
  for (size_t i = 0; i < count; ++i) suite.Check(cases[i]);
}

void ExpectTheSameAsOrdinaryUser(const char* test) {
  if (::geteuid() != 0) GTEST_SKIP() << "this is one: EscapeTest is this test";
  // Opened while root may: the way to the file need not be open to the user.
  const int program = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  const std::string filter = std::string("--gtest_filter=") + test;
  const pid_t user = ::fork();
  if (user == 0) {
    if (::setresgid(kNobody, kNobody, kNobody) == 0 &&
        ::setresuid(kNobody, kNobody, kNobody) == 0) {
      const char* arguments[] = {"escape_test", filter.c_str(), "--gtest_brief=1", nullptr};
      ::syscall(SYS_execveat, program, "", arguments, environ, AT_EMPTY_PATH);
    }
    ::_exit(kNotStartable);
  }
  ::close(program);
  int status = 0;
  ASSERT_EQ(::waitpid(user, &status, 0), user);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotStartable) {
    GTEST_SKIP() << "an ordinary user may not run this test program";
  }
  EXPECT_EQ(status, 0) << "see the output of " << test << " above";
}

}  // namespace qed

// Machines that lack a mechanism of the jail: made here, for a child of the test,
// by a filter that refuses the system call, as containers do. The sandbox must
// refuse to start and name what is missing; with that name allowed it must work,
// say what holds no more, and still contain what the other mechanisms can.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <functional>

#include "sandbox/jail/mechanisms.h"
#include "sandbox/process_watch.h"
#include "sandbox/test_support.h"

namespace qed {
namespace {

// The call fails with `error` if its first argument has a bit of `mask`, or
// whatever it is where mask is 0.
bool Refuse(uint32_t number, uint32_t mask, uint32_t error) {
  const uint32_t refusal = SECCOMP_RET_ERRNO | error;
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, static_cast<uint8_t>(mask == 0 ? 0 : 3)),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refusal),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (mask == 0) {
    program[1] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 2, 3);
  }
  const sock_fprog all = {static_cast<unsigned short>(std::size(program)), program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) == 0;
}

// What `body` returns in a child of this process, for people to read.
std::string InChild(const std::function<std::string()>& body) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string text = body();
    ::_exit(::write(ends[1], text.data(), text.size()) < 0 ? 1 : 0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return text;
}

// How a sandbox starts, then what the cells print and what was weakened.
std::string Try(const std::string& allowed, const std::vector<std::string>& cells) {
  SandboxConfig config;
  config.allow_weaker_isolation = allowed;
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(config);
  if (!sandbox.ok()) return "refused: " + sandbox.status().message();
  std::string text;
  for (const std::string& cell : cells) {
    ExecuteRequest request;
    request.session_id = "a";
    request.generated_code = cell;
    request.timeout = cell.find("while True") == std::string::npos ? 20 : 0.3;
    const Result<ExecuteResult> result = (*sandbox)->Execute(request);
    text += result.ok() ? result->out + result->err : result.status().message() + "\n";
  }
  for (const std::string& line : (*sandbox)->pool().Weakened()) {
    const std::string name = line.substr(0, line.find(':'));
    if (name != "landlock" && name != "cgroup") text += "without " + name + "\n";
  }
  return text;
}

struct Machine {
  const char* name;
  uint32_t call;
  uint32_t mask;
  const char* missing;  // what it lacks, as the flag takes it
  const char* cell;
  const char* out;  // of the cell
};

constexpr char kImports[] =
    "import os, signal, socket, subprocess\n"
    "def tried(f):\n  try: return f()\n  except OSError as e: return type(e).__name__\n";
constexpr char kNoNamespaces[] =
    "user-namespace,mount-namespace,pid-namespace,network-namespace,ipc-namespace,uts-namespace";

const Machine kMachines[] = {
    {"NoNamespaces", SYS_unshare, 0, kNoNamespaces,
     "tried(socket.socket), tried(os.fork), tried(lambda: os.kill(1, 0)), "
     "tried(lambda: open('/tmp/qed-isolation-test', 'w').write('x'))",
     "('PermissionError', 'PermissionError', 'PermissionError', 'PermissionError')\n"},
    {"NoMountNamespace", SYS_unshare, CLONE_NEWNS, "mount-namespace",
     "tried(lambda: open('/etc/shadow')), os.getpid()", "('PermissionError', 1)\n"},
    {"NoMounting", SYS_mount, 0, "mount-namespace",
     "tried(lambda: open('/etc/shadow')), os.getpid()", "('PermissionError', 1)\n"},
    {"NoPidNamespace", SYS_unshare, CLONE_NEWPID, "pid-namespace",
     "tried(os.fork), tried(lambda: subprocess.run(['true'])), tried(lambda: os.kill(1, 0)), "
     "tried(lambda: os.kill(-1, 9)), os.path.exists('/etc/shadow')",
     "('PermissionError', 'PermissionError', 'PermissionError', 'PermissionError', False)\n"},
    {"NoNetworkNamespace", SYS_unshare, CLONE_NEWNET, "network-namespace",
     "tried(lambda: socket.create_connection(('127.0.0.1', 22)))", "'PermissionError'\n"},
    {"NoIpcNamespace", SYS_unshare, CLONE_NEWIPC, "ipc-namespace", "os.getpid()", "1\n"},
    {"NoUtsNamespace", SYS_unshare, CLONE_NEWUTS, "uts-namespace",
     "tried(lambda: socket.sethostname('x'))", "'PermissionError'\n"},
    {"NoSeccomp", SYS_seccomp, 0, "seccomp", "type(socket.socket()).__name__, os.getpid()",
     "('socket', 1)\n"},
};

void ExpectRefusedThenWeaker(const Machine& machine, uid_t user) {
  SCOPED_TRACE(std::string(machine.name) + " for user " + std::to_string(user));
  const auto on_machine = [&](const std::string& allowed) {
    return InChild([&]() -> std::string {
      if (::geteuid() != user &&
          (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0)) {
        return "cannot become the user";
      }
      if (!Refuse(machine.call, machine.mask, EPERM)) return "cannot make the machine";
      return Try(allowed,
                 {std::string(kImports) + machine.cell, "x = 1\nwhile True: x += 1", "x > 1"});
    });
  };
  const std::string refusal = on_machine("");
  EXPECT_NE(refusal.find(std::string(machine.missing) + " cannot be had here ("), std::string::npos)
      << refusal;
  EXPECT_NE(refusal.find(std::string("); --allow-weaker-isolation=") + machine.missing +
                         " would do without"),
            std::string::npos)
      << refusal;
  EXPECT_EQ(refusal.find('\n'), std::string::npos) << refusal;

  std::string expected = machine.out;
  expected += "Execution timed out after 0.3 seconds\nTrue\n";
  for (const MechanismInfo& info : kMechanisms) {
    const std::string list = std::string(",") + machine.missing + ",";
    if (list.find(std::string(",") + info.name + ",") != std::string::npos) {
      expected += std::string("without ") + info.name + "\n";
    }
  }
  EXPECT_EQ(on_machine(machine.missing), expected);
}

TEST(IsolationTest, NamesWhatIsMissingAndDoesWithoutIfAllowed) {
  for (const Machine& machine : kMachines) ExpectRefusedThenWeaker(machine, ::geteuid());
}

TEST(IsolationTest, AsAnOrdinaryUserToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "this is one";
  for (const Machine& machine : kMachines) ExpectRefusedThenWeaker(machine, 65534);
}

// Moves this process into a user namespace in which it is root still, and in which
// no further one can be made.
bool BecomeRootWithoutUserNamespaces() {
  int ready[2];
  if (::pipe(ready) != 0) return false;
  const std::string proc = "/proc/" + std::to_string(::getpid());
  const pid_t outside = ::fork();
  if (outside == 0) {
    ::close(ready[1]);  // or the end of a parent that fails would not be seen
    char byte;
    if (::read(ready[0], &byte, 1) != 1) ::_exit(1);
    std::ofstream(proc + "/uid_map") << "0 0 4294967295";
    std::ofstream(proc + "/gid_map") << "0 0 4294967295";
    ::_exit(0);
  }
  const bool entered = ::unshare(CLONE_NEWUSER) == 0 && ::write(ready[1], "x", 1) == 1;
  ::close(ready[0]);
  ::close(ready[1]);
  ::waitpid(outside, nullptr, 0);
  std::ofstream limit("/proc/sys/user/max_user_namespaces");
  return entered && ::setresuid(0, 0, 0) == 0 && (limit << 0 << std::flush);
}

// Where user namespaces are switched off, root's own rights make the others, and
// every session is a user of its own.
TEST(IsolationTest, RootDoesWithoutUserNamespaces) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto on_machine = [](const std::string& allowed) {
    return InChild([&]() -> std::string {
      if (!BecomeRootWithoutUserNamespaces()) return "skip";
      return Try(allowed,
                 {"import os\nos.getuid() >= 1 << 30, os.getpid(), os.path.exists('/etc/shadow')",
                  "open('/tmp/x', 'w').write('x')"});
    });
  };
  const std::string refusal = on_machine("");
  if (refusal == "skip") GTEST_SKIP() << "no user namespaces to make this one of";
  EXPECT_NE(refusal.find("user-namespace cannot be had here (No space left on device; too few "
                         "namespaces are allowed: raise sysctl user.max_user_namespaces); "
                         "--allow-weaker-isolation=user-namespace would do without"),
            std::string::npos)
      << refusal;
  EXPECT_EQ(on_machine("user-namespace"), "(True, 1, False)\n1\nwithout user-namespace\n");
}

TEST(IsolationTest, LandlockIsUsedWhereItIs) {
  const std::string text = InChild([]() -> std::string {
    if (!Refuse(SYS_landlock_create_ruleset, 0, ENOSYS)) return "cannot make the machine";
    Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(SandboxConfig());
    if (!sandbox.ok()) return sandbox.status().message();
    const std::vector<std::string> lines = (*sandbox)->pool().Weakened();
    return lines.empty() ? "" : lines.front();
  });
  EXPECT_EQ(text, "landlock: the mount namespace alone keeps files apart");
}

TEST(IsolationTest, SomeMechanismsStandInForEachOther) {
  const std::string text = InChild([]() -> std::string {
    if (!Refuse(SYS_seccomp, 0, EINVAL) || !Refuse(SYS_unshare, CLONE_NEWPID, EPERM)) {
      return "cannot make the machine";
    }
    return Try("pid-namespace,seccomp", {});
  });
  EXPECT_NE(text.find("without seccomp there must be namespaces of processes and networks"),
            std::string::npos)
      << text;
}

TEST(IsolationTest, RefusesUnknownNames) {
  EXPECT_EQ(Try("seccomp,magic", {}),
            "refused: sandbox: --allow-weaker-isolation: there is no mechanism \"magic\"; there "
            "are user-namespace,mount-namespace,pid-namespace,network-namespace,ipc-namespace,"
            "uts-namespace,seccomp,process-watch,landlock");
}

TEST(IsolationTest, AllowingWhatIsThereWeakensNothing) {
  EXPECT_EQ(Try(kNoNamespaces, {"1"}), "1\n");
}

TEST(IsolationTest, ProcessesThatProcDoesNotShowCannotBeWatched) {
  EXPECT_EQ(ProcessWatch::Open(-1).status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(ProcessWatch::Open(STDIN_FILENO).status().code(), StatusCode::kUnsupported);
}

}  // namespace
}  // namespace qed

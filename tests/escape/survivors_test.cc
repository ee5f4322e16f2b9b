// Nothing of a session runs once its cell has been answered, whatever the cell says about
// its end and whatever is under way at that moment.
#include <unistd.h>

#include <fstream>
#include <string>

#include "sandbox/local_sandbox.h"
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

constexpr int kTries = 3;  // of each program: they are races

struct Survivor {
  const char* name;
  const char* program;
};

// done(): says that the cell is over. large(): many small pages, so that a fork takes
// long. fork(): the bare system call, which no lock of the interpreter holds back.
constexpr char kPrelude[] = R"py(
import ctypes, mmap, os, signal, struct, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def done(): os.write(3, struct.pack('<IcIB', 6, b'D', 1, 0))
def fork(): return libc.syscall(ctypes.c_long(57))
def burn():
    while True: pass
def large():
    global block
    size = 100 << 20
    block = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    libc.madvise(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(block))),
                 ctypes.c_size_t(size), 15)
    for at in range(0, size, 4096): block[at] = 1
)py";

const Survivor kSurvivors[] = {
    {"ForksAfterItsEnd", "large()\ndone()\nif fork() == 0: burn()\ntime.sleep(99)"},
    {"EndsWhileAThreadForks",
     "large()\ndef forker():\n  if fork() == 0: burn()\n"
     "threading.Thread(target=forker).start()\ntime.sleep(0.003)\ndone()\ntime.sleep(99)"},
    {"EndsWhileThreadsFork",
     "def forker():\n  while True:\n    if fork() == 0: os._exit(0)\n"
     "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
     "for _ in range(4): threading.Thread(target=forker).start()\n"
     "time.sleep(0.05)\ndone()\ntime.sleep(99)"},
    {"DaemonThatHopsFromParentToParent",
     "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
     "def helper(): time.sleep(99)\n"
     "for _ in range(4): threading.Thread(target=helper).start()\n"
     "if fork() == 0:\n  while fork() != 0: os._exit(0)\n  while True:\n"
     "    if fork() != 0: os._exit(0)\n"
     "time.sleep(0.02)\ndone()\ntime.sleep(99)"},
    {"DaemonInASessionOfItsOwn",
     "if fork() == 0:\n  os.setsid()\n  if fork() == 0:\n    signal.pthread_sigmask(0, range(1, "
     "65))\n"
     "    burn()\n  os._exit(0)\ndone()\ntime.sleep(99)"},
    {"ThreadsThatBurn", "for _ in range(4): threading.Thread(target=burn).start()\ndone()\nburn()"},
    {"ATimerThatLetsItGoOn",
     "class Event(ctypes.Structure): _fields_ = [('value', ctypes.c_long), ('signo', ctypes.c_int),"
     " ('notify', ctypes.c_int), ('rest', ctypes.c_char * 48)]\n"
     "timer, event = ctypes.c_int(), Event(0, signal.SIGCONT, 0)\n"
     "libc.syscall(ctypes.c_long(222), ctypes.c_long(1), ctypes.byref(event), "
     "ctypes.byref(timer))\n"
     "libc.syscall(ctypes.c_long(223), timer, ctypes.c_long(0),"
     " (ctypes.c_long * 4)(0, 10 ** 7, 0, 10 ** 7), ctypes.c_void_p(0))\n"
     "signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)\n"
     "signal.signal(signal.SIGALRM, signal.SIG_IGN)\ndone()\nburn()"},
    {"AChildWhoseEndLetsItGoOn",
     "if libc.syscall(ctypes.c_long(56), ctypes.c_long(signal.SIGCONT), *[ctypes.c_long(0)] * 4) "
     "== 0:\n"
     "  time.sleep(0.1)\n  os._exit(0)\ndone()\nburn()"},
    {"AThreadThatOutlivesTheLeader",
     "def later():\n  time.sleep(0.02)\n  done()\n  burn()\n"
     "threading.Thread(target=later).start()\nlibc.syscall(ctypes.c_long(60), ctypes.c_long(0))"},
    {"AProgramInTheLeadersPlace",
     "if fork() == 0:\n  done()\n  burn()\nos.execv('/bin/sleep', ['sleep', '99'])"},
};

// Clock ticks that all processes below this one have used.
int64_t TicksUsed() {
  int64_t ticks = 0;
  for (const int pid : Descendants(::getpid())) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    long user = 0, system = 0;
    const size_t end = text.rfind(')');
    if (end != text.npos &&
        std::sscanf(text.c_str() + end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
                    &user, &system) == 2) {
      ticks += user + system;
    }
  }
  return ticks;
}

TEST(EscapeTest, Survivors) {
  SandboxConfig config;
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(config);
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().message();
  const size_t idle = Descendants(::getpid()).size();
  for (const Survivor& survivor : kSurvivors) {
    SCOPED_TRACE(survivor.name);
    for (int i = 0; i < kTries; ++i) {
      const std::string id = std::string(survivor.name) + std::to_string(i);
      ExecuteRequest request{id, std::string(kPrelude) + survivor.program, /*timeout=*/20};
      ASSERT_TRUE((*sandbox)->Execute(request).ok());
      // The session, if it lives, and none beside it.
      EXPECT_LE(Descendants(::getpid()).size(), idle + 1);
      const int64_t before = TicksUsed();
      ::usleep(150'000);
      EXPECT_LE(TicksUsed() - before, 1);
      (*sandbox)->CloseSession(id);
    }
  }
  EXPECT_TRUE(DescendantsWithin(idle, 20));
}

TEST(EscapeAsOrdinaryUserTest, Survivors) { ExpectTheSameAsOrdinaryUser("EscapeTest.Survivors"); }

}  // namespace
}  // namespace qed

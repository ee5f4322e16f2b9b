// What one session does is not seen by another, nor by the host: locks, times, flags,
// queues, limits and names that belong to the machine or to all sessions' user.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <string>

#include "base/unique_fd.h"
#include "sandbox/local_sandbox.h"
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

struct Channel {
  const char* name;
  const char* send;   // what one session does
  const char* probe;  // what the other one looks at, before and afterwards
};

constexpr char kPrelude[] = R"py(
import ctypes, fcntl, os, resource, signal, socket, struct, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def tried(f):
    try:
        return f()
    except BaseException as e:
        return type(e).__name__
fd = os.open('/usr/bin/env', os.O_RDONLY)
held = []
)py";

const Channel kChannels[] = {
    {"Flock", "tried(lambda: fcntl.flock(fd, fcntl.LOCK_EX))",
     "tried(lambda: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB))"},
    {"RecordLock", "tried(lambda: fcntl.lockf(fd, fcntl.LOCK_SH))",
     "tried(lambda: fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack('hhqqi', 1, 0, 0, 0, 0)))"},
    {"LockOfAnOpenFile", "tried(lambda: fcntl.fcntl(fd, 37, struct.pack('hhqqi', 0, 0, 0, 0, 0)))",
     "tried(lambda: fcntl.fcntl(fd, 36, struct.pack('hhqqi', 1, 0, 0, 0, 0)))"},
    {"LockOfAFolder", "tried(lambda: fcntl.flock(os.open('/', os.O_RDONLY), fcntl.LOCK_EX))",
     "tried(lambda: fcntl.flock(os.open('/', os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB))"},
    {"LockOfADevice", "tried(lambda: fcntl.flock(os.open('/dev/null', 0), fcntl.LOCK_EX))",
     "tried(lambda: fcntl.flock(os.open('/dev/null', 0), fcntl.LOCK_EX | fcntl.LOCK_NB))"},
    {"Lease", "tried(lambda: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK))",
     "tried(lambda: fcntl.fcntl(fd, fcntl.F_GETLEASE))"},
    {"FlagsOfStandardInput", "os.set_blocking(0, False)", "os.get_blocking(0)"},
    {"PlaceInStandardInput", "tried(lambda: os.lseek(0, 7, 0))",
     "tried(lambda: os.lseek(0, 0, 1))"},
    {"TimesOfADevice", "[tried(lambda: os.utime('/dev/' + name)) for name in os.listdir('/dev')]",
     "[os.stat('/dev/' + name).st_mtime_ns for name in ('null', 'full', 'random', 'urandom')]"},
    {"TimesOfAFile", "os.read(fd, 1000); tried(lambda: os.utime('/usr/bin/env'))",
     "os.stat(fd).st_atime_ns, os.stat(fd).st_mtime_ns"},
    {"RightsOfADevice", "tried(lambda: os.chmod('/dev/null', 0o600))",
     "os.stat('/dev/null').st_mode"},
    {"DescriptorsInFlight",
     "def fill():\n  while True:\n    held.append(socket.socketpair())\n"
     "    socket.send_fds(held[-1][0], [b'x'], [0] * 250)\ntried(fill)",
     "a, b = socket.socketpair()\ntried(lambda: socket.send_fds(a, [b'x'], [0]))"},
    {"PendingSignals",
     "signal.pthread_sigmask(0, range(34, 65))\n"
     "[tried(lambda: signal.pthread_kill(threading.get_ident(), s)) for s in range(34, 65)] * 20",
     "signal.pthread_sigmask(0, [40])\ntried(lambda: os.kill(os.getpid(), 40)), "
     "signal.sigpending()"},
    {"Processes",
     "def fill():\n  while True:\n    held.append(threading.Thread(target=time.sleep, args=(2,)))\n"
     "    held[-1].start()\ntried(fill)",
     "def few():\n  new = [threading.Thread(target=time.sleep, args=(0.1,)) for _ in range(8)]\n"
     "  [t.start() for t in new], [t.join() for t in new]\n  return 'all'\ntried(few)"},
    {"Priority", "tried(lambda: os.setpriority(os.PRIO_USER, 0, 9))",
     "os.getpriority(os.PRIO_USER, 0), os.getpriority(os.PRIO_PROCESS, 0)"},
    {"PipeSizes", "def fill():\n  while True: held.append(os.pipe())\ntried(fill)",
     "r, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_GETPIPE_SZ)"},
    {"NameOfTheMachine", "tried(lambda: socket.sethostname('x'))", "os.uname().nodename"},
    {"Segments", "libc.shmget(1234, 4096, 0o1666)", "libc.shmget(1234, 4096, 0o666)"},
    {"Queues", "libc.msgget(1234, 0o1666)", "libc.msgget(1234, 0o666)"},
    {"NamedQueues", "libc.syscall(240, b'q', 0o102, 0o666, 0)", "libc.syscall(240, b'q', 0, 0, 0)"},
    {"AbstractSockets", "tried(lambda: held[0].bind('\0name'))",
     "tried(lambda: socket.socket(socket.AF_UNIX).connect('\0name'))"},
    {"Files", "open('/tmp/x', 'w').write('x')", "os.listdir('/tmp'), os.path.exists('/dev/shm/x')"},
    {"Watches", "libc.inotify_init()", "libc.inotify_add_watch(libc.inotify_init(), b'/usr', 1)"},
    {"Keys", "libc.syscall(248, b'user', b'k', b'v', 1, -4)",
     "libc.syscall(249, b'user', b'k', 0, 0)"},
    {"WhatIsInTheCache", "tried(lambda: os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED))",
     "tried(lambda: os.preadv(fd, [bytearray(9)], 0, os.RWF_NOWAIT))"},
};

std::string RunCell(LocalSandbox& sandbox, const std::string& id, const std::string& program) {
  const Result<ExecuteResult> result = sandbox.Execute({id, program, 60});
  EXPECT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->err, "");
  return result.ok() ? result->out : "";
}

TEST(EscapeTest, Channels) {
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(SandboxConfig());
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().message();
  for (const Channel& channel : kChannels) {
    SCOPED_TRACE(channel.name);
    RunCell(**sandbox, "sender", kPrelude);
    RunCell(**sandbox, "other", kPrelude);
    const std::string before = RunCell(**sandbox, "other", channel.probe);
    EXPECT_EQ(before.find("NameError"), std::string::npos) << before;
    RunCell(**sandbox, "sender", channel.send);
    EXPECT_EQ(RunCell(**sandbox, "other", channel.probe), before);
    // A session that stands still keeps no program of the host from its locks.
    const UniqueFd file(::open("/usr/bin/env", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::flock(file.get(), LOCK_EX | LOCK_NB), 0);
    (*sandbox)->CloseSession("sender");
    (*sandbox)->CloseSession("other");
  }
}

TEST(EscapeAsOrdinaryUserTest, Channels) { ExpectTheSameAsOrdinaryUser("EscapeTest.Channels"); }

}  // namespace
}  // namespace qed

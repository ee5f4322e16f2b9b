// Programs that try to get out, or to take more than their share. Each runs in
// the jail; what it prints says how far it got.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sandbox/test_support.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

struct Attempt {
  const char* name;
  const char* code;
  const char* out;
};

// Put before each attempt: tried(f) is the name of the error that f ends with.
constexpr char kPrelude[] = R"py(
import ctypes, os, socket, subprocess, sys
def tried(f):
    try:
        return f()
    except BaseException as e:
        return type(e).__name__
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    ctypes.set_errno(0)
    result = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return os.strerror(ctypes.get_errno()) if result == -1 else result
)py";

template <size_t kCount>
void ExpectContained(const Attempt (&attempts)[kCount]) {
  for (const Attempt& attempt : attempts) {
    SCOPED_TRACE(attempt.name);
    const ExecuteResult result = RunOnce(std::string(kPrelude) + attempt.code);
    EXPECT_EQ(result.out, attempt.out) << result.err;
  }
}

const Attempt kNetwork[] = {
    {"Tcp", "tried(lambda: socket.create_connection(('127.0.0.1', 22), 1))", "'PermissionError'\n"},
    {"Udp", "tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))",
     "'PermissionError'\n"},
    {"Ipv6", "tried(lambda: socket.socket(socket.AF_INET6))", "'PermissionError'\n"},
    {"Unix", "tried(lambda: socket.socket(socket.AF_UNIX))", "'PermissionError'\n"},
    {"Raw", "tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))",
     "'PermissionError'\n"},
    {"Netlink", "tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))",
     "'PermissionError'\n"},
    {"Dns", "tried(lambda: socket.gethostbyname('example.com'))", "'gaierror'\n"},
    {"SocketByNumber", "call(41, 2, 1, 0)", "'Operation not permitted'\n"},
    {"Interfaces", "socket.if_nameindex() if False else tried(socket.if_nameindex)",
     "'PermissionError'\n"},
};

const Attempt kFiles[] = {
    {"Root", "sorted(os.listdir('/'))", "['bin', 'dev', 'etc', 'lib', 'lib64', 'tmp', 'usr']\n"},
    {"Etc", "sorted(set(os.listdir('/etc')) - {'alternatives', 'ld.so.cache'})",
     "['group', 'passwd']\n"},
    {"Passwd", "open('/etc/passwd').read()", "'sandbox:x:1000:1000::/tmp:/bin/sh\\n'\n"},
    {"Shadow", "tried(lambda: open('/etc/shadow'))", "'FileNotFoundError'\n"},
    {"Home", "[os.path.exists(p) for p in ('/root', '/home', '/var', '/proc', '/sys', '/run')]",
     "[False, False, False, False, False, False]\n"},
    {"Dots", "sorted(os.listdir('/../../..')) == sorted(os.listdir('/'))", "True\n"},
    {"Symlink", "os.symlink('/proc/1/root', '/tmp/l')\ntried(lambda: os.listdir('/tmp/l'))",
     "'FileNotFoundError'\n"},
    {"ReadOnlyNoSuidNoDevices", "[os.statvfs(p).f_flag & 7 for p in ('/', '/usr')]", "[7, 7]\n"},
    {"WriteRoot", "tried(lambda: open('/new', 'w'))", "'OSError'\n"},
    {"WriteEtc", "tried(lambda: os.unlink('/etc/passwd'))", "'OSError'\n"},
    {"Devices", "sorted(os.listdir('/dev'))", "['full', 'null', 'random', 'shm', 'urandom']\n"},
    {"DevNullIsNotReplaced", "tried(lambda: os.unlink('/dev/null'))", "'OSError'\n"},
    {"Mknod", "tried(lambda: os.mknod('/tmp/d', 0o60600, os.makedev(8, 0)))",
     "'PermissionError'\n"},
    {"OpenByHandle", "call(304, -100, 0, 0)", "'Operation not permitted'\n"},
    {"Descriptors",
     "import stat\nkinds = []\nfor fd in range(256):\n  try: mode = os.fstat(fd).st_mode\n"
     "  except OSError: continue\n"
     "  kinds.append('fifo' if stat.S_ISFIFO(mode) else 'socket' if stat.S_ISSOCK(mode) else 'dev'"
     " if stat.S_ISCHR(mode) else 'other')\nkinds",
     "['dev', 'fifo', 'fifo', 'socket', 'dev', 'fifo', 'fifo']\n"},
    {"Environment", "sorted(set(os.environ) - {'LC_CTYPE'})",
     "['HOME', 'LANG', 'LC_ALL', 'MALLOC_ARENA_MAX', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS', "
     "'OPENBLAS_NUM_THREADS', 'PATH', 'PYTHONDONTWRITEBYTECODE', 'PYTHONHASHSEED', 'PYTHONUTF8', "
     "'TMPDIR']\n"},
};

const Attempt kPrivileges[] = {
    {"User", "os.getuid(), os.getgid(), os.getgroups() in ([], [65534])", "(1000, 1000, True)\n"},
    {"Setuid", "tried(lambda: os.setuid(0))", "'PermissionError'\n"},
    {"NoNewPrivileges", "libc.prctl(39, 0, 0, 0, 0)", "1\n"},
    {"BoundingSet", "[libc.prctl(23, c, 0, 0, 0) for c in range(0, 40, 7)]",
     "[0, 0, 0, 0, 0, 0]\n"},
    {"SeccompIsOn", "libc.prctl(21, 0, 0, 0, 0)", "2\n"},
    {"Mount", "libc.mount(b'x', b'/tmp', b'tmpfs', 0, None), os.strerror(ctypes.get_errno())",
     "(-1, 'Operation not permitted')\n"},
    {"Umount", "libc.umount2(b'/tmp', 2)", "-1\n"},
    {"Chroot", "tried(lambda: os.chroot('/tmp'))", "'PermissionError'\n"},
    {"NewUserNamespace", "libc.unshare(0x10000000)", "-1\n"},
    {"CloneWithNamespace", "call(56, 0x10000000 | 17, 0, 0, 0, 0)", "'Operation not permitted'\n"},
    {"CloneWithHighBits", "call(56, 0x100000000 | 0x20000000 | 17, 0, 0, 0, 0)",
     "'Operation not permitted'\n"},
    {"Clone3", "call(435, 0, 0)", "'Function not implemented'\n"},
    {"Setns", "call(308, 0, 0)", "'Operation not permitted'\n"},
    {"Ptrace", "call(101, 0, 0, 0, 0)", "'Operation not permitted'\n"},
    {"ProcessMemory", "call(310, 1, 0, 0, 0, 0, 0)", "'Operation not permitted'\n"},
    {"Bpf", "call(321, 0, 0, 0)", "'Operation not permitted'\n"},
    {"PerfEvents", "call(298, 0, 0, -1, -1, 0)", "'Operation not permitted'\n"},
    {"Userfaultfd", "call(323, 0)", "'Operation not permitted'\n"},
    {"IoUring", "call(425, 8, 0)", "'Operation not permitted'\n"},
    {"Keyctl", "call(250, 0, -3, 0, 0, 0)", "'Operation not permitted'\n"},
    {"Sethostname", "tried(lambda: socket.sethostname('x'))", "'PermissionError'\n"},
    {"Hostname", "socket.gethostname()", "'sandbox'\n"},
    {"RaiseLimits",
     "import resource\ntried(lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)))",
     "'ValueError'\n"},
    {"Reboot", "call(169, 0xfee1dead, 672274793, 0, 0)", "'Operation not permitted'\n"},
    {"SetuidProgram", "subprocess.run(['su', '-c', 'id'], capture_output=True).returncode != 0",
     "True\n"},
    {"ThirtyTwoBitCalls",
     // int 0x80 with the number of getpid: a filter for 64-bit numbers alone misreads it.
     "import mmap\nm = mmap.mmap(-1, 4096, "
     "mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)\nm.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n"
     "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
     "pid = os.fork()\nif pid == 0: os._exit(f())\nos.WIFSIGNALED(os.waitpid(pid, 0)[1])",
     "True\n"},
};

const Attempt kProcesses[] = {
    {"OnlyItself", "os.getpid(), os.getppid()", "(1, 0)\n"},
    {"KillsNobodyElse",
     "[tried(lambda: os.kill(p, 9)) for p in (2, 3, 100, -1)] + [sum(tried(lambda: os.kill(p, 0)) "
     "is None for p in range(1, 5000))]",
     "['ProcessLookupError', 'ProcessLookupError', 'ProcessLookupError', 'ProcessLookupError', "
     "1]\n"},
    {"ForkBomb",
     "n = 0\ntry:\n  while n < 500:\n    if os.fork() == 0:\n      import time; time.sleep(60); "
     "os._exit(0)\n    n += 1\nexcept OSError as e: print(n < 20, type(e).__name__)",
     "True BlockingIOError\n"},
    {"ThreadBomb",
     "import threading, time\nn = 0\ntry:\n  while n < 500:\n"
     "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n    n += 1\n"
     "except RuntimeError as e: print(n < 20, e)",
     "True can't start new thread\n"},
    {"MemoryHog", "tried(lambda: bytearray(2 << 30))", "'MemoryError'\n"},
    {"MemoryHogInC", "import numpy\ntried(lambda: numpy.ones(1 << 28))", "'MemoryError'\n"},
    {"MemoryHogByMap", "import mmap\ntried(lambda: mmap.mmap(-1, 2 << 30, mmap.MAP_PRIVATE))",
     "'OSError'\n"},
    {"MemoryFile", "tried(lambda: os.memfd_create('x'))", "'PermissionError'\n"},
    {"SharedSegment", "call(29, 0, 1 << 20, 0o1600)", "'Operation not permitted'\n"},
    {"ManySmallObjects", "def f():\n  l = []\n  while True: l.append(' ' * 10000)\ntried(f)",
     "'MemoryError'\n"},
    {"DiskFiller",
     "def f():\n  with open('/tmp/f', 'wb') as file:\n    while True: file.write(b'x' * 65536)\n"
     "tried(f), os.stat('/tmp/f').st_size <= 16 << 20",
     "('OSError', True)\n"},
    {"DiskFillerManyFiles",
     "def f():\n  for i in range(100):\n    open(f'/tmp/{i}', 'wb').write(b'x' * (1 << 20))\n"
     "tried(f), len(os.listdir('/tmp')) <= 17",
     "('OSError', True)\n"},
    {"ManyFiles", "def f():\n  for i in range(10 ** 5): open(f'/tmp/{i}', 'w')\ntried(f)",
     "'OSError'\n"},
    {"ManyDescriptors",
     "l = []\ndef f():\n  while True: l.append(os.dup(0))\n"
     "tried(f), len(l) < 256",
     "('OSError', True)\n"},
    {"Priority", "tried(lambda: os.nice(-5))", "'PermissionError'\n"},
    {"CoreDump", "import resource\nresource.getrlimit(resource.RLIMIT_CORE)", "(0, 0)\n"},
};

TEST(EscapeTest, Network) { ExpectContained(kNetwork); }
TEST(EscapeTest, Files) { ExpectContained(kFiles); }
TEST(EscapeTest, Privileges) { ExpectContained(kPrivileges); }
TEST(EscapeTest, Processes) { ExpectContained(kProcesses); }

TEST(JailTest, SessionsDoNotSeeEachOther) {
  LocalSandbox& sandbox = SharedSandbox();
  RunIn(sandbox, "left",
        "import subprocess, socket\nopen('/tmp/secret', 'w').write('x')\nmine = 1");
  EXPECT_EQ(RunIn(sandbox, "right", "import os\nos.listdir('/tmp'), 'mine' in globals()").out,
            "([], False)\n");
  EXPECT_EQ(RunIn(sandbox, "left", "import os\nos.listdir('/tmp')").out, "['secret']\n");
  sandbox.CloseSession("left");
  sandbox.CloseSession("right");
}

TEST(JailTest, HostFilesAndDescriptorsStayOut) {
  const TempDir folder;
  const std::string secret = folder.File("secret");
  std::ofstream(secret) << "secret";
  const int leaked = ::open(secret.c_str(), O_RDONLY);  // Without O_CLOEXEC.
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(SandboxConfig());
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().message();
  EXPECT_EQ(RunIn(**sandbox, "a",
                  "import os\nfound = []\nfor fd in range(3, 256):\n"
                  "  try: found.append(os.pread(fd, 9, 0))\n  except OSError: pass\n"
                  "any(found), os.path.exists('" +
                      secret + "')")
                .out,
            "(False, False)\n");
  ::close(leaked);
}

TEST(JailTest, KilledCellsLeaveTheHostAlone) {
  // Same user outside: signals must not reach it.
  const pid_t bystander = ::fork();
  if (bystander == 0) {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  RunOnce("import os\nfor p in range(2, 70000):\n  try: os.kill(p, 9)\n  except OSError: pass");
  EXPECT_EQ(::waitpid(bystander, nullptr, WNOHANG), 0);
  ::kill(bystander, SIGKILL);
  ::waitpid(bystander, nullptr, 0);
}

}  // namespace
}  // namespace qed

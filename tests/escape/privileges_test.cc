// Rights and doors into the kernel. System calls by number are of x86-64.
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

const EscapeCase kCases[] = {
    {"User", "os.getuid(), os.getgid()", "(1000, 1000)\n"},
    {"Setuid", "tried(lambda: os.setuid(0)), tried(lambda: os.setresuid(0, 0, 0))",
     "('PermissionError', 'PermissionError')\n"},
    {"Setgid", "tried(lambda: os.setgid(0)), tried(lambda: os.setgroups([0]))",
     "('PermissionError', 'PermissionError')\n"},
    {"SetuidProgram", "subprocess.run(['su', '-c', 'id'], capture_output=True).returncode != 0",
     "True\n"},
    {"NoNewPrivileges", "libc.prctl(39, 0, 0, 0, 0)", "1\n"},
    {"NoCapabilities",
     "data = (ctypes.c_uint32 * 6)()\nlibc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), data)\n"
     "list(data), sum(libc.prctl(23, c, 0, 0, 0) for c in range(40))",
     "([0, 0, 0, 0, 0, 0], 0)\n"},
    {"Capset", "call(126, (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())",
     "'EPERM'\n"},
    {"SeccompStays", "libc.prctl(21, 0, 0, 0, 0), call(317, 1, 0, 0)", "(2, 'EPERM')\n"},
    {"Mount", "call(165, b'x', b'/tmp', b'tmpfs', 0, 0), call(166, b'/tmp', 2)",
     "('EPERM', 'EPERM')\n"},
    {"NewMountCalls", "call(428, -100, b'/', 1), call(430, b'tmpfs', 0), call(442, -100, b'', 0)",
     "('EPERM', 'EPERM', 'EPERM')\n"},
    {"PivotRoot", "call(155, b'/tmp', b'/tmp')", "'EPERM'\n"},
    {"NewNamespaces", "[call(272, 1 << bit) for bit in (7, 17, 25, 26, 27, 28, 29, 30)]",
     "['EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM']\n"},
    {"CloneWithNamespaces", "[call(56, 1 << bit | 17, 0, 0, 0, 0) for bit in (17, 28, 29, 30)]",
     "['EPERM', 'EPERM', 'EPERM', 'EPERM']\n"},
    {"CloneWithHighBits", "call(56, 0x100000000 | 0x20000000 | 17, 0, 0, 0, 0)", "'EPERM'\n"},
    {"Clone3", "call(435, b'\\0' * 88, 88)", "'ENOSYS'\n"},
    {"EnterNamespace", "call(308, 0, 0)", "'EPERM'\n"},
    {"Ptrace", "call(101, 16, 2, 0, 0), call(101, 0, 0, 0, 0)", "('EPERM', 'EPERM')\n"},
    {"ProcessMemory", "call(310, 1, 0, 0, 0, 0, 0), call(311, 1, 0, 0, 0, 0, 0)",
     "('EPERM', 'EPERM')\n"},
    {"ProcessDescriptors", "call(434, 1, 0), call(438, 0, 0, 0), call(312, 1, 1, 0, 0, 0)",
     "('EPERM', 'EPERM', 'EPERM')\n"},
    {"Bpf", "call(321, 0, 0, 0)", "'EPERM'\n"},
    {"PerfEvents", "call(298, b'\\0' * 128, 0, -1, -1, 0)", "'EPERM'\n"},
    {"Userfaultfd", "call(323, 0)", "'EPERM'\n"},
    {"IoUring", "call(425, 8, 0), call(426, 0, 0, 0, 0, 0), call(427, 0, 0, 0, 0)",
     "('EPERM', 'EPERM', 'EPERM')\n"},
    {"OldAsyncIo", "call(206, 8, 0)", "'EPERM'\n"},
    {"Keyctl", "call(250, 0, -3, 0, 0, 0), call(248, b'user', b'x', b'x', 1, -3)",
     "('EPERM', 'EPERM')\n"},
    {"Personality", "call(135, 0x0400000)", "'EPERM'\n"},
    {"MakeItselfUnreadable", "libc.prctl(4, 0, 0, 0, 0), libc.prctl(3, 0, 0, 0, 0) in (0, 1)",
     "(-1, True)\n"},
    {"OutliveItsParent", "libc.prctl(36, 1, 0, 0, 0), libc.prctl(1, 0, 0, 0, 0)", "(-1, -1)\n"},
    {"KernelModules", "call(175, 0, 0, 0), call(313, 0, 0, 0), call(176, 0, 0)",
     "('EPERM', 'EPERM', 'EPERM')\n"},
    {"Reboot", "call(169, 0xfee1dead, 672274793, 0, 0), call(246, 0, 0, 0, 0)",
     "('EPERM', 'EPERM')\n"},
    {"HostName", "tried(lambda: socket.sethostname('x')), socket.gethostname()",
     "('PermissionError', 'sandbox')\n"},
    {"Clock", "tried(lambda: time.clock_settime(0, 0)), call(159, b'\\0' * 208)",
     "('PermissionError', 'EPERM')\n"},
    {"Swap", "call(167, b'/tmp/x', 0), call(163, b'/tmp/x')", "('EPERM', 'EPERM')\n"},
    {"Ports", "call(172, 3), call(173, 0, 1024, 1), call(154, 0, 0, 0)",
     "('EPERM', 'EPERM', 'EPERM')\n"},
    {"KernelLog", "call(103, 3, 0, 0)", "'EPERM'\n"},
    {"Watches", "call(253), call(300, 0, 0)", "('EPERM', 'EPERM')\n"},
    {"ACallThatNobodyKnows", "call(9999)", "'ENOSYS'\n"},
    {"CallsOfX32",
     "pid = os.fork()\nif pid == 0:\n  call(0x40000000 | 39)\n  os._exit(0)\n"
     "os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGSYS",
     "True\n"},
    {"CallsOf32Bit",
     // mov eax, 20 (getpid there); int 0x80; ret
     "m = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)\n"
     "m.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n"
     "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
     "pid = os.fork()\nif pid == 0:\n  f()\n  os._exit(0)\n"
     "os.WTERMSIG(os.waitpid(pid, 0)[1]) in (signal.SIGSYS, signal.SIGSEGV)",
     "True\n"},
    {"RaiseLimits",
     "[tried(lambda: resource.setrlimit(r, (-1, -1))) for r in (resource.RLIMIT_AS,\n"
     " resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU)]",
     "['ValueError', 'ValueError', 'ValueError', 'ValueError']\n"},
    {"Priority", "tried(lambda: os.nice(-5)), tried(lambda: os.sched_setaffinity(0, {0}))",
     "('PermissionError', 'PermissionError')\n"},
    {"RealTime", "tried(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))",
     "'PermissionError'\n"},
    {"CoreDumps",
     "pid = os.fork()\nif pid == 0:\n  os.chdir('/tmp')\n  os.abort()\n"
     "status = os.waitpid(pid, 0)[1]\n"
     "resource.getrlimit(resource.RLIMIT_CORE), os.WCOREDUMP(status), os.listdir('/tmp')",
     "((0, 0), False, [])\n"},
};

QED_ESCAPE_TESTS(Privileges, kCases)

}  // namespace
}  // namespace qed

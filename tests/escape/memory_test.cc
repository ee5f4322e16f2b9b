// Memory of one process, of many, of C code and of the kernel; numbers and stacks
// without end.
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

const EscapeCase kCases[] = {
    {"OneObject", "tried(lambda: bytearray(2 << 30))", "'MemoryError'\n"},
    {"ManyObjects", "def hog():\n  held = []\n  while True: held.append(' ' * 100000)\ntried(hog)",
     "'MemoryError'\n"},
    {"NotCaught", "held = []\nwhile True: held.append(bytearray(1 << 20))",
     "Traceback (most recent call last):\n    while True: held.append(bytearray(1 << 20))\n"
     "MemoryError\n",
     kError},
    {"Extension", "import numpy\ntried(lambda: numpy.ones(1 << 28))", "'MemoryError'\n"},
    {"Malloc",
     "libc.malloc.restype = ctypes.c_void_p\nn = 0\n"
     "while n < 100 and libc.malloc(ctypes.c_size_t(64 << 20)): n += 1\nn < 16",
     "True\n"},
    {"Mapping", "tried(lambda: mmap.mmap(-1, 2 << 30, mmap.MAP_PRIVATE))", "'OSError'\n"},
    {"SharedMapping", "tried(lambda: mmap.mmap(-1, 4096))", "'PermissionError'\n"},
    {"MemoryFiles", "tried(lambda: os.memfd_create('x')), call(447, 0)",
     "('PermissionError', 'EPERM')\n"},
    {"SharedSegments", "call(29, 0, 1 << 20, 0o1600), call(68, 0, 0o1600), call(64, 0, 1, 0o1600)",
     "('EPERM', 'EPERM', 'EPERM')\n"},
    {"LockedMemory", "call(151, 1), call(149, ctypes.create_string_buffer(4096), 4096)",
     "('EPERM', 'EPERM')\n"},
    {"ManyChildren",
     "for _ in range(12):\n  if os.fork() == 0:\n    held = bytearray(os.urandom(1)) * (400 << "
     "20)\n"
     "    time.sleep(60)\ntime.sleep(60)",
     "", kError, kTooMuchMemory, After::kEnds},
    {"GrandchildrenWithoutParents",
     "for _ in range(6):\n  if os.fork() == 0:\n    if os.fork() == 0:\n      held = b'x' * (300 "
     "<< 20)\n"
     "      time.sleep(60)\n    os._exit(0)\ntime.sleep(60)",
     "", kError, kTooMuchMemory, After::kEnds},
    {"Pipes",
     "held = []\ndef fill():\n  while True:\n    held.append(os.pipe())\n"
     "    os.set_blocking(held[-1][1], False)\n    os.write(held[-1][1], b'x' * (1 << 20))\n"
     "tried(fill), len(held) < 128",
     "('OSError', True)\n"},
    {"Descriptors",
     "held = []\ndef fill():\n  while True: held.append(os.dup(0))\n"
     "tried(fill), len(held) < 256",
     "('OSError', True)\n"},
    {"HugeInteger", "tried(lambda: 1 << (1 << 40))", "'MemoryError'\n"},
    {"HugePower", "10 ** 10 ** 9", "", kTimeout, kTimedOut, After::kLives, kShort},
    {"HugeIntegerAsText", "tried(lambda: str(10 ** 5000)), tried(lambda: int('9' * 5000))",
     "('ValueError', 'ValueError')\n"},
    {"Recursion", "def f(): return f()\ntried(f)", "'RecursionError'\n"},
    {"RecursionInC",
     // The stack overflows, or the interpreter counts the calls of C code too.
     "def f(x): return sorted([x], key=f)\nif os.fork() == 0:\n  sys.setrecursionlimit(10 ** 9)\n"
     "  tried(lambda: f(0))\n  os._exit(0)\nos.wait()[1] in (0, signal.SIGSEGV)",
     "True\n"},
    {"NestedSource",
     "tried(lambda: eval('(' * 10 ** 5)) in ('MemoryError', 'SyntaxError', "
     "'RecursionError')",
     "True\n"},
    {"Decompression",
     "import zlib\nbomb = zlib.compress(bytes(1 << 26))\n"
     "tried(lambda: b''.join([zlib.decompress(bomb) for _ in range(64)]))",
     "'MemoryError'\n"},
};

QED_ESCAPE_TESTS(Memory, kCases)

}  // namespace
}  // namespace qed

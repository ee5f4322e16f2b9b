// The way to the program, descriptor 3: closed, forged, flooded.
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

// The end of the session's first cell, as the worker reports it.
#define QED_DONE "struct.pack('<IcIB', 6, b'D', 1, 0)"

const EscapeCase kCases[] = {
    {"Exit", "os._exit(0)", "", kError, kLost, After::kEnds},
    {"ExitOfPython", "sys.exit(3)", "", kError},
    {"Abort", "os.abort()", "", kError, kLost, After::kEnds},
    {"Segfault", "ctypes.string_at(1)", "", kError, kLost, After::kEnds},
    {"DivisionInC",
     // xor ecx, ecx; mov eax, 1; cdq; idiv ecx
     "m = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)\n"
     "m.write(b'\\x31\\xc9\\xb8\\x01\\0\\0\\0\\x99\\xf7\\xf9\\xc3')\n"
     "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()",
     "", kError, kLost, After::kEnds},
    {"Close", "os.close(3)", "", kError, kLost, After::kEnds},
    {"CloseAll", "os.closerange(0, 256)", "", kError, kLost, After::kEnds},
    {"Shutdown", "socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_RDWR)", "", kError, kLost,
     After::kEnds},
    {"Garbage", "os.write(3, b'\\xff' * 64)\ntime.sleep(99)", "", kError, kLost, After::kEnds},
    {"GarbageWithoutEnd", "while True: os.write(3, b'\\0' * 65536)", "", kError, kLost,
     After::kEnds},
    {"HugeFrame", "os.write(3, struct.pack('<Ic', 0xffffffff, b'D'))\ntime.sleep(99)", "", kError,
     kLost, After::kEnds},
    {"EmptyFrame", "os.write(3, b'\\0\\0\\0\\0')\ntime.sleep(99)", "", kError, kLost, After::kEnds},
    {"AnotherCell",
     "os.write(3, struct.pack('<IcIB', 6, b'D', 7, 0))\n"
     "time.sleep(99)",
     "", kError, kLost, After::kEnds},
    {"AnotherKind", "os.write(3, struct.pack('<Ic', 5, b'E') + b'oops')\ntime.sleep(99)", "",
     kError, kLost, After::kEnds},
    // Says that it is done while it goes on: it stands still until it is asked again,
    // and then answers for a cell that is over.
    {"DoneTooEarly", "os.write(3, " QED_DONE ")\nx = 1", "", kCompleted, "", After::kBroken},
    {"Descriptors",
     "s = socket.socket(fileno=os.dup(3))\n"
     "tried(lambda: socket.send_fds(s, [" QED_DONE "], [0, 1, 2]))",
     "'PermissionError'\n"},
    // What the kernel tells of the other side, the program itself.
    {"AsksWhoListens",
     "s = socket.socket(fileno=os.dup(3))\n"
     "refused_all = all(refused(lambda: s.getsockopt(1, option, 64))\n"
     "                  for option in (17, 31, 55, 57, 59, 71, 77, 83))\n"
     "refused_all, s.getsockopt(1, socket.SO_TYPE), s.getsockopt(1, socket.SO_ERROR)",
     "(True, 1, 0)\n"},
    {"ReadsItsOwnQuestion",
     "s = socket.socket(fileno=os.dup(3))\ns.settimeout(0.1)\n"
     "tried(lambda: s.recv(1))",
     "'TimeoutError'\n"},
    {"AForkAnswers", "pid = os.fork()\nprint('once') if pid else None", "once\n"},
    {"BreaksTheWorker",
     "import gc\nfor o in gc.get_objects():\n  if type(o).__name__ == 'Session': o.connection = "
     "None",
     "", kError, kLost, After::kEnds},
    {"TakesBuiltinsAway", "__builtins__.clear()", "", kError, kLost, After::kEnds},
};

QED_ESCAPE_TESTS(Reply, kCases)

}  // namespace
}  // namespace qed

// Output: too much of it, late, forged, on streams that the program broke.
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

#define QED_TEN "xxxxxxxxxx"
#define QED_HUNDRED QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN
#define QED_THOUSAND                                                                              \
  QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED \
      QED_HUNDRED QED_HUNDRED
#define QED_CUT QED_THOUSAND "<output cut>"

const EscapeCase kCases[] = {
    {"EndlessLines", "while True: print('x' * 2000)", QED_CUT, kTimeout, kTimedOut, After::kLives,
     kShort},
    {"EndlessLine", "while True: print(end='x' * 2000)", QED_CUT, kTimeout, kTimedOut,
     After::kLives, kShort},
    {"EndlessBytes", "while True: os.write(1, b'x' * 65536)", QED_CUT, kTimeout, kTimedOut,
     After::kLives, kShort},
    {"EndlessErrors", "while True: print('x' * 2000, file=sys.stderr)", "", kTimeout,
     QED_CUT "Execution timed out after 0.25 seconds\n", After::kLives, kShort},
    {"OneHugeLine", "print('x' * (64 << 20))", QED_CUT},
    {"HugeValue", "'x' * (64 << 20)",
     "'" QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED
         QED_HUNDRED QED_HUNDRED QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN QED_TEN
             QED_TEN "xxxxxxxxx<output cut>"},
    {"HugeError", "raise Exception('x' * (64 << 20))",
     "Traceback (most recent call last):\n    raise Exception('x' * (64 << "
     "20))\nException: " QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_HUNDRED
         QED_HUNDRED QED_HUNDRED QED_HUNDRED QED_TEN "xxxxxx<output cut>",
     kError},
    {"ByChildren", "for _ in range(4): subprocess.Popen(['yes', 'x' * 2000])\ntime.sleep(99)",
     QED_CUT, kTimeout, kTimedOut, After::kLives, kShort},
    {"AfterTheCell",
     "def late():\n  while True: print('late')\n"
     "threading.Timer(0.05, late).start()\nprint('in time')",
     "in time\n"},
    {"AfterDeath",
     "if os.fork() == 0:\n  time.sleep(0.2)\n  print('late')\n  os._exit(0)\n"
     "print('in time')\nsys.stdout.flush()\nos._exit(0)",
     "in time\n", kError, kLost, After::kEnds},
    {"AtExit", "import atexit\natexit.register(print, 'exit')\nos.kill(1, signal.SIGSEGV)\n'on'",
     "'on'\n"},
    {"ClosesItsStreams", "sys.stdout.close()\nsys.stderr.close()\nsys.stdin.close()", ""},
    {"ClosesItsDescriptors", "os.close(1)\nos.close(2)\nos.close(0)", ""},
    {"ReplacesItsStreams",
     "class Hole:\n  def write(self, text): return len(text)\n  def flush(self): 1 / 0\n"
     "sys.stdout = sys.stderr = Hole()\nprint('nobody reads this')",
     ""},
    {"SwapsItsStreams",
     "os.dup2(1, 9)\nos.dup2(2, 1)\nos.dup2(9, 2)\nprint('x')\nos.dup2(1, 9)\n"
     "os.dup2(2, 1)\nos.dup2(9, 2);",
     "", kCompleted, "x\n"},
    {"NotText", "os.write(1, b'\\xff\\xc0\\x80\\xed\\xa0\\x80ok\\n');",
     "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDok\n"},
    {"TerminalCodes", "print('\\x1b[2J\\x1b]0;x\\x07')", "\x1b[2J\x1b]0;x\x07\n"},
    {"ForgedTimeout", "print('Execution timed out after 2 seconds', file=sys.stderr)", "",
     kCompleted, "Execution timed out after 2 seconds\n"},
    {"LooksLikeAReply", "print('D\\x01' * 3)",
     "D\x01"
     "D\x01"
     "D\x01\n"},
};

QED_ESCAPE_TESTS(Output, kCases)

}  // namespace
}  // namespace qed

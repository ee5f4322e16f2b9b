// Code that does not end: in Python, in C, with signals turned against it.
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

#define QED_SPIN "while True: x = 1"

// Ends by the interrupt: the session's variables are there.
#define QED_LIVES "", kTimeout, kTimedOut, After::kLives, kShort
// Ends by the kill.
#define QED_ENDS "", kTimeout, kTimedOut, After::kEnds, kShort

// "y = 2" stands before a loop in a try: CPython 3.11 takes an interrupt at the jump
// back to the first instruction of the block for one outside of it.
const EscapeCase kCases[] = {
    {"Python", QED_SPIN, QED_LIVES},
    {"Sleep", "time.sleep(99)", QED_LIVES},
    {"Lock",
     "threading.Lock().acquire() and None\nlock = threading.Lock()\nlock.acquire()\n"
     "lock.acquire()",
     QED_LIVES},
    {"Asyncio", "await asyncio.sleep(99)", QED_LIVES},
    {"Child", "subprocess.run(['sleep', '99'])", QED_LIVES},
    {"ChildThatIgnoresSignals",
     "subprocess.run(['bash', '-c', 'trap \"\" INT TERM HUP; while :; do :; done'])", QED_LIVES},
    {"Generator", "sum(x for x in iter(int, 1))", QED_LIVES},
    {"Sympy", "from sympy import factorint\nfactorint((2**521 - 1) * (2**607 - 1))", QED_LIVES},
    {"SympyEquation",
     "from sympy import *\nx = symbols('x')\nfactor(expand((x + 1) ** 300 * (x - 2) ** 300))",
     QED_LIVES},
    {"InC", "import itertools\nsum(itertools.repeat(0))", QED_ENDS},
    {"InCByThreads",
     "import itertools\nfor _ in range(4):\n"
     "  threading.Thread(target=lambda: sum(itertools.repeat(0)), daemon=True).start()\n"
     "sum(itertools.repeat(0))",
     QED_ENDS},
    {"InAnExtension",
     "import numpy\na = numpy.ones((1500, 1500))\nwhile True:\n  try:\n    y = 2\n"
     "    while True: a @ a\n"
     "  except BaseException: pass",
     QED_ENDS},
    {"Expression", "import re\nre.match('(a|a)*$', 'a' * 64 + 'b')", QED_LIVES},
    {"IgnoresTheSignal", "signal.signal(2, signal.SIG_IGN)\n" QED_SPIN, QED_ENDS},
    {"BlocksSignals", "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n" QED_SPIN,
     QED_ENDS},
    {"OwnHandler", "signal.signal(2, lambda *_: None)\n" QED_SPIN, QED_ENDS},
    {"HandlerThatLoops", "def again(*_):\n  " QED_SPIN "\nsignal.signal(2, again)\n" QED_SPIN,
     QED_ENDS},
    {"CatchesEverything",
     "while True:\n  try:\n    y = 2\n    while True: x = 1\n  except BaseException: pass",
     QED_ENDS},
    {"CleansUpForever", "try:\n  y = 2\n  " QED_SPIN "\nfinally:\n  " QED_SPIN, QED_ENDS},
    {"InterruptsItself",
     "n = 0\nwhile n < 100:\n  try:\n    signal.raise_signal(2)\n  except KeyboardInterrupt: n += "
     "1\nn",
     "100\n"},
    {"TimerStorm",
     "signal.signal(14, lambda *_: None)\nsignal.setitimer(signal.ITIMER_REAL, 1e-6, "
     "1e-6)\n" QED_SPIN,
     "", kTimeout, kTimedOut, After::kEither, kShort},
    {"StopsItself", "os.kill(os.getpid(), signal.SIGSTOP)\n" QED_SPIN, QED_LIVES},
    {"EndlessRepr", "class R:\n  def __repr__(self):\n    " QED_SPIN "\nR()", QED_LIVES},
    {"EndlessMessage", "class E(Exception):\n  def __str__(self):\n    " QED_SPIN "\nraise E",
     "Traceback (most recent call last):\n    raise E\nE: <exception str() failed>\n", kTimeout,
     kTimedOut, After::kLives, kShort},
    {"Traced", "sys.settrace(lambda *_: time.sleep(99))\nf = lambda: 0\nf()", QED_LIVES},
    {"ReplacesTheClock", "time.monotonic = time.time = lambda: 0\n" QED_SPIN, QED_LIVES},
    {"CpuSecondsAreLimited", "resource.getrlimit(resource.RLIMIT_CPU)", "(3600, 3600)\n"},
};

QED_ESCAPE_TESTS(Time, kCases)

}  // namespace
}  // namespace qed

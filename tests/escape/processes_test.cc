// Processes and threads: of others, too many, and those that outlive their cell.
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

const EscapeCase kCases[] = {
    {"SeesOnlyItself", "os.getpid(), os.getppid()", "(1, 0)\n"},
    {"KillsNobodyElse",
     "[tried(lambda: os.kill(p, 9)) for p in (2, 3, HOST_PID, -1)]\n"
     "sum(tried(lambda: os.kill(p, 0)) is None for p in range(1, 70000))",
     "1\n"},
    {"KillsNoGroup", "tried(lambda: os.killpg(HOST_PID, 9)), tried(lambda: os.getpgid(HOST_PID))",
     "('ProcessLookupError', 'ProcessLookupError')\n"},
    {"KillsByHandle", "tried(lambda: os.pidfd_open(HOST_PID))", "'PermissionError'\n"},
    {"KillsItself", "os.kill(os.getpid(), signal.SIGKILL)\n'still here'", "'still here'\n"},
    {"ForkBomb",
     "n = 0\ntry:\n  while n < 500:\n    if os.fork() == 0:\n      time.sleep(60)\n"
     "      os._exit(0)\n    n += 1\nexcept OSError as e: print(n < 16, type(e).__name__)",
     "True BlockingIOError\n"},
    {"ForkBombWithoutEnd", "while True: libc.fork()", "", kTimeout, kTimedOut, After::kEither,
     kShort},
    {"ForkBombOfTheShell", "subprocess.run(['bash', '-c', 'f() { f | f & f; }; f'], stderr=-3)", "",
     kTimeout, kTimedOut, After::kLives, kShort},
    {"ThreadBomb",
     "n = 0\ntry:\n  while n < 500:\n"
     "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n    n += 1\n"
     "except RuntimeError: print(n < 16)",
     "True\n"},
    {"ChildrenStay",
     "for _ in range(5): subprocess.Popen(['sleep', '99'], start_new_session=True);", ""},
    {"Daemons",
     "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    signal.pthread_sigmask(0, "
     "range(1, "
     "65))\n    while True: pass\n  os._exit(0)\nos.wait();",
     ""},
    // 17 is SIGCHLD, of which wait() hears; a clone without it is another kind of child.
    {"ChildrenThatNobodyWaitsFor", "if call(56, 0, 0, 0, 0, 0) == 0:\n  while True: pass\n'on'",
     "'on'\n"},
    {"BurnersThatForgeTheEnd",
     "if os.fork() == 0:\n  while True: pass\n"
     "os.write(3, struct.pack('<IcIB', 6, b'D', 1, 0))\ntime.sleep(60)",
     "", kError, kLeftover, After::kEnds},
    {"ThreadsStay",
     "def burn():\n  while True: pass\n"
     "for _ in range(4): threading.Thread(target=burn, daemon=True).start()",
     ""},
    // Which has no way to the program.
    {"BecomesAnotherProgram", "os.execv('/bin/sleep', ['sleep', '99'])", "", kError, kLost,
     After::kEnds},
    {"MultiprocessingWorks",
     "import multiprocessing\nwith multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))",
     "[1, 2]\n"},
};

QED_ESCAPE_TESTS(Processes, kCases)

}  // namespace
}  // namespace qed

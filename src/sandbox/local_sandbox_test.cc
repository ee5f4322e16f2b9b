// What a cell prints and how it ends, sessions, time-outs, lifetimes. Escapes
// and limits are in tests/escape.
#include "sandbox/local_sandbox.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <thread>

#include "sandbox/test_support.h"

namespace qed {
namespace {

struct Cell {
  const char* name;
  const char* code;
  ExecuteResult::ProcessStatus status;
  const char* out;
  const char* err = "";
};

constexpr char kDivision[] =
    "Traceback (most recent call last):\n    1 / 0\nZeroDivisionError: division by zero\n";

const Cell kCells[] = {
    {"Empty", "", kCompleted, ""},
    {"Comment", "# nothing", kCompleted, ""},
    {"Print", "print(1)", kCompleted, "1\n"},
    {"NoNewline", "print('a', end='')", kCompleted, "a\n"},
    {"LastExpression", "a = 6\na * 7", kCompleted, "42\n"},
    {"LastExpressionIsRepr", "'text'", kCompleted, "'text'\n"},
    {"NoneIsSilent", "None", kCompleted, ""},
    {"SemicolonIsSilent", "5;", kCompleted, ""},
    {"PrintThenValue", "print('x')\n3", kCompleted, "x\n3\n"},
    {"OnlyTheLast", "1\n2\n3", kCompleted, "3\n"},
    {"Sympy", "from sympy import *\nx = symbols('x')\nsolve(x**2 - 4)", kCompleted, "[-2, 2]\n"},
    {"Numpy", "import numpy as np\nprint(np.arange(3).sum())", kCompleted, "3\n"},
    {"Decorated", "import functools\n@functools.cache\ndef f(n):\n  return n\nf(3)", kCompleted,
     "3\n"},
    {"Unicode", "print('\u03c0 \U0001F600')", kCompleted, "\u03c0 \U0001F600\n"},
    {"MainModule", "__name__", kCompleted, "'__main__'\n"},
    {"Await", "import asyncio\nawait asyncio.sleep(0, 'done')", kCompleted, "'done'\n"},
    {"Stderr", "import sys\nprint('warn', file=sys.stderr)", kCompleted, "", "warn\n"},
    {"CodeInC", "import ctypes\nctypes.CDLL(None).puts(b'from c');", kCompleted, "from c\n"},
    {"Subprocess", "import subprocess\nsubprocess.run(['echo', 'child']);", kCompleted, "child\n"},
    {"Division", "1 / 0", kError, kDivision},
    {"OutputBeforeError", "print(1)\n1 / 0", kError,
     "1\nTraceback (most recent call last):\n    1 / 0\nZeroDivisionError: division by zero\n"},
    {"NestedCalls", "def f(n):\n  return 1 / n\ndef g():\n  return f(0)\ng()", kError,
     "Traceback (most recent call last):\n    g()\n    return f(0)\n    return 1 / n\n"
     "ZeroDivisionError: division by zero\n"},
    {"Recursion", "def f():\n  return f()\ntry:\n  f()\nexcept RecursionError:\n  print('deep')",
     kCompleted, "deep\n"},
    {"SyntaxError", "print(1", kError,
     "Traceback (most recent call last):\n    print(1\n         ^\n"
     "SyntaxError: '(' was never closed\n"},
    {"IndentationError", "if 1:\nx", kError,
     "Traceback (most recent call last):\n    x\n    ^\nIndentationError: expected an indented "
     "block after 'if' statement on line 1\n"},
    {"Input", "input()", kError,
     "Traceback (most recent call last):\n    input()\nEOFError: EOF when reading a line\n"},
    {"NoSuchPackage", "import matplotlib", kError,
     "Traceback (most recent call last):\n    import matplotlib\n"
     "ModuleNotFoundError: No module named 'matplotlib'\n"},
    {"ExitIsAnEnd", "print(1)\nexit()\nprint(2)", kCompleted, "1\n"},
    {"ExitWithMessage", "import sys\nsys.exit('bye')", kError, "", "bye\n"},
    {"Cause", "try:\n  1 / 0\nexcept Exception as e:\n  raise ValueError('bad') from e", kError,
     "Traceback (most recent call last):\n    1 / 0\nZeroDivisionError: division by zero\n\n"
     "The above exception was the direct cause of the following exception:\n\n"
     "Traceback (most recent call last):\n    raise ValueError('bad') from e\nValueError: bad\n"},
    {"StrOfErrorFails", "class E(Exception):\n  def __str__(self): raise E\nraise E", kError,
     "Traceback (most recent call last):\n    raise E\nE: <exception str() failed>\n"},
    {"ClosesItsOutput", "import sys\nsys.stdout.close()", kCompleted, ""},
    {"BinaryOutput", "import sys\nsys.stdout.buffer.write(b'\\xff');", kCompleted, "\uFFFD\n"},
};

TEST(LocalSandboxTest, CellsPrintAndEndAsInANotebook) {
  for (const Cell& cell : kCells) {
    SCOPED_TRACE(cell.name);
    const ExecuteResult result = RunOnce(cell.code);
    EXPECT_EQ(result.process_status, cell.status);
    EXPECT_EQ(result.out, cell.out);
    EXPECT_EQ(result.err, cell.err);
    EXPECT_TRUE(result.new_session_created);
  }
}

TEST(LocalSandboxTest, KeepsVariablesFromCellToCell) {
  LocalSandbox& sandbox = SharedSandbox();
  EXPECT_TRUE(RunIn(sandbox, "state", "x = 20\ndef f(): return x + 1").new_session_created);
  const ExecuteResult second = RunIn(sandbox, "state", "x += 1\nf()");
  EXPECT_FALSE(second.new_session_created);
  EXPECT_EQ(second.out, "22\n");
  EXPECT_EQ(RunIn(sandbox, "state", "1 / 0").process_status, kError);
  EXPECT_EQ(RunIn(sandbox, "state", "import sys; sys.exit(3)").process_status, kError);
  EXPECT_EQ(RunIn(sandbox, "state", "_ + x").out, "43\n");
  sandbox.CloseSession("state");
  EXPECT_TRUE(RunIn(sandbox, "state", "'x' in globals()").new_session_created);
  sandbox.CloseSession("state");
  sandbox.CloseSession("never opened");
}

TEST(LocalSandboxTest, SameSessionIdDrawsTheSameNumbers) {
  LocalSandbox& sandbox = SharedSandbox();
  const std::string code =
      "import random, numpy\nprint(random.random(), numpy.random.rand(), hash('x'))";
  const std::string first = RunIn(sandbox, "seed 1", code).out;
  sandbox.CloseSession("seed 1");
  EXPECT_EQ(RunIn(sandbox, "seed 1", code).out, first);
  EXPECT_NE(RunIn(sandbox, "seed 2", code).out, first);
  sandbox.CloseSession("seed 1");
  sandbox.CloseSession("seed 2");
}

TEST(LocalSandboxTest, SixteenSessionsSideBySideDoNotMix) {
  LocalSandbox& sandbox = SharedSandbox();
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&sandbox, t] {
      const std::string id = "parallel " + std::to_string(t);
      const std::string n = std::to_string(t);
      EXPECT_EQ(RunIn(sandbox, id, "mine = " + n + "\nopen('/tmp/f', 'w').write('" + n + "');").out,
                "");
      for (int round = 0; round < 20; ++round) {
        const ExecuteResult result =
            RunIn(sandbox, id, "for _ in range(50): print(mine, open('/tmp/f').read())", 60, 10000);
        std::string expected;
        for (int i = 0; i < 50; ++i) expected += n + " " + n + "\n";
        EXPECT_EQ(result.out, expected);
      }
      sandbox.CloseSession(id);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(LocalSandboxTest, CallsOfOneSessionTakeTurns) {
  LocalSandbox& sandbox = SharedSandbox();
  RunIn(sandbox, "turns", "n = 0");
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&sandbox] { RunIn(sandbox, "turns", "m = n\nn = m + 1"); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(RunIn(sandbox, "turns", "n").out, "8\n");
  sandbox.CloseSession("turns");
}

TEST(LocalSandboxTest, TimeoutInPythonKeepsTheSession) {
  LocalSandbox& sandbox = SharedSandbox();
  RunIn(sandbox, "slow", "x = 5");
  const ExecuteResult late = RunIn(sandbox, "slow", "print('begun')\nwhile True: x = 6", 0.5);
  EXPECT_EQ(late.process_status, kTimeout);
  EXPECT_EQ(late.out, "begun\n");
  EXPECT_EQ(late.err, "Execution timed out after 0.5 seconds\n");
  EXPECT_LT(late.seconds, 2.0);
  const ExecuteResult after = RunIn(sandbox, "slow", "x");
  EXPECT_FALSE(after.new_session_created);
  EXPECT_EQ(after.out, "6\n");
  sandbox.CloseSession("slow");
}

struct Stubborn {
  const char* name;
  const char* code;
  bool survives = false;
};

const Stubborn kStubborn[] = {

    {"CatchesTheInterrupt",
     "while True:\n  try:\n    y = 2\n    while True: x = 1\n  except BaseException: pass"},
    {"IgnoresTheSignal", "import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: x = 1"},
    {"BlocksTheSignal", "import signal\nsignal.pthread_sigmask(0, [2])\nwhile True: x = 1"},
    {"BusyInC", "import itertools\nsum(itertools.repeat(0))"},
    {"Sleeps", "import time\ntime.sleep(100)", true},
    {"WaitsForAChild", "import os\nos.system('sleep 100')", true},
    {"LeavesChildren",
     "import subprocess\nfor _ in range(3): subprocess.Popen(['sleep', '100'])\n"
     "while True: x = 1",
     true},
    {"StopsItself",
     "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n"
     "while True: x = 1",
     true},
    {"HangsInRepr", "class R:\n  def __repr__(self):\n    while True: x = 1\nR()", true},
    {"HangsInFlush",
     "import sys\nclass S:\n  def write(self, t): pass\n  def flush(self):\n"
     "    while True: x = 1\nsys.stdout = S()",
     true},
    {"FloodsWithoutEnd", "while True: print('x' * 1000)", true}};

TEST(LocalSandboxTest, TimeoutEndsEverythingThatTheCellStarted) {
  LocalSandbox& sandbox = SharedSandbox();
  for (const Stubborn& cell : kStubborn) {
    SCOPED_TRACE(cell.name);
    RunIn(sandbox, "stubborn", "kept = 1");
    const ExecuteResult late = RunIn(sandbox, "stubborn", cell.code, 0.3);
    EXPECT_EQ(late.process_status, kTimeout);
    EXPECT_EQ(late.err, "Execution timed out after 0.3 seconds\n");
    EXPECT_LT(late.seconds, 3.0);
    EXPECT_TRUE(DescendantsWithin(kIdleProcesses + (cell.survives ? 1 : 0), 1.0));
    const ExecuteResult after = RunIn(sandbox, "stubborn", "print('kept' in globals())");
    EXPECT_EQ(after.out, cell.survives ? "True\n" : "False\n");
    EXPECT_EQ(after.new_session_created, !cell.survives);
    sandbox.CloseSession("stubborn");
  }
}

struct Death {
  const char* name;
  const char* code;
};

const Death kDeaths[] = {{"Exits", "import os\nos._exit(0)"},
                         {"Crashes", "import ctypes\nctypes.string_at(1)"},
                         {"Aborts", "import os\nos.abort()"},
                         {"ClosesTheReplyPipe", "import os\nos.close(3)"},
                         {"ClosesEverything", "import os\nos.closerange(0, 256)"},
                         {"ForgesGarbage", "import os\nos.write(3, b'\\xff' * 64)"},
                         {"ForgesAnotherCell",
                          "import os\nos.write(3, b'\\x06\\0\\0\\0D\\x09\\0\\0\\0\\0')\n"
                          "while True: x = 1"}};

TEST(LocalSandboxTest, AnInterpreterThatEndsIsAnErrorOfItsCell) {
  LocalSandbox& sandbox = SharedSandbox();
  for (const Death& cell : kDeaths) {
    SCOPED_TRACE(cell.name);
    RunIn(sandbox, "dying", "kept = 1");
    const ExecuteResult last = RunIn(sandbox, "dying", cell.code, 10);
    EXPECT_EQ(last.process_status, kError);
    EXPECT_EQ(last.err, "The interpreter ended while this code ran; its variables are lost\n");
    EXPECT_TRUE(RunIn(sandbox, "dying", "1").new_session_created);
    sandbox.CloseSession("dying");
  }
}

TEST(LocalSandboxTest, AForgedReplyHurtsOnlyItsOwnSession) {
  LocalSandbox& sandbox = SharedSandbox();
  RunIn(sandbox, "other", "x = 1");
  RunIn(sandbox, "forger", "import os\nos.write(3, b'\\x06\\0\\0\\0D\\x01\\0\\0\\0\\0')\nx = 1");
  RunIn(sandbox, "forger", "1");
  EXPECT_EQ(RunIn(sandbox, "other", "x").out, "1\n");
  sandbox.CloseSession("forger");
  EXPECT_EQ(RunIn(sandbox, "forger", "2").out, "2\n");
  sandbox.CloseSession("forger");
  sandbox.CloseSession("other");
}

TEST(LocalSandboxTest, AForkThatRunsOnDoesNotAnswer) {
  LocalSandbox& sandbox = SharedSandbox();
  EXPECT_EQ(RunIn(sandbox, "fork", "import os\npid = os.fork()").process_status, kCompleted);
  EXPECT_EQ(RunIn(sandbox, "fork", "pid > 0").out, "True\n");
  sandbox.CloseSession("fork");
}

TEST(LocalSandboxTest, OutputIsCutWhileItIsProduced) {
  const ExecuteResult result =
      RunIn(SharedSandbox(), "long", "for i in range(10 ** 5): print('y' * 50)", 60, 5);
  EXPECT_EQ(result.process_status, kCompleted);
  EXPECT_EQ(result.out, "yyyyy<output cut>");
  SharedSandbox().CloseSession("long");
}

TEST(LocalSandboxTest, ThreadsOfAnEndedCellStandStill) {
  LocalSandbox& sandbox = SharedSandbox();
  RunIn(sandbox, "threads",
        "import threading, time\nn = 0\ndef burn():\n  global n\n  while True:\n    n += 1\n"
        "    print('late')\nthreading.Thread(target=burn, daemon=True).start()\n");
  const std::string before = RunIn(sandbox, "threads", "stop = n; None").out;
  ::usleep(200000);
  // What little it did since: the time the signals take, not 200 ms.
  const ExecuteResult after =
      RunIn(sandbox, "threads", "import sys; sys.stderr.write(str(n - stop))", 20, 100);
  EXPECT_LT(std::atoi(after.err.c_str()), 100000) << after.err;
  sandbox.CloseSession("threads");
}

TEST(LocalSandboxTest, ClosingASessionEndsItsCall) {
  LocalSandbox& sandbox = SharedSandbox();
  RunIn(sandbox, "closed", "x = 1");
  std::thread closer([&sandbox] {
    ::usleep(300000);
    sandbox.CloseSession("closed");
  });
  const Result<ExecuteResult> result =
      sandbox.Execute({"closed",
                       "import subprocess, time\nsubprocess.Popen(['sleep', '99'])\n"
                       "time.sleep(60)",
                       60, 1000});
  closer.join();
  EXPECT_EQ(result.status().code(), StatusCode::kCancelled);
  EXPECT_TRUE(DescendantsWithin(kIdleProcesses, 1.0));
}

TEST(LocalSandboxTest, RefusesWhatItCannotRun) {
  LocalSandbox& sandbox = SharedSandbox();
  const auto code_of = [&](const ExecuteRequest& request) {
    return sandbox.Execute(request).status().code();
  };
  EXPECT_EQ(code_of({"", "1", 1, 10}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({std::string(300, 'x'), "1", 1, 10}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({"bad", "1", 0, 10}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({"bad", "1", std::nan(""), 10}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({"bad", "1", 1, -1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({"bad", std::string((1 << 20) + 1, ' '), 1, 10}), StatusCode::kInvalidArgument);
  EXPECT_EQ(RunIn(sandbox, "long source", std::string((1 << 20) - 1, '\n') + "1").out, "1\n");
  sandbox.CloseSession("long source");
}

}  // namespace
}  // namespace qed

// Hostile programs and what their client sees. Each runs in a session of its own;
// afterwards a session beside it, a process and a file of the host must be as they
// were, and nothing that the program started may be left.
#ifndef QED_TESTS_ESCAPE_ESCAPE_CASE_H_
#define QED_TESTS_ESCAPE_ESCAPE_CASE_H_

#include <cstddef>

#include "gtest/gtest.h"
#include "sandbox/test_support.h"

namespace qed {

// What kills a session says so in the program's standard error.
inline constexpr char kLost[] =
    "The interpreter ended while this code ran; its variables are lost\n";
inline constexpr char kTooMuchMemory[] =
    "The session's processes together used more memory than they may; its variables are lost\n";
inline constexpr char kLeftover[] =
    "This code left processes behind that could not be ended; its variables are lost\n";
inline constexpr char kTimedOut[] = "Execution timed out after 0.25 seconds\n";
constexpr double kShort = 0.25;

// Whether the session's variables are there in the next cell. After kBroken that
// cell fails too: the program spoiled the way to it. kEither: by the machine's pace.
enum class After { kLives, kEnds, kBroken, kEither };

struct EscapeCase {
  const char* name;
  // After escape_case.cc's prelude: tried(f), refused(f), call(number, ...) and names. HOST_FILE,
  // HOST_SOCKET and HOST_PID stand for those of the test.
  const char* program;
  const char* out;
  ExecuteResult::ProcessStatus status = kCompleted;
  const char* err = "";
  After after = After::kLives;
  double timeout = 120;  // seconds; generous where the program ends by itself
};

// Runs each of them, in order.
void ExpectContained(const EscapeCase* cases, size_t count);

template <size_t kCount>
void ExpectContained(const EscapeCase (&cases)[kCount]) {
  ExpectContained(cases, kCount);
}

// Runs the test of that name of this program as an ordinary user; skips where this
// is one.
void ExpectTheSameAsOrdinaryUser(const char* test);

// Both tests of a table.
#define QED_ESCAPE_TESTS(name, cases)                \
  TEST(EscapeTest, name) { ExpectContained(cases); } \
  TEST(EscapeAsOrdinaryUserTest, name) { ExpectTheSameAsOrdinaryUser("EscapeTest." #name); }

}  // namespace qed

#endif  // QED_TESTS_ESCAPE_ESCAPE_CASE_H_

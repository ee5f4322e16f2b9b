// The program that compares answers, in Python: the modules of equality/, as they run
// in a session of the sandbox (solve/sandbox_comparer.h).
#ifndef QED_SOLVE_EQUALITY_PROGRAM_H_
#define QED_SOLVE_EQUALITY_PROGRAM_H_

#include <string>

namespace qed {

// The first cell of a session, which makes the modules out of its standard input,
// EqualityModules(). Every later one is EqualityCall(), with a request (equality/service.py)
// on the standard input.
std::string EqualitySetup();
std::string EqualityModules();
std::string EqualityCall();

}  // namespace qed

#endif  // QED_SOLVE_EQUALITY_PROGRAM_H_

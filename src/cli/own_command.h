// This process's own command, to start it once more.
#ifndef QED_CLI_OWN_COMMAND_H_
#define QED_CLI_OWN_COMMAND_H_

#include <string>
#include <vector>

namespace qed {

// As it was given, the program's name first.
std::vector<std::string> OwnCommandLine();

// The path of the program.
std::string OwnProgram();

}  // namespace qed

#endif  // QED_CLI_OWN_COMMAND_H_

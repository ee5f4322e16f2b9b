// Completion scripts for shells, made of the commands and flags themselves.
#ifndef QED_CLI_COMPLETION_H_
#define QED_CLI_COMPLETION_H_

#include <string>

#include "CLI/CLI.hpp"
#include "base/status.h"

namespace qed {

// The script for "bash" or "zsh". kInvalidArgument: another shell.
Result<std::string> CompletionScript(const CLI::App& app, const std::string& shell);

}  // namespace qed

#endif  // QED_CLI_COMPLETION_H_

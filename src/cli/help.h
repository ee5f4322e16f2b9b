// What `--help` prints, and what is said of a command line that cannot be used.
#ifndef QED_CLI_HELP_H_
#define QED_CLI_HELP_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "CLI/CLI.hpp"

namespace qed {

// Columns of the terminal: COLUMNS, else what the terminal says, else 80; from 40
// to 100, beyond which lines are hard to read.
size_t HelpWidth();

// `text` in lines of at most `width` columns, each behind `indent` blanks but for the
// first; longer words stand alone.
std::string Wrap(std::string_view text, size_t indent, size_t width);

// Flags by group, in columns that fit the terminal.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

// One line: what is wrong, the nearest names of flags or commands, the help page.
std::string DescribeParseError(const CLI::App& app, const CLI::ParseError& error);

// A command that is not there: "solv is not a command; the nearest is solve".
std::string UnknownCommand(const CLI::App& app, const std::string& name);

}  // namespace qed

#endif  // QED_CLI_HELP_H_

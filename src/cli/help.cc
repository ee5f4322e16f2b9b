#include "cli/help.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "cli/nearest.h"

namespace qed {
namespace {

constexpr size_t kColumn = 30;  // where what is said of a flag begins

// A name and what is said of it, in two columns.
std::string Row(const std::string& name, std::string_view text, size_t width) {
  const size_t column = std::min(kColumn, width / 2);
  std::string row = "  " + name;
  if (text.empty()) return row + "\n";
  row += row.size() + 2 > column ? "\n" + std::string(column, ' ')
                                 : std::string(column - row.size(), ' ');
  return row + Wrap(text, column, width) + "\n";
}

bool IsFlag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

// "-h, --help", "--[no-]resume", "--samples INT".
std::string NamesOf(const CLI::Option& option) {
  std::string names;
  const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  for (const std::string& name : option.get_snames()) add("-" + name);
  const std::vector<std::string>& longs = option.get_lnames();
  for (const std::string& name : longs) {
    const bool has_negation = std::ranges::find(longs, "no-" + name) != longs.end();
    const bool is_negation =
        name.starts_with("no-") && std::ranges::find(longs, name.substr(3)) != longs.end();
    if (!is_negation) add((has_negation ? "--[no-]" : "--") + name);
  }
  return IsFlag(option) ? names : names + " " + option.get_type_name();
}

std::string TextOf(const CLI::Option& option) {
  std::string text = option.get_description();
  const std::string& value = option.get_default_str();
  if (!value.empty()) text += (text.empty() ? "" : " ") + ("(default " + value + ")");
  if (option.get_required()) text += text.empty() ? "(required)" : " (required)";
  return text;
}

std::string Upper(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  return name;
}

std::string Usage(const CLI::App& app, const std::string& name) {
  const bool has_commands = !app.get_subcommands([](const CLI::App*) { return true; }).empty();
  std::string usage = "Usage: " + name + (has_commands ? " COMMAND" : "");
  for (const CLI::Option* option : app.get_options()) {
    if (!option->nonpositional() && option->get_positional()) {
      const std::string argument = Upper(option->get_name());
      usage += option->get_required() ? " " + argument : " [" + argument + "]";
    }
  }
  return usage + " [FLAGS]";
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> FlagNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(name);
  }
  return names;
}

// "; the nearest is --samples", "; the nearest are a and b"; empty where there is none.
std::string NearestTo(std::string_view name, const std::vector<std::string>& known,
                      const std::string& dashes) {
  const std::vector<std::string> near = NearestNames(name, known);
  if (near.empty()) return "";
  std::string text = near.size() == 1 ? "; the nearest is " : "; the nearest are ";
  for (size_t i = 0; i < near.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == near.size() ? " and " : ", ") + dashes + near[i];
  }
  return text;
}

std::string UnknownFlag(const CLI::App& command, const std::string& flag, const std::string& of) {
  const std::string name = flag.substr(0, flag.find('='));
  const size_t dashes = std::min(name.find_first_not_of('-'), name.size());
  return name + " is not a flag of " + of +
         NearestTo(name.substr(dashes), FlagNames(command), "--") + " (see " + of + " --help)";
}

}  // namespace

size_t HelpWidth() {
  size_t width = 80;
  winsize size{};
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr && *columns != '\0') {
    width = std::strtoul(columns, nullptr, 10);
  } else if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    width = size.ws_col;
  }
  return std::clamp<size_t>(width, 40, 100);
}

std::string Wrap(std::string_view text, size_t indent, size_t width) {
  std::string out;
  size_t column = indent;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!out.empty() && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!out.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode) const {
  const size_t width = HelpWidth();
  std::string help = Wrap(app->get_description(), 0, width) + "\n\n";
  help += Wrap(Usage(*app, name), 2, width) + "\n";
  std::string arguments;
  for (const CLI::Option* option : app->get_options()) {
    if (option->get_positional()) {
      arguments += Row(Upper(option->get_name()), TextOf(*option), width);
    }
  }
  if (!arguments.empty()) help += "\nArguments:\n" + arguments;
  std::string commands;
  for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
    commands += Row(command->get_name(), command->get_description(), width);
  }
  if (!commands.empty()) help += "\nCommands:\n" + commands;
  for (const std::string& group : app->get_groups()) {
    std::string rows;
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_group() == group && !option->get_positional() && option->nonpositional()) {
        rows += Row(NamesOf(*option), TextOf(*option), width);
      }
    }
    if (!rows.empty()) help += "\n" + (group == "Options" ? "Flags" : group) + ":\n" + rows;
  }
  const std::string footer = commands.empty() ? "" : app->get_footer();  // commands inherit it
  return footer.empty() ? help : help + "\n" + Wrap(footer, 0, width) + "\n";
}

std::string UnknownCommand(const CLI::App& app, const std::string& name) {
  return name + " is not a command" + NearestTo(name, CommandNames(app), "") + " (see qed --help)";
}

std::string DescribeParseError(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const std::string name = chosen.empty() ? "qed" : "qed " + command.get_name();
  for (const std::string& left : command.remaining()) {
    if (left.starts_with('-') && left != "-") return UnknownFlag(command, left, name);
    if (chosen.empty()) return UnknownCommand(app, left);
  }
  return std::string(error.what()) + " (see " + name + " --help)";
}

}  // namespace qed

#include "cli/completion.h"

#include <string_view>
#include <vector>

namespace qed {
namespace {

std::vector<const CLI::App*> Commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// "--model --seed --help": every long name of the command's flags.
std::string FlagWords(const CLI::App& command) {
  std::string words;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      words += (words.empty() ? "--" : " --") + name;
    }
  }
  return words;
}

std::string CommandWords(const CLI::App& app) {
  std::string words;
  for (const CLI::App* command : Commands(app)) {
    words += (words.empty() ? "" : " ") + command->get_name();
  }
  return words;
}

std::string BashScript(const CLI::App& app) {
  const std::string commands = CommandWords(app);
  std::string script =
      "# Completion of qed for bash: source <(qed completion bash)\n"
      "_qed() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} words=\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    words='" +
      commands + " " + FlagWords(app) +
      "'\n"
      "  else\n"
      "    case ${COMP_WORDS[1]} in\n"
      "      help) words='" +
      commands +
      "' ;;\n"
      "      completion) words='bash zsh' ;;\n";
  for (const CLI::App* command : Commands(app)) {
    if (command->get_name() == "help" || command->get_name() == "completion") continue;
    script += "      " + command->get_name() + ") [[ $word == -* ]] && words='" +
              FlagWords(*command) + "' ;;\n";
  }
  // Without words, "-o default" completes names of files.
  script +=
      "    esac\n"
      "  fi\n"
      "  [[ -z $words ]] || COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "}\n"
      "complete -o default -F _qed qed\n";
  return script;
}

// Text inside '...[text]' of _arguments: no quote, bracket or colon as such.
std::string ZshText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string ZshFlags(const CLI::App& command) {
  std::string lines;
  for (const CLI::Option* option : command.get_options()) {
    const std::string value = option->get_items_expected_max() == 0 ? "" : ":value:_files";
    for (const std::string& name : option->get_lnames()) {
      lines +=
          " \\\n        '--" + name + "[" + ZshText(option->get_description()) + "]" + value + "'";
    }
  }
  return lines;
}

std::string ZshScript(const CLI::App& app) {
  std::string script =
      "#compdef qed\n"
      "# Completion of qed for zsh: source <(qed completion zsh)\n"
      "_qed() {\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const CLI::App* command : Commands(app)) {
    script += "    '" + command->get_name() + ":" + ZshText(command->get_description()) + "'\n";
  }
  script +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  case $words[2] in\n"
      "    help) _describe command commands ;;\n"
      "    completion) _values shell bash zsh ;;\n";
  for (const CLI::App* command : Commands(app)) {
    if (command->get_name() == "help" || command->get_name() == "completion") continue;
    script += "    " + command->get_name() + ")\n      shift words\n      ((CURRENT--))\n" +
              "      _arguments" + ZshFlags(*command) + " \\\n        '*:file:_files' ;;\n";
  }
  script +=
      "  esac\n"
      "}\n"
      "compdef _qed qed\n";
  return script;
}

}  // namespace

Result<std::string> CompletionScript(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return BashScript(app);
  if (shell == "zsh") return ZshScript(app);
  return InvalidArgument("there are completions for bash and zsh, not for " + shell);
}

}  // namespace qed

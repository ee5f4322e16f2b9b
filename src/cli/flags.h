// Config structs to command-line flags: one flag per knob, from the struct's
// own list (config/knob.h).
#ifndef QED_CLI_FLAGS_H_
#define QED_CLI_FLAGS_H_

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "CLI/CLI.hpp"
#include "config/engine_config.h"
#include "config/knob.h"
#include "config/remote_config.h"
#include "config/sampling_params.h"
#include "config/sandbox_config.h"
#include "config/solve_config.h"

namespace qed {

// The group of the help page in which a config's knobs stand; that of the others
// has no name of its own.
template <typename Config>
std::string GroupOf(const Config&, std::string_view) {
  return "Options";
}
inline std::string GroupOf(const EngineConfig&, std::string_view) { return "Engine"; }
inline std::string GroupOf(const SamplingParams&, std::string_view) { return "Sampling"; }
inline std::string GroupOf(const SandboxConfig&, std::string_view) { return "Sandbox"; }
inline std::string GroupOf(const RemoteConfig&, std::string_view) { return "Servers"; }
inline std::string GroupOf(const SolveConfig&, std::string_view knob) {
  if (knob.starts_with("time-")) return "Time";
  if (knob.starts_with("select")) return "Choosing among solutions";
  if (knob == "sandbox" || knob.starts_with("code-") || knob.ends_with("calls") ||
      knob.ends_with("calls-notice")) {
    return "Programs";
  }
  return "Options";
}

// Adds `--name` for every knob of `config`; the struct must live as long as the
// parser. Switches also get `--no-name`. Lists take values with commas between
// them, and the flag may be repeated.
template <typename Config>
void AddKnobFlags(CLI::App& app, Config& config) {
  VisitKnobs(config, [&](const Knob& knob, auto& value, const auto&) {
    std::string help = knob.help;
    if (*knob.unit != '\0') help += std::string(" [") + knob.unit + "]";
    const std::string name = std::string("--") + knob.name;
    using Value = std::remove_reference_t<decltype(value)>;
    CLI::Option* option = nullptr;
    if constexpr (std::is_same_v<Value, bool>) {
      option = app.add_flag(name + ",!--no-" + knob.name, value, help)->capture_default_str();
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      option = app.add_option(name, value, help)->delimiter(',')->allow_extra_args(false);
    } else {
      option = app.add_option(name, value, help)->capture_default_str();
    }
    option->group(GroupOf(config, knob.name));
  });
}

}  // namespace qed

#endif  // QED_CLI_FLAGS_H_

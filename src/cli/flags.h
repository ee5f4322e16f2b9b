// Config structs to command-line flags: one flag per knob, from the struct's
// own list (config/knob.h).
#ifndef QED_CLI_FLAGS_H_
#define QED_CLI_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "config/knob.h"

namespace qed {

// Adds `--name` for every knob of `config`; the struct must live as long as the
// parser. Switches also get `--no-name`.
template <typename Config>
void AddKnobFlags(CLI::App& app, Config& config) {
  VisitKnobs(config, [&](const Knob& knob, auto& value, const auto&) {
    std::string help = knob.help;
    if (*knob.unit != '\0') help += std::string(" [") + knob.unit + "]";
    const std::string name = std::string("--") + knob.name;
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, bool>) {
      app.add_flag(name + ",!--no-" + knob.name, value, help)->capture_default_str();
    } else {
      app.add_option(name, value, help)->capture_default_str();
    }
  });
}

}  // namespace qed

#endif  // QED_CLI_FLAGS_H_

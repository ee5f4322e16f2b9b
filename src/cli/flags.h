// Config structs to command-line flags: one flag per knob, from the struct's
// own list (config/knob.h).
#ifndef QED_CLI_FLAGS_H_
#define QED_CLI_FLAGS_H_

#include <string>
#include <type_traits>
#include <vector>

#include "CLI/CLI.hpp"
#include "config/knob.h"

namespace qed {

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
    if constexpr (std::is_same_v<Value, bool>) {
      app.add_flag(name + ",!--no-" + knob.name, value, help)->capture_default_str();
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      app.add_option(name, value, help)->delimiter(',')->allow_extra_args(false);
    } else {
      app.add_option(name, value, help)->capture_default_str();
    }
  });
}

}  // namespace qed

#endif  // QED_CLI_FLAGS_H_

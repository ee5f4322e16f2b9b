// qed solve: problems in, voted answers out.
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/ranks.h"
#include "cli/solve_plan.h"
#include "cli/solve_run.h"

namespace qed {

CLI::App* AddSolveCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<SolveFlags>();
  CLI::App* command = app.add_subcommand("solve", "Solve problems by majority over many samples.");
  command
      ->add_option("problems", flags->problems,
                   "file with a problem in each row: JSONL, CSV, TSV or Parquet")
      ->required();
  AddKnobFlags(*command, flags->fields);
  AddModelFlags(*command, flags->model);
  AddKnobFlags(*command, flags->remote);
  AddKnobFlags(*command, flags->solve);
  AddKnobFlags(*command, flags->sampling);
  AddKnobFlags(*command, flags->sandbox);
  command->add_option("--shard", flags->shard,
                      "i/n: only the i-th of n parts of the problems, all with one --output; the "
                      "last one to end sums up");
  command->add_option("--system", flags->system, "system turn, instead of the prompt's");
  command->add_option("--stop", flags->stop, "text that ends a sample; may be given several times")
      ->allow_extra_args(false);
  command->add_option("--code-begin", flags->code_begin, "tag before a program");
  command->add_option("--code-end", flags->code_end, "tag after a program");
  command->add_option("--code-output-begin", flags->output_begin, "tag before its output");
  command->add_option("--code-output-end", flags->output_end, "tag after its output");
  run = [flags, command] {
    const bool has_server = command->count("--server") > 0;
    if (has_server && flags->remote.server.empty()) return InvalidArgument("--server is empty");
    for (const char* name : {"--model", "--adapter"}) {
      if (has_server && command->count(name) > 0) {
        return InvalidArgument(std::string("--server and ") + name + " exclude each other");
      }
    }
    return RunOnReplicas(flags->model,
                         [&](RankGroups* replicas) { return RunSolve(*flags, replicas); });
  };
  return command;
}

}  // namespace qed

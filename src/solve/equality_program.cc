#include "solve/equality_program.h"

#include <string_view>

#include "base/embed.h"
#include "base/json.h"
#include "nlohmann/json.hpp"

QED_EMBED(equality_unreadable, QED_SOLVE_SOURCE_DIR "/equality/unreadable.py")
QED_EMBED(equality_vocabulary, QED_SOLVE_SOURCE_DIR "/equality/vocabulary.py")
QED_EMBED(equality_lexer, QED_SOLVE_SOURCE_DIR "/equality/lexer.py")
QED_EMBED(equality_tree, QED_SOLVE_SOURCE_DIR "/equality/tree.py")
QED_EMBED(equality_token_reader, QED_SOLVE_SOURCE_DIR "/equality/token_reader.py")
QED_EMBED(equality_parser, QED_SOLVE_SOURCE_DIR "/equality/parser.py")
QED_EMBED(equality_names, QED_SOLVE_SOURCE_DIR "/equality/names.py")
QED_EMBED(equality_units, QED_SOLVE_SOURCE_DIR "/equality/units.py")
QED_EMBED(equality_statements, QED_SOLVE_SOURCE_DIR "/equality/statements.py")
QED_EMBED(equality_answers, QED_SOLVE_SOURCE_DIR "/equality/answers.py")
QED_EMBED(equality_numbers, QED_SOLVE_SOURCE_DIR "/equality/numbers.py")
QED_EMBED(equality_functions, QED_SOLVE_SOURCE_DIR "/equality/functions.py")
QED_EMBED(equality_evaluate, QED_SOLVE_SOURCE_DIR "/equality/evaluate.py")
QED_EMBED(equality_points, QED_SOLVE_SOURCE_DIR "/equality/points.py")
QED_EMBED(equality_expressions, QED_SOLVE_SOURCE_DIR "/equality/expressions.py")
QED_EMBED(equality_intervals, QED_SOLVE_SOURCE_DIR "/equality/intervals.py")
QED_EMBED(equality_relations, QED_SOLVE_SOURCE_DIR "/equality/relations.py")
QED_EMBED(equality_values, QED_SOLVE_SOURCE_DIR "/equality/values.py")
QED_EMBED(equality_comparison, QED_SOLVE_SOURCE_DIR "/equality/comparison.py")
QED_EMBED(equality_service, QED_SOLVE_SOURCE_DIR "/equality/service.py")

namespace qed {
namespace {

struct Module {
  const char* name;
  std::string_view source;
};

}  // namespace

std::string EqualitySetup() {
  return R"(import json, sys, types
sys.modules["equality"] = types.ModuleType("equality")
for name, source in json.load(sys.stdin):
    module = types.ModuleType("equality." + name)
    sys.modules[module.__name__] = module
    setattr(sys.modules["equality"], name, module)
    exec(compile(source, name + ".py", "exec"), module.__dict__)
)";
}

// Each after those that it imports.
std::string EqualityModules() {
  const Module kModules[] = {
      {"unreadable", QED_EMBEDDED(equality_unreadable)},
      {"vocabulary", QED_EMBEDDED(equality_vocabulary)},
      {"lexer", QED_EMBEDDED(equality_lexer)},
      {"tree", QED_EMBEDDED(equality_tree)},
      {"token_reader", QED_EMBEDDED(equality_token_reader)},
      {"parser", QED_EMBEDDED(equality_parser)},
      {"names", QED_EMBEDDED(equality_names)},
      {"units", QED_EMBEDDED(equality_units)},
      {"statements", QED_EMBEDDED(equality_statements)},
      {"answers", QED_EMBEDDED(equality_answers)},
      {"numbers", QED_EMBEDDED(equality_numbers)},
      {"functions", QED_EMBEDDED(equality_functions)},
      {"evaluate", QED_EMBEDDED(equality_evaluate)},
      {"points", QED_EMBEDDED(equality_points)},
      {"expressions", QED_EMBEDDED(equality_expressions)},
      {"intervals", QED_EMBEDDED(equality_intervals)},
      {"relations", QED_EMBEDDED(equality_relations)},
      {"values", QED_EMBEDDED(equality_values)},
      {"comparison", QED_EMBEDDED(equality_comparison)},
      {"service", QED_EMBEDDED(equality_service)},
  };
  nlohmann::json modules = nlohmann::json::array();
  for (const Module& module : kModules) {
    modules.push_back({module.name, std::string(module.source)});
  }
  return DumpJson(modules);
}

std::string EqualityCall() { return "import sys\nsys.modules[\"equality.service\"].serve()\n"; }

}  // namespace qed

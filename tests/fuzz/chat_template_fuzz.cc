// Chat templates from hostile checkpoints: compiled, and rendered over a chat.
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "nlohmann/json.hpp"
#include "tests/fuzz/fuzz_input.h"
#include "text/jinja/budget.h"
#include "text/jinja/template.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  qed::WriteSeeds(
      *argc, *argv,
      {"{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m['content'] | trim }}"
       "{%- if not loop.last %}\n{% endif %}{% endfor %}{{ add_generation_prompt }}",
       "{% if tools is defined and tools %}{% for t in tools %}{{ t | tojson(indent=2) }}"
       "{% endfor %}{% else %}{{ raise_exception('no') }}{% endif %}",
       "{% macro f(a, b=1) %}{{ a ~ b }}{% endmacro %}{{ f('x') }}{{ strftime_now('%d %b %Y') }}",
       "{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i // 2 %}"
       "{% endfor %}{{ messages[::-1] | length }}{{ 'a,b'.split(',') | join('-') | upper }}",
       "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list }}",
       "{% generation %}{{ messages[0].content.strip('x')[-1:] is string and 1.5 <= 2 ** 3 }}"
       "{% endgeneration %}{# c #}"});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace qed::jinja;
  const auto compiled = Template::Compile({reinterpret_cast<const char*>(data), size});
  if (!compiled.ok()) return 0;
  static const auto* const kInput = new nlohmann::ordered_json(nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "\u00e9"},
                 {"role": "assistant", "content": null, "tool_calls": [{"n": 1.5}]}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": [1, 2]}}}]})"));
  // A part of the usual budget: what is looked for is not how long a second takes.
  Budget budget({.work = 200'000, .bytes = 4 << 20});
  const auto context = FromJson(*kInput, budget);
  (void)compiled->Render(context->dict(), std::tm{}, budget);
  return 0;
}

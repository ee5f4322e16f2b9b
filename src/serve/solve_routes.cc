#include "serve/solve_routes.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/json.h"
#include "config/solve_config.h"
#include "serve/api_error.h"
#include "serve/field_reader.h"
#include "solve/answer.h"
#include "solve/task.h"
#include "solve/vote.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

Json SandboxJson(const CodeTags& tags, const SolveConfig& solve) {
  return {{"type", "sandbox"},
          {"max_code_calls", solve.max_code_calls},
          {"code_timeout", solve.code_timeout},
          {"code_output_chars", solve.code_output_chars},
          {"code_begin", tags.code_begin},
          {"code_end", tags.code_end},
          {"code_output_begin", tags.output_begin},
          {"code_output_end", tags.output_end},
          {"code_output_format", tags.output_format}};
}

std::optional<ApiError> ReadTexts(std::string_view body, Json* json, const Json** texts) {
  if (auto error = ParseBody(body, json)) return error;
  FieldReader fields(*json);
  *texts = fields.Any("texts");
  const auto valid = [](const Json& text) { return text.is_string() || text.is_null(); };
  if (*texts == nullptr || !(*texts)->is_array() || (*texts)->size() > kMaxVotingTexts ||
      !std::ranges::all_of(**texts, valid)) {
    fields.Fail("texts",
                "must be a list of at most " + std::to_string(kMaxVotingTexts) + " texts or nulls");
  }
  return fields.Finish();
}

}  // namespace

SolveRoutes::SolveRoutes(const ServedModel& model)
    : model_(model),
      prompt_(PromptTemplate::Load(SolveConfig{}.prompt)),
      wrapper_(ChatWrapper::FromTokenizer(model.tokenizer)) {}

Result<std::string> SolveRoutes::Prompt(const std::string& problem) const {
  if (!prompt_.ok()) return prompt_.status();
  if (!wrapper_.ok()) return wrapper_.status();
  const TaskOptions options{.prompt = *prompt_,
                            .wrapper = *wrapper_,
                            .system = std::nullopt,
                            .max_code_calls = model_.sandbox ? SolveConfig{}.max_code_calls : 0};
  return MakePrompt({{"problem", problem}}, options);
}

HttpResponse SolveRoutes::Request(std::string_view body) const {
  Json json;
  if (const auto error = ParseBody(body, &json)) return ErrorResponse(*error);
  FieldReader fields(json);
  std::string problem;
  if (!fields.String("problem", body.size(), &problem) || problem.empty()) {
    fields.Fail("problem", "must be a text that is not empty");
  }
  if (const auto error = fields.Finish()) return ErrorResponse(*error);
  const Result<std::string> prompt = Prompt(problem);
  if (!prompt.ok()) return ErrorResponse(PlainError(501, prompt.status().message()));
  const SamplingParams sampling = DefaultSolveSampling();
  // Floats as doubles would show digits that nobody wrote.
  const auto shown = [](float value) { return std::stod(std::to_string(value)); };
  Json request = {{"model", model_.name},
                  {"prompt", *prompt},
                  {"max_tokens", sampling.max_tokens},
                  {"temperature", shown(sampling.temperature)},
                  {"top_p", shown(sampling.top_p)},
                  {"stop", wrapper_->stop},
                  {"skip_special_tokens", false}};
  if (model_.sandbox != nullptr) {
    request["tools"] = Json::array({SandboxJson(prompt_->tags, SolveConfig{})});
  }
  return JsonResponse(200, DumpJson(request));
}

HttpResponse SolveRoutes::Votes(std::string_view body) {
  Json json;
  const Json* texts = nullptr;
  if (const auto error = ReadTexts(body, &json, &texts)) return ErrorResponse(*error);
  Json answers = Json::array(), votes = Json::array();
  std::vector<Ballot> ballots;
  for (const Json& text : *texts) {
    std::string answer;
    if (text.is_string()) {
      const auto boxed = ExtractBoxedAnswer(text.get_ref<const std::string&>());
      if (boxed) answer = NormalizeAnswer(*boxed);
    }
    answers.push_back(answer.empty() ? Json() : Json(answer));
    Ballot ballot;
    ballot.sample = static_cast<int32_t>(answers.size()) - 1;
    ballot.answer = std::move(answer);
    ballots.push_back(std::move(ballot));
  }
  for (const Vote& vote : CountVotes(ballots).votes) {
    votes.push_back({{"answer", vote.answer}, {"count", vote.count}});
  }
  return JsonResponse(200, DumpJson(Json{{"answers", answers}, {"votes", votes}}));
}

}  // namespace qed

// What clients that solve problems ask beside completions, so that they need to
// know nothing of prompts and answers: the request to send for a problem, and the
// votes over the texts that came back. The web page is one of them.
#ifndef QED_SERVE_SOLVE_ROUTES_H_
#define QED_SERVE_SOLVE_ROUTES_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"
#include "net/http_message.h"
#include "serve/served_model.h"
#include "text/prompt.h"

namespace qed {

// Texts of one count of votes.
inline constexpr size_t kMaxVotingTexts = 4096;

// Thread-safe: nothing changes.
class SolveRoutes {
 public:
  // `model` must outlive it.
  explicit SolveRoutes(const ServedModel& model);

  // {"problem"} to the body of a completion request: the prompt, stop texts,
  // sampling and sandbox with which `qed solve` would sample the problem.
  HttpResponse Request(std::string_view body) const;

  // {"texts"}, one per sample and null where it has not ended, to {"answers",
  // "votes"}: what each text says in its last box, and the votes, winner first.
  // Answers of different forms count as different: nothing is asked of the sandbox.
  static HttpResponse Votes(std::string_view body);

 private:
  Result<std::string> Prompt(const std::string& problem) const;

  const ServedModel& model_;
  const Result<PromptTemplate> prompt_;
  const Result<ChatWrapper> wrapper_;
};

}  // namespace qed

#endif  // QED_SERVE_SOLVE_ROUTES_H_

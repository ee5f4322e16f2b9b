// Which answers are equal: the whole way, form first and then the comparison in the jail.
#include <future>
#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sandbox/local_sandbox.h"
#include "solve/answer.h"
#include "solve/answer_classes.h"
#include "solve/sandbox_comparer.h"

namespace qed {
namespace {

using ::testing::ElementsAre;

struct Pair {
  const char* first;
  const char* second;
};

constexpr Pair kEqualPairs[] = {
    {R"(\frac12)", R"(0.5)"},
    {R"(\dfrac{1}{2})", R"(\tfrac12)"},
    {R"(\frac{3}{4})", R"(0.75)"},
    {R"(2\sqrt{3})", R"(\sqrt{12})"},
    {R"(2\sqrt3)", R"(\sqrt{12})"},
    {R"(\frac{1}{\sqrt{2}})", R"(\frac{\sqrt{2}}{2})"},
    {R"(\frac{\pi}{2})", R"(\pi/2)"},
    {R"(\frac{\pi}{2})", R"(0.5\pi)"},
    {R"(e^{i\pi})", R"(-1)"},
    {R"((1,2))", R"((1, 2))"},
    {R"((1,2))", R"(\left(1,\,2\right))"},
    {R"((\frac12, \sqrt{4}))", R"((0.5, 2))"},
    {R"(\{1,2\})", R"(\{2,1\})"},
    {R"(\{1,2\})", R"({2, 1})"},
    {R"(1, 2)", R"(2, 1)"},
    {R"(1, 2)", R"(\{1,2\})"},
    {R"(x=1 \text{ or } x=2)", R"(1, 2)"},
    {R"(x = 2, x = 1)", R"(x=1,2)"},
    {R"([0,1))", R"(\left[0, 1\right))"},
    {R"([0,\frac12])", R"([0,0.5])"},
    {R"(x=5)", R"(5)"},
    {R"(5 = x)", R"(5)"},
    {R"(f(x)=2x+1)", R"(1+2x)"},
    {R"(\theta = \frac{\pi}{3})", R"(\frac{\pi}{3})"},
    {R"(x_1 = 5)", R"(5)"},
    {R"(10\%)", R"(10)"},
    {R"(\sqrt{25}\%)", R"(5)"},
    {R"(5 cm)", R"(5)"},
    {R"(5\text{ cm})", R"(5)"},
    {R"(5\text{ cm}^2)", R"(5)"},
    {R"(\sqrt{2}\text{ cm})", R"(\sqrt2)"},
    {R"(\sqrt{2} cm)", R"(\sqrt2)"},
    {R"(12 square feet)", R"(12)"},
    {R"(1{,}000)", R"(1000)"},
    {R"(10\,000)", R"(10000)"},
    {R"(1,234,567)", R"(1234567)"},
    {R"(1\frac{1}{2})", R"(1.5)"},
    {R"(1\frac12)", R"(\frac{3}{2})"},
    {R"(1 1/2)", R"(3/2)"},
    {R"(30^\circ)", R"(30)"},
    {R"(\frac{180}{7}^\circ)", R"(\frac{180}{7})"},
    {R"(\begin{pmatrix}1&2\\3&4\end{pmatrix})", R"(\begin{bmatrix}1 & 2\\ 3 & 4\\ \end{bmatrix})"},
    {R"(\begin{pmatrix} 0.5 \\ \sqrt{4} \end{pmatrix})",
     R"(\begin{pmatrix} \frac12 \\ 2 \end{pmatrix})"},
    {R"(x^2+2x+1)", R"((x+1)^2)"},
    {R"(x^2+2x+1)", R"(1+x^2+2x)"},
    {R"((x-1)(x+1))", R"(x^{2}-1)"},
    {R"(\frac{x^2-1}{x-1})", R"(x+1)"},
    {R"(a b + c)", R"(c+ba)"},
    {R"(\sin^2 x + \cos^2 x)", R"(1)"},
    {R"(2\sin x\cos x)", R"(\sin 2x)"},
    {R"(\sin(2x))", R"(2\sin(x)\cos(x))"},
    {R"(\infty)", R"(+\infty)"},
    {R"((-\infty, 2])", R"((-\infty,\ 2])"},
    {R"((-\infty,0)\cup(1,\infty))", R"((1,\infty)\cup(-\infty,0))"},
    {R"(\log_2 8)", R"(3)"},
    {R"(\log 100)", R"(2)"},
    {R"(\ln e^2)", R"(2)"},
    {R"(\ln 4)", R"(2\ln 2)"},
    {R"(\sqrt[3]{8})", R"(2)"},
    {R"(\sqrt[3]{16})", R"(2\sqrt[3]{2})"},
    {R"(5!)", R"(120)"},
    {R"(\binom{10}{3})", R"(120)"},
    {R"(\binom{n}{2})", R"(\frac{n(n-1)}{2})"},
    {R"(2^{10})", R"(1024)"},
    {R"(2^{-1})", R"(\frac12)"},
    {R"(2^{2023})", R"(2\cdot 2^{2022})"},
    {R"(10^{-3})", R"(0.001)"},
    {R"(1e-3)", R"(0.001)"},
    {R"(1.5 \times 10^3)", R"(1500)"},
    {R"(0.\overline{3})", R"(\frac13)"},
    {R"(0.1\overline{6})", R"(\frac{1}{6})"},
    {R"(|{-3}|)", R"(3)"},
    {R"(\lfloor \pi \rfloor)", R"(3)"},
    {R"(\lceil 2.1 \rceil)", R"(3)"},
    {R"(\pm 2)", R"(2, -2)"},
    {R"(1 \pm \sqrt{2})", R"(1+\sqrt2, 1-\sqrt2)"},
    {R"(x > 5)", R"(5 < x)"},
    {R"(0 < x < 1)", R"(1 > x > 0)"},
    {R"(x \ge \frac12)", R"(x \geq 0.5)"},
    {R"(x^2 + y^2 = 1)", R"(y^2 + x^2 - 1 = 0)"},
    {R"(2x + 4y = 6)", R"(x + 2y = 3)"},
    {R"(\text{Yes})", R"(yes)"},
    {R"(\text{no solution})", R"(No solution.)"},
    {R"((\text{A}))", R"(A)"},
    {R"(\textbf{(B)})", R"(B)"},
    {R"(\frac{2+3i}{1})", R"(3i+2)"},
    {R"((1+i)^2)", R"(2i)"},
    {R"(\sqrt{-4})", R"(2i)"},
    {R"(\sqrt{3+2\sqrt{2}})", R"(1+\sqrt{2})"},
    {R"(\cos\frac{\pi}{5})", R"(\frac{1+\sqrt5}{4})"},
    {R"(\arctan 1)", R"(\frac{\pi}{4})"},
    {R"(\tan^{-1} 1)", R"(\frac{\pi}{4})"},
    {R"(2 \cdot -3)", R"(-6)"},
    {R"(\frac{-1}{2})", R"(-\frac{1}{2})"},
    {R"(3√2)", R"(\sqrt{18})"},
    {R"(x²+1)", R"(1+x^2)"},
    {R"(2π)", R"(\pi \cdot 2)"},
    {R"(\$5.50)", R"(5.5)"},
    {R"(y=-\frac{1}{2}x+3)", R"(3-\frac{x}{2})"},
    {R"(\frac{a+b}{2})", R"(0.5(a+b))"},
    {R"(e^{2})", R"(e\cdot e)"},
    {R"(\sqrt{2}^{2})", R"(2)"},
    {R"(sqrt(12))", R"(2*sqrt(3))"},
    {R"(2**3)", R"(8)"},
    {R"(\{(1,2),(3,4)\})", R"(\{(3,4),(1,2)\})"},
    {R"(10 000)", R"(10000)"},
    {R"(\begin{pmatrix} 1 \\2 \end{pmatrix})", R"(\begin{pmatrix}1\\2\\\end{pmatrix})"},
    {R"(\frac{\sqrt{3}}{2})", R"(\sqrt{3}/2)"},
    {R"(x \in \{1, 2\})", R"(\{2,1\})"},
    {R"(\mathrm{A})", R"(A)"},
    {R"(k = \frac{3}{2} \text{ or } k = 1)", R"(1, 1.5)"},
    {R"(-\frac{\sqrt{2}}{2})", R"(-1/\sqrt{2})"},
    {R"(2\pi r)", R"(2r\pi)"},
    {R"(\frac{x}{y})", R"(x/y)"},
    {R"(15 \mbox{ minutes})", R"(15)"},
};

constexpr Pair kDifferentPairs[] = {
    {R"(\frac12)", R"(0.51)"},
    {R"(0.333)", R"(\frac13)"},
    {R"(1.414)", R"(\sqrt{2})"},
    {R"(1.4142135623730951)", R"(\sqrt2)"},
    {R"(3.14)", R"(\pi)"},
    {R"(\frac{22}{7})", R"(\pi)"},
    {R"(2\sqrt3)", R"(\sqrt{13})"},
    {R"((1,2))", R"((2,1))"},
    {R"((1,2))", R"([1,2])"},
    {R"((1,2))", R"(\{1,2\})"},
    {R"([0,1))", R"((0,1])"},
    {R"([0,1))", R"([0,1])"},
    {R"(\{1,2\})", R"(\{1,2,3\})"},
    {R"(1,2)", R"(12)"},
    {R"(10\%)", R"(0.1)"},
    {R"(0.1)", R"(\sqrt{100})"},
    {R"(x=5)", R"(x=6)"},
    {R"(x^2+2x+1)", R"((x-1)^2)"},
    {R"(x^2)", R"(x^3)"},
    {R"(x)", R"(y)"},
    {R"(x+1)", R"(1)"},
    {R"(|x|)", R"(x)"},
    {R"(\sqrt{x^2})", R"(x)"},
    {R"(\infty)", R"(-\infty)"},
    {R"(\infty)", R"(10)"},
    {R"(\begin{pmatrix}1&2\end{pmatrix})", R"(\begin{pmatrix}1\\2\end{pmatrix})"},
    {R"(\begin{pmatrix}1&2\end{pmatrix})", R"(\begin{pmatrix}2&1\end{pmatrix})"},
    {R"(x > 5)", R"(x < 5)"},
    {R"(x > 5)", R"(x \ge 5)"},
    {R"(x + y = 1)", R"(x + y = 2)"},
    {R"(\text{Yes})", R"(\text{No})"},
    {R"(A)", R"(B)"},
    {R"(blue)", R"(5)"},
    {R"(blue)", R"(lube)"},
    {R"(9^{9^{9}})", R"(9^{9^{9}}+1)"},
    {R"(9^{9^{9}})", R"(1)"},
    {R"(((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))))",
     R"(2)"},
    {R"(1000000!)", R"(1)"},
    {R"(e^{\pi\sqrt{163}})", R"(262537412640768744)"},
    {R"(\frac{1}{0})", R"(1)"},
    {R"(\frac{1}{0})", R"(\frac{2}{0})"},
    {R"(\text{})", R"(1)"},
    {R"()", R"(1)"},
    {R"(\frac{1})", R"(1)"},
    {R"({{{)", R"(1)"},
    {R"(\foo{1})", R"(1)"},
    {R"(__import__('os').system('id'))", R"(1)"},
    {R"(1 2)", R"(12)"},
    {R"(0)", R"(\emptyset)"},
    {R"(\sin x)", R"(\sin y)"},
    {R"(i)", R"(1)"},
    {R"(2^{10000})", R"(2^{10001})"},
    {R"(\sqrt[0]{5})", R"(1)"},
    {R"(3:30)", R"(3)"},
    {R"(\frac{x}{y})", R"(\frac{y}{x})"},
    {R"(1 2)", R"(12)"},
    {R"(\{\})", R"(0)"},
};

class AnswerEquality : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    Result<std::unique_ptr<LocalSandbox>> created = LocalSandbox::Create(SandboxConfig());
    ASSERT_TRUE(created.ok()) << created.status().message();
    sandbox_ = created->release();
    comparer_ = new SandboxComparer(*sandbox_);
  }
  static void TearDownTestSuite() {
    delete std::exchange(comparer_, nullptr);
    delete std::exchange(sandbox_, nullptr);
  }

  static AnswerComparer::Verdicts Compare(const std::string& answer,
                                          const std::vector<std::string>& others,
                                          double seconds = 60) {
    SandboxComparer comparer(*sandbox_, {.seconds = seconds, .seconds_again = 60, .threads = 1});
    return Ask(comparer, answer, others);
  }
  static AnswerComparer::Verdicts Ask(SandboxComparer& comparer, const std::string& answer,
                                      const std::vector<std::string>& others) {
    ComparisonRequest request;
    request.answer = answer;
    for (const std::string& other : others) request.others.push_back({other, false});
    std::promise<AnswerComparer::Verdicts> verdicts;
    comparer.Compare(request,
                     [&](AnswerComparer::Verdicts found) { verdicts.set_value(std::move(found)); });
    return verdicts.get_future().get();
  }

  // As a problem's answers would be grouped.
  static bool Same(const std::string& first, const std::string& second) {
    AnswerClasses classes;
    classes.Add(NormalizeAnswer(first), first, {}, {});
    const std::string form = NormalizeAnswer(second);
    if (classes.Find(form) != nullptr) return true;
    const std::vector<AnswerClasses::Question> questions = classes.Questions(form);
    if (questions.empty()) return false;
    const auto verdicts = Ask(*comparer_, second, {questions[0].written});
    return classes.Add(form, second, questions, verdicts).representative != form;
  }

  static LocalSandbox* sandbox_;
  static SandboxComparer* comparer_;
};

LocalSandbox* AnswerEquality::sandbox_ = nullptr;
SandboxComparer* AnswerEquality::comparer_ = nullptr;

TEST_F(AnswerEquality, FindsEqualAnswers) {
  for (const auto& [first, second] : kEqualPairs) {
    EXPECT_TRUE(Same(first, second)) << first << " and " << second;
  }
}

TEST_F(AnswerEquality, KeepsDifferentAnswersApart) {
  for (const auto& [first, second] : kDifferentPairs) {
    EXPECT_FALSE(Same(first, second)) << first << " and " << second;
  }
}

TEST_F(AnswerEquality, DoesNotDependOnWhichCameFirst) {
  for (const auto& [first, second] : {kEqualPairs[3], kEqualPairs[20], kEqualPairs[60]}) {
    EXPECT_TRUE(Same(second, first)) << second << " and " << first;
  }
  for (const auto& [first, second] : {kDifferentPairs[4], kDifferentPairs[9]}) {
    EXPECT_FALSE(Same(second, first)) << second << " and " << first;
  }
}

TEST_F(AnswerEquality, AnswersForEachOfTheOthersUpToTheFirstEqualOne) {
  EXPECT_THAT(Compare("\\sqrt{4}", {"3", "9^{9^{9}}", "2", "4"}),
              ElementsAre(Verdict::kDifferent, Verdict::kUnreadable, Verdict::kEqual));
}

TEST_F(AnswerEquality, TheTextOfAnAnswerIsNeverRun) {
  EXPECT_THAT(
      Compare("__import__('os').abort()", {"exec(\"print('equal')\")", "\"]}\nprint('equal')"}),
      ElementsAre(Verdict::kUnreadable, Verdict::kUnreadable));
}

// Three answers on which a pattern that tries all ways of reading would take seconds each.
TEST_F(AnswerEquality, WordyAnswersCostNoOtherItsVote) {
  SandboxComparer comparer(*sandbox_, {.seconds = 0.5, .seconds_again = 0.5, .threads = 1});
  const std::string words(200, 'a');
  for (const char* end : {"1", "\\", "{"}) {
    EXPECT_THAT(Ask(comparer, "\\sqrt{8}", {words + end, "2\\sqrt2"}),
                ElementsAre(::testing::Ne(Judgement(Verdict::kTimeout)), Verdict::kEqual));
  }
}

// So little time that everything is cut off, and found when asked again.
TEST_F(AnswerEquality, WhatIsCutOffIsAskedAgain) {
  EXPECT_THAT(Compare("\\sum_{k=1}^{300}\\sin(kx)", {"\\sum_{k=1}^{300}\\sin(xk)"}, 1e-6),
              ElementsAre(Judgement(Verdict::kEqual, true)));
}

}  // namespace
}  // namespace qed

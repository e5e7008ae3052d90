#include "engine/expr/intrinsics.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/expression.h"
#include "engine/expr/intrinsic_functions.h"
#include "engine/expr/jsonpath.h"

namespace millrace {

namespace intrinsics_internal {

struct Call {
  using Argument = std::variant<Json, JsonPath, std::shared_ptr<const Call>>;
  std::string text;
  const Function* function = nullptr;
  std::vector<Argument> arguments;
};

}  // namespace intrinsics_internal

using intrinsics_internal::Arguments;
using intrinsics_internal::Call;
using intrinsics_internal::Reads;

namespace {

class CallParser {
 public:
  explicit CallParser(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::shared_ptr<const Call>> ParseAll() {
    auto call = std::make_shared<Call>();
    if (ParseCall(call.get()) && at_ < text_.size()) Fail("unexpected text");
    if (!problem_.ok()) return problem_;
    return call;
  }

 private:
  static constexpr int kDepthMax = 32;

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    SkipSpace();
    return true;
  }

  void SkipSpace() {
    while (at_ < text_.size() && absl::ascii_isspace(static_cast<uint8_t>(text_[at_]))) ++at_;
  }

  bool Fail(absl::string_view message) {
    if (problem_.ok()) {
      problem_ = absl::InvalidArgumentError(absl::StrCat(
          "Not an intrinsic function call: ", message, " at character ", at_ + 1, "."));
    }
    return false;
  }

  bool ParseCall(Call* call) {
    if (++depth_ > kDepthMax) return Fail("nesting too deep");
    const size_t first = at_;
    constexpr absl::string_view kPrefix = "States.";
    if (text_.substr(at_, kPrefix.size()) != kPrefix) return Fail("no 'States.'");
    at_ += kPrefix.size();
    const size_t name = at_;
    while (absl::ascii_isalnum(static_cast<uint8_t>(Peek()))) ++at_;
    const absl::string_view written = text_.substr(name, at_ - name);
    call->function = intrinsics_internal::FunctionNamed(written);
    if (call->function == nullptr) {
      const absl::string_view nearest = intrinsics_internal::NearestFunction(written);
      return Fail(
          absl::StrCat("an unknown function", nearest.empty() ? "" : ", perhaps States.", nearest));
    }
    SkipSpace();
    if (!ParseArguments(call)) return false;
    call->text = std::string(absl::StripAsciiWhitespace(text_.substr(first, at_ - first)));
    --depth_;
    return true;
  }

  bool ParseArguments(Call* call) {
    if (!Take('(')) return Fail("no '('");
    if (!Take(')')) {
      do {
        if (!ParseArgument(call)) return false;
        SkipSpace();
      } while (Take(','));
      if (!Take(')')) return Fail("no ')'");
    }
    const size_t count = call->arguments.size();
    if (count < call->function->arguments_min || count > call->function->arguments_max) {
      return Fail(absl::StrCat("a wrong number of arguments for States.", call->function->name));
    }
    return true;
  }

  bool ParseArgument(Call* call) {
    if (Peek() == '\'') {
      // Format reads its escapes itself: a brace after a backslash is no placeholder.
      return ParseText(call->function->name == "Format" && call->arguments.empty(), call);
    }
    if (Peek() == '$') return ParsePath(call);
    if (Peek() == 'S') {
      auto nested = std::make_shared<Call>();
      if (!ParseCall(nested.get())) return false;
      call->arguments.emplace_back(std::shared_ptr<const Call>(std::move(nested)));
      return true;
    }
    const size_t first = at_;
    while (at_ < text_.size() && Peek() != ',' && Peek() != ')') ++at_;
    const absl::StatusOr<Json> value = ParseJson(text_.substr(first, at_ - first));
    if (!value.ok() || value->is_string() || value->is_array() || value->is_object()) {
      at_ = first;
      return Fail("no argument");
    }
    call->arguments.emplace_back(*value);
    return true;
  }

  bool ParseText(bool keeps_escapes, Call* call) {
    std::string text;
    for (++at_; at_ < text_.size() && Peek() != '\''; ++at_) {
      if (Peek() == '\\') {
        constexpr absl::string_view kEscaped = "'{}\\";
        const bool is_known =
            at_ + 1 < text_.size() && kEscaped.find(text_[at_ + 1]) != absl::string_view::npos;
        if (!is_known) return Fail("a backslash that escapes nothing");
        if (keeps_escapes) text.push_back('\\');
        ++at_;
      }
      text.push_back(Peek());
    }
    if (at_ == text_.size()) return Fail("no closing quote");
    ++at_;
    call->arguments.emplace_back(Json(text));
    return true;
  }

  // A path reaches to the comma or parenthesis that is not its own.
  bool ParsePath(Call* call) {
    const size_t first = at_;
    int open = 0;
    char quote = '\0';
    for (; at_ < text_.size(); ++at_) {
      const char c = Peek();
      if (quote != '\0') {
        if (c == '\\')
          ++at_;
        else if (c == quote)
          quote = '\0';
        continue;
      }
      if (open == 0 && (c == ',' || c == ')')) break;
      if (open > 0 && (c == '\'' || c == '"')) quote = c;
      if (c == '[' || c == '(') ++open;
      if (c == ']' || c == ')') --open;
    }
    at_ = std::min(at_, text_.size());
    absl::StatusOr<JsonPath> path =
        JsonPath::Parse(absl::StripAsciiWhitespace(text_.substr(first, at_ - first)));
    if (!path.ok()) return Fail(path.status().message());
    call->arguments.emplace_back(*std::move(path));
    return true;
  }

  const absl::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  absl::Status problem_;
};

AslResult<Json> Run(const Call& call, const Scope& scope, absl::string_view field);

AslResult<Json> ValueOf(const Call::Argument& argument, const Scope& scope,
                        absl::string_view field) {
  if (const Json* literal = std::get_if<Json>(&argument)) return *literal;
  if (const JsonPath* path = std::get_if<JsonPath>(&argument)) {
    return EvaluatePath(*path, scope, field);
  }
  return Run(*std::get<std::shared_ptr<const Call>>(argument), scope, field);
}

// In the time of looking at one value.
constexpr size_t kTextBytesPerVisit = 16;
constexpr size_t kJsonBytesPerVisit = 2;  // as few as an element may have
// To make an element of a result.
constexpr size_t kVisitsPerMade = 8;

// What takes as long as the function takes for this argument.
size_t VisitsOf(Reads reads, const Json& argument) {
  if (reads == Reads::kNothing) return 0;
  if (reads == Reads::kElements) return argument.size();
  const size_t bytes = argument.is_string() ? argument.AsString().size() : argument.TextSize();
  const bool is_plain = argument.is_string() && reads == Reads::kText;
  return bytes / (is_plain ? kTextBytesPerVisit : kJsonBytesPerVisit);
}

AslResult<Json> Run(const Call& call, const Scope& scope, absl::string_view field) {
  size_t visits = 1 + call.arguments.size();
  Arguments arguments;
  arguments.random_state = scope.random_state;
  for (const Call::Argument& argument : call.arguments) {
    AslResult<Json> value = ValueOf(argument, scope, field);
    if (!value.ok()) return value;
    visits += VisitsOf(call.function->reads, *value);
    arguments.values.push_back(*std::move(value));
  }
  if (!scope.Charge(visits)) return LooksAtTooMuch();
  AslResult<Json> result = call.function->run(arguments);
  if (result.ok() && !scope.Charge(kVisitsPerMade * result->size())) return LooksAtTooMuch();
  if (result.ok()) return result;
  AslError error = result.error();
  error.cause = absl::StrCat("The function '", call.text,
                             "' had the following error: ", error.cause.value_or(""), ".");
  return error;
}

}  // namespace

absl::StatusOr<IntrinsicCall> IntrinsicCall::Parse(absl::string_view text) {
  absl::StatusOr<std::shared_ptr<const Call>> call = CallParser(text).ParseAll();
  if (!call.ok()) return call.status();
  return IntrinsicCall(*std::move(call));
}

AslResult<Json> IntrinsicCall::Evaluate(const Scope& scope, absl::string_view field) const {
  return Run(*call_, scope, field);
}

}  // namespace millrace

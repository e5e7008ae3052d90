#include "engine/program/resource.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"

namespace millrace {
namespace {

using Parts = std::vector<absl::string_view>;

constexpr size_t kNameBytesMax = 63;
constexpr size_t kQueueNameBytesMax = 80;
constexpr absl::string_view kForms =
    "a function's name such as 'review', 'queue:{name}', "
    "'arn:aws:lambda:{region}:{account}:function:{name}', "
    "'arn:aws:states:::lambda:invoke', 'arn:aws:states:::{service}:{action}', "
    "'qrn:qcs:asw:{region}:{appid}:sdk:json:qcloud:scf:Invoke/{name}' or "
    "'urn:fss:{region}:{project}:function:{package}:{name}'";

absl::Status UnknownForm(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", text.substr(0, 200), "' is no Resource; it may be ", kForms));
}

// Each cloud has its own word for the version that is called when none is named.
std::string Version(absl::string_view text) {
  const bool is_newest = text == "$LATEST" || text == "$DEFAULT" || text == "latest";
  return is_newest ? "" : std::string(text);
}

Resource Unserved(absl::string_view service, std::string reason) {
  return {.target = UnservedTarget{std::move(reason)}, .resource_type = std::string(service)};
}

Resource Unfilled(absl::string_view text) {
  return Unserved("function", absl::StrCat("'", text.substr(0, 200),
                                           "' has a placeholder, which is to be filled in before "
                                           "the workflow is created"));
}

absl::StatusOr<FunctionTarget> Target(absl::string_view name, absl::string_view version) {
  if (!IsFunctionName(name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", name.substr(0, 200), "' is no name of a function: a letter, then at most ",
        kNameBytesMax - 1, " letters, digits, '_' or '-'"));
  }
  return FunctionTarget{.function = std::string(name), .version = Version(version)};
}

absl::StatusOr<Resource> FunctionResource(absl::string_view name, absl::string_view version) {
  if (HasPlaceholder(name) || HasPlaceholder(version)) return Unfilled(name);
  MILLRACE_ASSIGN_OR_RETURN(FunctionTarget target, Target(name, version));
  return Resource{.target = std::move(target), .resource_type = "function"};
}

absl::StatusOr<Resource> QueueResource(absl::string_view name, absl::string_view type) {
  if (HasPlaceholder(name)) return Unfilled(name);
  if (!IsQueueName(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name.substr(0, 200), "' is no name of a queue: 1 to ", kQueueNameBytesMax,
                     " letters, digits, '_', '.' or '-'"));
  }
  return Resource{.target = QueueTarget{std::string(name)}, .resource_type = std::string(type)};
}

// `arn`, and a partition: aws, aws-cn, aws-us-gov.
bool IsArn(const Parts& parts) {
  return parts.size() > 5 && parts[0] == "arn" &&
         (parts[1] == "aws" || absl::StartsWith(parts[1], "aws-"));
}

bool IsLambdaArn(const Parts& parts) {
  return IsArn(parts) && (parts.size() == 7 || parts.size() == 8) && parts[2] == "lambda" &&
         parts[5] == "function";
}

// Of "startExecution", with or without a suffix.
ChildAnswer AnswerOf(absl::string_view action) {
  if (absl::EndsWith(action, ".sync")) return ChildAnswer::kDescription;
  if (absl::EndsWith(action, ".sync:2")) return ChildAnswer::kParsedDescription;
  return ChildAnswer::kStarted;
}

// "arn:aws:states:{region}:{account}:...", which is an integration or an activity.
absl::StatusOr<Resource> ParseStatesArn(absl::string_view text, const Parts& parts) {
  if (parts.size() == 7 && parts[5] == "activity") {
    MILLRACE_ASSIGN_OR_RETURN(Resource activity, QueueResource(parts[6], "activity"));
    activity.is_activity = true;
    return activity;
  }
  size_t action_part = 6;
  if (parts[5] == "aws-sdk") action_part = 7;
  const size_t parts_max = action_part + (absl::EndsWith(text, ".sync:2") ? 2 : 1);
  if (parts.size() <= action_part || parts.size() > parts_max) return UnknownForm(text);
  const size_t service_begin = static_cast<size_t>(parts[5].data() - text.data());
  const size_t action_begin = static_cast<size_t>(parts[action_part].data() - text.data());
  const absl::string_view service = text.substr(service_begin, action_begin - service_begin - 1);
  const std::optional<Integration> integration =
      ParseIntegration(service, text.substr(action_begin));
  if (!integration) return UnknownForm(text);
  if (const std::string wrong = CheckIntegration(*integration); !wrong.empty()) {
    return absl::InvalidArgumentError(wrong);
  }
  const std::string action(text.substr(action_begin));
  if (service == "lambda" && integration->pattern == CallPattern::kRequestResponse) {
    return Resource{.wraps_invocation = true, .resource_type = "lambda", .action = action};
  }
  if (service == "states" && integration->pattern != CallPattern::kWaitForTaskToken) {
    return Resource{.target = ChildTarget{.answer = AnswerOf(action)},
                    .resource_type = "states",
                    .action = action,
                    .pattern = integration->pattern};
  }
  Resource resource = Unserved(service, absl::StrCat("'", service, "' is not served here"));
  resource.action = action;
  resource.pattern = integration->pattern;
  return resource;
}

absl::StatusOr<Resource> ParseArn(absl::string_view text, const Parts& parts) {
  if (IsLambdaArn(parts)) {
    return FunctionResource(parts[6], parts.size() == 8 ? parts[7] : absl::string_view());
  }
  if (!IsArn(parts) || parts[2] == "lambda") return UnknownForm(text);
  if (parts[2] == "states") return ParseStatesArn(text, parts);
  if (parts[2].empty() || parts.back().empty()) return UnknownForm(text);
  return Unserved(parts[2], absl::StrCat("'", parts[2], "' is not served here"));
}

absl::StatusOr<Resource> ParseQrn(absl::string_view text, const Parts& parts) {
  if (parts.size() < 9 || parts[1] != "qcs" || parts[2] != "asw" || parts[6] != "json") {
    return UnknownForm(text);
  }
  if (parts.size() == 10 && parts[5] == "http" && parts[7] == "flowmachine") {
    return Resource{
        .target = ChildTarget{.workflow = std::string(parts[8]), .answer = ChildAnswer::kOutput},
        .resource_type = "flowmachine",
        .pattern = CallPattern::kRunJob};
  }
  if (parts.size() != 10 || parts[5] != "sdk" || parts[7] != "qcloud" || parts[9].empty()) {
    return UnknownForm(text);
  }
  if (parts[8] != "scf") {
    return Unserved(parts[8], absl::StrCat("'", parts[8], "' is not served here"));
  }
  const Parts action = absl::StrSplit(parts[9], '/');
  if (action[0] != "Invoke" || action.size() < 2 || action.size() > 4) return UnknownForm(text);
  return FunctionResource(action[1], action.size() > 2 ? action[2] : absl::string_view());
}

absl::StatusOr<Resource> ParseUrn(absl::string_view text, const Parts& parts) {
  const bool is_function =
      (parts.size() == 7 || parts.size() == 8) && parts[1] == "fss" && parts[4] == "function";
  if (!is_function) return UnknownForm(text);
  return FunctionResource(parts[6], parts.size() == 8 ? parts[7] : absl::string_view());
}

// "scheme:rest", without spaces.
bool IsUri(absl::string_view text) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
  return absl::ascii_isalpha(text[0]) && std::none_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isspace(c) || absl::ascii_iscntrl(c);
         });
}

absl::StatusOr<Resource> ParseForm(absl::string_view text) {
  const Parts parts = absl::StrSplit(text, ':');
  if (parts.size() == 1 && IsFunctionName(text)) return FunctionResource(text, "");
  if (parts[0] == "queue") return QueueResource(text.substr(parts[0].size() + 1), "queue");
  if (parts[0] == "arn") return ParseArn(text, parts);
  if (parts[0] == "qrn") return ParseQrn(text, parts);
  if (parts[0] == "urn") return ParseUrn(text, parts);
  if (IsUri(text)) return Unserved(parts[0], "no service of this kind is known here");
  return UnknownForm(text);
}

}  // namespace

bool HasPlaceholder(absl::string_view text) {
  const size_t dollar = text.find("${");
  if (dollar != absl::string_view::npos && absl::StrContains(text.substr(dollar), '}')) return true;
  const size_t angle = text.find('<');
  return angle != absl::string_view::npos && absl::StrContains(text.substr(angle), '>');
}

bool IsFunctionName(absl::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && absl::ascii_isalpha(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
}

bool IsQueueName(absl::string_view text) {
  return !text.empty() && text.size() <= kQueueNameBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
         });
}

absl::StatusOr<Resource> ParseResource(absl::string_view text) {
  absl::StatusOr<Resource> resource = ParseForm(text);
  if (resource.ok() || !HasPlaceholder(text)) return resource;
  return Unfilled(text);
}

absl::StatusOr<FunctionTarget> ParseFunctionName(absl::string_view text) {
  const Parts parts = absl::StrSplit(text, ':');
  if (IsLambdaArn(parts)) return Target(parts[6], parts.size() == 8 ? parts[7] : "");
  if ((parts.size() == 3 || parts.size() == 4) && parts[1] == "function") {
    return Target(parts[2], parts.size() == 4 ? parts[3] : "");
  }
  if (parts.size() == 2) return Target(parts[0], parts[1]);
  return Target(text, "");
}

}  // namespace millrace

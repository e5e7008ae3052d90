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
constexpr absl::string_view kForms =
    "a function's name such as 'review', 'arn:aws:lambda:{region}:{account}:function:{name}', "
    "'arn:aws:states:::lambda:invoke', "
    "'qrn:qcs:asw:{region}:{appid}:sdk:json:qcloud:scf:Invoke/{name}' or "
    "'urn:fss:{region}:{project}:function:{package}:{name}'";

absl::Status UnknownForm(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text.substr(0, 200), "' is no Resource that can be called; it may be ", kForms));
}

// Each cloud has its own word for the version that is called when none is named.
std::string Version(absl::string_view text) {
  const bool is_newest = text == "$LATEST" || text == "$DEFAULT" || text == "latest";
  return is_newest ? "" : std::string(text);
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
  MILLRACE_ASSIGN_OR_RETURN(FunctionTarget target, Target(name, version));
  return Resource{.target = std::move(target), .resource_type = "function"};
}

// `arn`, and a partition: aws, aws-cn, aws-us-gov.
bool IsArn(const Parts& parts) {
  return parts.size() > 2 && parts[0] == "arn" &&
         (parts[1] == "aws" || absl::StartsWith(parts[1], "aws-"));
}

bool IsLambdaArn(const Parts& parts) {
  return IsArn(parts) && (parts.size() == 7 || parts.size() == 8) && parts[2] == "lambda" &&
         parts[5] == "function";
}

absl::StatusOr<Resource> ParseArn(absl::string_view text, const Parts& parts) {
  if (IsLambdaArn(parts)) {
    return FunctionResource(parts[6], parts.size() == 8 ? parts[7] : absl::string_view());
  }
  if (IsArn(parts) && parts.size() == 7 && parts[2] == "states" && parts[5] == "lambda" &&
      parts[6] == "invoke") {
    return Resource{.wraps_invocation = true, .resource_type = "lambda"};
  }
  return UnknownForm(text);
}

absl::StatusOr<Resource> ParseQrn(absl::string_view text, const Parts& parts) {
  const bool is_function = parts.size() == 10 && parts[1] == "qcs" && parts[2] == "asw" &&
                           parts[5] == "sdk" && parts[6] == "json" && parts[7] == "qcloud" &&
                           parts[8] == "scf";
  if (!is_function) return UnknownForm(text);
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

}  // namespace

bool IsFunctionName(absl::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && absl::ascii_isalpha(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
}

absl::StatusOr<Resource> ParseResource(absl::string_view text) {
  const Parts parts = absl::StrSplit(text, ':');
  if (parts.size() == 1 && IsFunctionName(text)) return FunctionResource(text, "");
  if (parts[0] == "arn") return ParseArn(text, parts);
  if (parts[0] == "qrn") return ParseQrn(text, parts);
  if (parts[0] == "urn") return ParseUrn(text, parts);
  return UnknownForm(text);
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

#include "engine/runtime/mock_schema.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

enum class FieldType { kAny, kString, kNumber, kTimestamp };

struct Field {
  absl::string_view name;
  FieldType type;
  bool is_always_there = false;
};

struct Schema {
  absl::string_view resource_part;
  std::vector<Field> fields;
};

// The response elements of the services' API references.
const std::vector<Schema>& Schemas() {
  static const auto* schemas = new std::vector<Schema>{
      {":lambda:invoke",
       {{"ExecutedVersion", FieldType::kString},
        {"FunctionError", FieldType::kString},
        {"LogResult", FieldType::kString},
        {"Payload", FieldType::kAny},
        {"StatusCode", FieldType::kNumber}}},
      {":states:startExecution",
       {{"ExecutionArn", FieldType::kString, true}, {"StartDate", FieldType::kTimestamp, true}}},
      {":sqs:sendMessage",
       {{"MD5OfMessageAttributes", FieldType::kString},
        {"MD5OfMessageBody", FieldType::kString},
        {"MD5OfMessageSystemAttributes", FieldType::kString},
        {"MessageId", FieldType::kString},
        {"SequenceNumber", FieldType::kString}}},
      {":sns:publish",
       {{"MessageId", FieldType::kString}, {"SequenceNumber", FieldType::kString}}}};
  return *schemas;
}

bool Fits(FieldType type, const Json& value) {
  switch (type) {
    case FieldType::kString:
      return value.is_string();
    case FieldType::kNumber:
      return value.is_number();
    case FieldType::kTimestamp:
      return value.is_string() || value.is_number();
    default:
      return true;
  }
}

constexpr absl::string_view Describe(FieldType type) {
  switch (type) {
    case FieldType::kString:
      return "a string";
    case FieldType::kNumber:
      return "a number";
    default:
      return "a valid timestamp";
  }
}

}  // namespace

std::optional<std::string> FindSchemaProblem(absl::string_view resource, const Json& result,
                                             bool is_strict) {
  for (const Schema& schema : Schemas()) {
    if (!absl::StrContains(resource, schema.resource_part)) continue;
    if (!result.is_object()) return "The result must be an object";
    for (const Field& field : schema.fields) {
      const Json* value = result.Find(field.name);
      if (value == nullptr) {
        if (is_strict && field.is_always_there) {
          return absl::StrCat("Field '", field.name, "' is required but missing");
        }
      } else if (!Fits(field.type, *value)) {
        return absl::StrCat("Field '", field.name, "' must be ", Describe(field.type));
      }
    }
  }
  return std::nullopt;
}

}  // namespace millrace

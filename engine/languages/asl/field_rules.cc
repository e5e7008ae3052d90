#include "engine/languages/asl/field_rules.h"

#include "absl/strings/str_cat.h"

namespace millrace::asl {
namespace {

// A field that only one query language has, and what the other has in its place.
struct FieldRule {
  absl::string_view field;
  absl::string_view instead;
};

constexpr FieldRule kJsonPathFields[] = {
    {"InputPath", "'$states.input' in the expressions"},
    {"Parameters", "'Arguments'"},
    {"Result", "'Output'"},
    {"ResultSelector", "'Output'"},
    {"ResultPath", "'Output'"},
    {"OutputPath", "'Output'"},
    {"ItemsPath", "'Items'"},
    {"Variable", "'Condition'"},
    {"TimeoutSecondsPath", "an expression in 'TimeoutSeconds'"},
    {"HeartbeatSecondsPath", "an expression in 'HeartbeatSeconds'"},
    {"SecondsPath", "an expression in 'Seconds'"},
    {"TimestampPath", "an expression in 'Timestamp'"},
    {"ErrorPath", "an expression in 'Error'"},
    {"CausePath", "an expression in 'Cause'"},
    {"MaxConcurrencyPath", "an expression in 'MaxConcurrency'"},
    {"ToleratedFailureCountPath", "an expression in 'ToleratedFailureCount'"},
    {"ToleratedFailurePercentagePath", "an expression in 'ToleratedFailurePercentage'"},
};

constexpr FieldRule kJsonataFields[] = {
    {"Arguments", "'Parameters'"},
    {"Output", "'ResultSelector', 'ResultPath' and 'OutputPath'"},
    {"Items", "'ItemsPath'"},
    {"Condition", "'Variable' and a comparison such as 'StringEquals'"},
};

template <size_t kSize>
void Report(const FieldRule (&rules)[kSize], absl::string_view other, absl::string_view own,
            ObjectReader& fields) {
  for (const FieldRule& rule : rules) {
    if (fields.json().Find(rule.field) == nullptr) continue;
    fields.Has(rule.field);
    fields.Forbid(rule.field, problem_code::kWrongQueryLanguage,
                  absl::StrCat("'", rule.field, "' is a field of ", other, ", and this is ", own,
                               ", which has ", rule.instead, "."));
  }
}

}  // namespace

void ReportFieldsOfOtherLanguage(ObjectReader& fields, bool is_jsonata) {
  if (is_jsonata) {
    Report(kJsonPathFields, "JSONPath", "JSONata", fields);
  } else {
    Report(kJsonataFields, "JSONata", "JSONPath", fields);
  }
}

}  // namespace millrace::asl

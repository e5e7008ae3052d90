#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "engine/json/json.h"
#include "engine/languages/object_reader.h"

// What Tencent's Application Service Workflow does otherwise than the States Language, while a
// definition is read. What else the States Language has may stand in its definitions too.
namespace millrace::asl {

// TimeoutSeconds and TimeoutMilliseconds of the whole workflow, in seconds; the second wins. By
// default, and at most: a day and a year, for EXPRESS a minute and five.
double ReadAswTimeout(ObjectReader& fields, bool is_express);

// Warns of a state type that ASW itself does not have.
void WarnOfTypeAbsentInAsw(ObjectReader& fields, absl::string_view type);

// A Choice rule in the States Language's form: in ASW an operand may be a path, as in
// {"NumericEquals": "$.limit"}, which is written {"NumericEqualsPath": "$.limit"} there.
Json AswChoiceRule(const Json& rule);

}  // namespace millrace::asl
